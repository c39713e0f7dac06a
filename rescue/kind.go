package rescue

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"salvor/block"
	fwall "salvor/firmware/all"
	"salvor/host"
	"salvor/unpack"
)

// FileKind is what a file is for this program.
type FileKind string

// The kinds of files.
const (
	LogFile     FileKind = "log"     // messages of a device or of an update program
	PackageFile FileKind = "package" // something that is installed
	ImageFile   FileKind = "image"   // a copy of a medium
	OtherFile   FileKind = ""        // it may be a package or a copy of flash memory, or is not known
)

// imageFormats are what the table of firmware calls a copy of a whole medium or volume; flashFormats may be that as well
// as a part of a package.
var (
	imageFormats = []string{"disk", "ext", "btrfs", "f2fs", "fat", "android-super"}
	flashFormats = []string{"squashfs", "jffs2", "ubi", "ubifs", "erofs", "cramfs", "romfs", "intelflash", "dtb", "ubootenv", "unknown"}
)

// KindOf says what the file at path is, by its first and last bytes: which of the verbs it is for.
func KindOf(ctx context.Context, path string) (kind FileKind, err error) {
	opened, err := host.Open(ctx, path, host.OpenOptions{Alone: true})
	if err != nil {
		return OtherFile, err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	head := make([]byte, min(whyHead, opened.Size))
	if _, err := opened.Source.ReadAt(head, 0); err != nil {
		return OtherFile, err
	}
	switch sniff(opened.Name, head) {
	case "log", "journal":
		return LogFile, nil
	case "html", "json":
		return PackageFile, nil // under a package's name: check says what it is
	}
	tables, err := NewTables()
	if err != nil {
		return OtherFile, err
	}
	if in, _, err := tables.enter(ctx, opened, opened.Source, opened.Name); err == nil && in != nil {
		return ImageFile, nil
	}
	if packed, _ := unpack.Recognise(opened.Name, head); packed != nil && slices.Contains([]string{".img", ".dd", ".raw"}, strings.ToLower(filepath.Ext(packed.ImageName(opened.Name)))) {
		return ImageFile, nil
	}
	return kindByFormat(ctx, opened.Source)
}

// kindByFormat asks the table of firmware, as far as headers tell.
func kindByFormat(ctx context.Context, src block.Source) (FileKind, error) {
	for _, f := range fwall.Table() {
		if f.Look == nil {
			continue
		}
		if _, err := f.Look(ctx, src); err != nil {
			if ctx.Err() != nil {
				return OtherFile, ctx.Err()
			}
			continue
		}
		switch {
		case slices.Contains(imageFormats, f.Name):
			return ImageFile, nil
		case slices.Contains(flashFormats, f.Name):
			return OtherFile, nil
		}
		return PackageFile, nil
	}
	return OtherFile, nil
}
