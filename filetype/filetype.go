package filetype

import (
	"context"
	"fmt"
	"slices"
	"time"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/finding"
)

// ErrNot is what Examine answers for bytes that are not of its format.
var ErrNot = cursor.ErrNot

// Verdict says how much is known about the content of a file. The order is that of trust: a higher value
// is better.
type Verdict uint8

const (
	// Unknown: there is no validator for it, or it holds only constant bytes. Shown as "not checked".
	Unknown Verdict = iota
	// Encrypted: ciphertext; never counted as recovered. Shown as "locked".
	Encrypted
	// Damaged: a contradiction was found, and it is known at which byte. Shown as "damaged".
	Damaged
	// Partial: bytes are missing, and it is known which. Shown as "partial".
	Partial
	// Consistent: decodes to its end with no contradiction; nothing proves each byte. "looks whole".
	Consistent
	// Proven: every byte is covered by a check of at least 32 bits that was computed, or its value is
	// forced by structure that was cross-checked; bytes that no reader uses are named in
	// [Report.Uncovered]. Shown as "whole".
	Proven
)

var (
	verdictName  = [...]string{"unknown", "encrypted", "damaged", "partial", "consistent", "proven"}
	verdictWords = [...]string{"not checked", "locked", "damaged", "partial", "looks whole", "whole"}
)

// String returns the word used in JSON and in the catalogue.
func (v Verdict) String() string {
	if int(v) < len(verdictName) {
		return verdictName[v]
	}
	return fmt.Sprintf("Verdict(%d)", uint8(v))
}

// Words returns what a person is told.
func (v Verdict) Words() string {
	if int(v) < len(verdictWords) {
		return verdictWords[v]
	}
	return v.String()
}

// ParseVerdict is the inverse of [Verdict.String].
func ParseVerdict(s string) (Verdict, error) {
	if i := slices.Index(verdictName[:], s); i >= 0 {
		return Verdict(i), nil
	}
	return 0, fmt.Errorf("filetype: verdict %q, expected one of %v", s, verdictName)
}

// MarshalText gives the word of the verdict.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads the word of a verdict.
func (v *Verdict) UnmarshalText(p []byte) (err error) {
	*v, err = ParseVerdict(string(p))
	return err
}

// Class is the drawer that a person would look into.
type Class string

// The classes, in the order in which files are saved when space or time is short.
const (
	Photo    Class = "photo"
	Document Class = "document"
	Database Class = "database"
	Settings Class = "settings"
	Video    Class = "video"
	Audio    Class = "audio"
	Text     Class = "text"
	Archive  Class = "archive"
	Program  Class = "program"
	Firmware Class = "firmware"
	Other    Class = "other"
)

// Classes returns all classes in the order of saving.
func Classes() []Class {
	return []Class{Photo, Document, Database, Settings, Video, Audio, Text, Archive, Program, Firmware, Other}
}

// Format is one row of the table of formats.
type Format struct {
	Name       string   // the format's usual short name, lower case, unique: "jpeg"
	Class      Class    // of a file that Examine gives no other class
	Extensions []string // without dot, lower case; the first is the one given to carved files
	// Signatures find the start of such a file. Each has an ID that begins with Name and a dot. A format
	// without one (plain text) is only tried on files that no other format accepts.
	Signatures []probe.Probe
	// Ceiling is the best verdict that this format can ever get, stated from its specification.
	Ceiling Verdict
	// Carve says that signatures and structure are strong enough to take files of this format out of raw
	// bytes, where nothing else says that a file begins.
	Carve bool
	// Examine reads the file that begins at offset 0 of src.
	//
	// src may end exactly where the file does (a file of a file system) or go on far behind it (a place
	// on a medium); Examine finds the end by the format's structure and never reads on behind it more
	// than it must. It works with bounded memory and asks ctx at least once for each MiB of work.
	//
	// Errors: [ErrNot] when this is no such file (try the next format); a context error; nothing else.
	// Broken structure, unreadable ranges and a source that ends too early are verdicts, with a finding
	// that names the byte.
	Examine func(ctx context.Context, src block.Source) (Report, error)
	// Scout joins pieces of files of this format; nil when its data does not tell good from bad.
	Scout Scout
	// Tells says of a format without Scout that wrong data in the middle is noticed soon: pieces that Examine calls
	// Consistent when they are put together belong together.
	Tells bool
	// Loose says of a format that the bytes of another file in its middle may go unnoticed for long: sound and films that
	// are streams, pixels that are not compressed. Such a file is not put together.
	Loose bool
	// Single says of a format that what its files begin with stands nowhere else in them. Inside of a file that breaks of
	// another format none of the same is begun, since its members, frames or pages would each look like one.
	Single bool
	// Plain says of a format that its files hold nothing that is a file itself: samples, pixels, films that are streams. Where
	// a whole file begins inside of one, at a sector, it has ended.
	Plain bool
	// Preview and Thumbnail are nil for formats that have none.
	Preview   Previewer
	Thumbnail Thumbnailer
	// Rows reads the tables that Preview lists; nil for formats that hold none.
	Rows Rower
}

// Report is what a format says of one file. All offsets are from the start of the file.
type Report struct {
	Verdict Verdict
	// Size is where the file ends by its structure: the offset behind its last byte. When it breaks or
	// is cut before, Size is the best that is known: what the structure announces when it announces a
	// whole size, else GoodUntil. For a file that is cut, Size may lie behind the end of the source.
	Size int64
	// GoodUntil is the offset up to which everything decoded without contradiction; equal to Size for
	// Proven and Consistent. A carved file that breaks is saved up to here.
	GoodUntil int64
	// Uncovered are bytes that no check covers and that no reader uses. Bytes that a reader does use and
	// that no check covers exclude Proven.
	Uncovered block.Set
	// Missing are bytes that the structure needs and that could not be read or are not there.
	Missing block.Set
	// Extension is what the content deserves, without dot, when it is more exact than the format's first
	// one: "docx" for a zip. Empty otherwise.
	Extension string
	// Class, when not empty, is more exact than that of the format.
	Class Class
	Hints Hints
	// Findings give the reasons of the verdict, most important first. Whatever is not Proven has one.
	Findings []finding.Finding
}

// Hints are what the content itself says that it is called. All are hostile text.
type Hints struct {
	Title  string
	Author string
	Camera string    // maker and model
	Taken  time.Time // when the content was made; its location is UTC when the format gives no zone
}

// Extension returns the extension that a file with this report should have, without dot.
func (f *Format) Extension(r Report) string {
	if r.Extension != "" {
		return r.Extension
	}
	if len(f.Extensions) > 0 {
		return f.Extensions[0]
	}
	return "bin"
}

// ClassOf returns the class of a file with this report.
func (f *Format) ClassOf(r Report) Class {
	if r.Class != "" {
		return r.Class
	}
	return f.Class
}
