// Package container says what a reader of disk images in containers is: a [Format] in a table. Each format has a
// folder of its own below this one.
//
// A container gives the disk that it holds as a [block.Source]. What it says was never written reads as zeros;
// what it lost, or says could not be read when it was made, is unreadable. The disk is a medium of its own: its places
// are those of the disk, since what is packed, or stands in another file, has no one place in the container.
package container

import (
	"context"
	"errors"
	"io/fs"

	"salvor/block"
	"salvor/block/probe"
	"salvor/finding"
)

// Format is one row of the table of containers.
type Format struct {
	Name       string   // lower case: "ewf", "qcow2"
	Title      string   // for people: "EnCase image (E01)"
	Extensions []string // lower case, with the dot: a hint only
	// Signatures recognise the format at fixed places; an At below zero counts from the end of the file.
	Signatures []probe.Probe
	// Open opens the disk in src, whose file name is name. It gives cursor.ErrNot when src is something else, and
	// a *cursor.CorruptError when it is broken beyond use. It reads what it needs to find bytes and no more.
	Open func(ctx context.Context, src block.Source, name string, open Opener) (*Image, error)
}

// Opener opens a sibling of an image by its name: a segment, an extent, a backing file. It is confined to the
// image's own folder: names with a separator, "..", devices and URLs give [ErrConfined].
type Opener func(name string) (block.Source, error)

// ErrConfined says that an image names a file outside of its own folder.
var ErrConfined = errors.New("container: the image names a file outside of its own folder")

// ErrNoSibling says that a sibling is missing. It also is [fs.ErrNotExist].
var ErrNoSibling error = siblingError{}

type siblingError struct{}

func (siblingError) Error() string        { return "container: a file of the image is missing" }
func (siblingError) Is(target error) bool { return target == fs.ErrNotExist }

// Image is the disk in a container.
type Image struct {
	Format string       // the row's name
	Source block.Source // the disk
	// SectorSize is what the container says of the disk, in bytes; 0 when it does not.
	SectorSize int64
	// Files are the names of all files that the disk was read from, src first.
	Files    []string
	Findings []finding.Finding
	// Verify recomputes what the container stores of checks over its data: nil when it stores none. It reads all
	// of it.
	Verify func(ctx context.Context) ([]finding.Finding, error)
	// Sums are the hashes over all bytes of the disk that the container stores.
	Sums []Sum
}

// Sum is a stored hash over all bytes of a disk.
type Sum struct {
	Name  string // "md5", "sha1", "sha256"
	Value []byte
}

// LockedError says that an image is encrypted, so that nothing of its disk can be read.
type LockedError struct {
	How  string // "LUKS"
	Need string // what opens it, for people
}

func (e *LockedError) Error() string {
	return "container: the image is encrypted (" + e.How + "): " + e.Need
}

// UnsupportedError says that an image is of a kind that is known and not read.
type UnsupportedError struct {
	What string // "EnCase 7 image (Ex01)"
	Next string // what a person can do
}

func (e *UnsupportedError) Error() string { return "container: " + e.What + " is not read; " + e.Next }
