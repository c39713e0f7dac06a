package recovery

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"salvor/block"
	"salvor/finding"
)

var (
	tarDiffers = &finding.Def{Code: "recovery.tar.differs", Severity: finding.Error,
		Text: "{path} in the archive has SHA-256 {found}; when it was saved it was {expected}"}
	tarUnread = &finding.Def{Code: "recovery.tar.unread", Severity: finding.Error,
		Text: "{count} bytes of {path} could not be read; they are zeros in the archive, and listed beside it"}
)

// TarOptions say what of a catalogue goes into an archive.
type TarOptions struct {
	Catalog  *Catalog
	Medium   func(source int) (block.Source, error)
	Decode   Decoder
	Query    Query
	LabelOf  func(volume int) string
	Progress func(SaveProgress)
	// Finding is told what is wrong with single files; may be nil.
	Finding func(id string, f finding.Finding)
}

// Tar writes files as a POSIX.1-2001 (pax) archive to w, in the order of saving: photos, documents, databases and settings
// first. Names are those in the case; files that were not saved there get the name that they would have, with their ID where
// that is taken. Times, permissions, owners and the extended attributes of users are kept; the SHA-256 of a file that was
// saved stands in its header, and what is written is compared with it. Missing bytes are zeros, listed in a text beside the
// file. Devices, pipes and sockets are left out. Nothing but the catalogue and the media is read.
//
// Errors: that of ctx, those of w, and of the catalogue.
func Tar(ctx context.Context, o TarOptions, w io.Writer) (SaveResult, error) {
	t := &tarWriter{TarOptions: o, w: tar.NewWriter(w), buf: make([]byte, 1<<20), zeros: make([]byte, 1<<20)}
	t.layout = layout{target: &Target{}, labelOf: o.LabelOf}
	t.Query.Order = ByClass
	if len(t.Query.Save) == 0 {
		t.Query.Save = []SaveState{Pending, Failed, Saved}
	}
	total, _, err := Needed(ctx, o.Catalog, t.Query, Target{})
	if err != nil {
		return t.result, err
	}
	t.progress.TotalFiles, t.progress.TotalBytes = total.Files, total.Bytes
	for e, err := range o.Catalog.Select(ctx, t.Query) {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = t.entry(ctx, e)
		}
		if err != nil {
			return t.result, err
		}
		t.progress.Files++
		t.tell()
	}
	if err := t.w.Close(); err != nil {
		return t.result, fmt.Errorf("recovery: archive: %w", err)
	}
	return t.result, nil
}

type tarWriter struct {
	TarOptions
	w          *tar.Writer
	layout     layout
	progress   SaveProgress
	result     SaveResult
	buf, zeros []byte
}

func (t *tarWriter) tell() {
	if t.Progress != nil {
		t.Progress(t.progress)
	}
}

func (t *tarWriter) told(e *Entry, f finding.Finding) {
	if t.Finding != nil {
		t.Finding(e.ID, f)
	}
}

// name returns the path of e in the archive. One that was saved has a path of its own already; another gets its ID into
// its name, since nothing tells whether the plain one is taken.
func (t *tarWriter) name(e *Entry) string {
	if e.SavedAs != "" && e.Save == Saved {
		return e.SavedAs
	}
	folders, name := t.layout.folders(e)
	parts := []string{tree(e)}
	for _, f := range folders {
		parts = append(parts, safeName(f, t.layout.target, defaultMaxName))
	}
	if name == "" || e.IsDir() {
		return path.Join(append(parts, safeName(name, t.layout.target, defaultMaxName))...)
	}
	ext := path.Ext(name)
	name = strings.TrimSuffix(name, ext) + " (" + strings.ReplaceAll(e.ID, "/", "-") + ")" + ext
	return path.Join(append(parts, safeName(name, t.layout.target, defaultMaxName))...)
}

// header describes e. What pax cannot hold is left out.
func (t *tarWriter) header(e *Entry) *tar.Header {
	modified, accessed := savedTimes(e)
	h := &tar.Header{Name: t.name(e), Mode: int64(permissions(e)), Size: e.Size, ModTime: modified, AccessTime: accessed, Format: tar.FormatPAX,
		PAXRecords: map[string]string{}}
	if modified.IsZero() {
		h.ModTime = time.Unix(0, 0)
	}
	if e.HasOwner {
		h.Uid, h.Gid = int(e.UID), int(e.GID)
	}
	for name, value := range e.Attributes {
		if strings.HasPrefix(name, "user.") && !strings.ContainsAny(name, "=\x00") && !strings.ContainsRune(string(value), 0) {
			h.PAXRecords["SCHILY.xattr."+name] = string(value)
		}
	}
	if e.SHA256 != "" && e.Save == Saved {
		h.PAXRecords["SALVOR.sha256"] = e.SHA256
	}
	switch {
	case e.IsDir():
		h.Typeflag, h.Size = tar.TypeDir, 0
		h.Name += "/"
	case e.Mode.Type() == fs.ModeSymlink:
		h.Typeflag, h.Size, h.Linkname = tar.TypeSymlink, 0, e.Target
	default:
		h.Typeflag = tar.TypeReg
	}
	return h
}

func (t *tarWriter) entry(ctx context.Context, e *Entry) error {
	t.progress.Current = e.Path
	switch {
	case e.IsDir():
		if e.Path == "" || e.Drawer() != "files" {
			return nil
		}
	case e.Mode.Type() == fs.ModeSymlink:
		if linkReason(e, &Target{Symlinks: true}, path.Dir(t.name(e))) != "" {
			return t.text(e, t.name(e)+linkSuffix, e.Target)
		}
	case !e.Mode.IsRegular(), e.Size-e.stored() > maxHoles, e.Size > 0 && e.Missing.Contains(block.Extent{Length: e.Size}):
		t.result.Skipped++
		return nil
	}
	h := t.header(e)
	var src block.Source
	if h.Typeflag == tar.TypeReg && e.Size > 0 {
		medium, err := t.Medium(e.Source)
		if err == nil {
			src, err = Content(medium, e, t.Decode)
		}
		if err != nil {
			t.result.Failed++
			t.told(e, notWritten.New(finding.Expected(nil, err)))
			return nil
		}
	}
	if err := t.w.WriteHeader(h); err != nil {
		if ctx.Err() == nil && h.PAXRecords != nil {
			// A name or a value that the format does not take: one more attempt with what every archive holds.
			h = &tar.Header{Typeflag: h.Typeflag, Name: strings.ToValidUTF8(h.Name, "_"), Linkname: strings.ToValidUTF8(h.Linkname, "_"), Mode: h.Mode, Size: h.Size, ModTime: h.ModTime, Format: tar.FormatPAX}
			err = t.w.WriteHeader(h)
		}
		if err != nil {
			return fmt.Errorf("recovery: archive: %w", err)
		}
	}
	if src == nil {
		t.result.Saved.add(Count{Files: 1})
		return nil
	}
	missing, sum, err := t.content(ctx, e, src)
	if err != nil {
		return err
	}
	if found := missing.Subtract(e.Missing); !found.Empty() {
		t.result.Lowered++
		t.told(e, tarUnread.New(finding.Arg("count", found.Bytes()), finding.Arg("path", h.Name)))
		e.Missing = e.Missing.Union(found)
	} else if e.SHA256 != "" && e.Save == Saved && sum != e.SHA256 {
		t.result.Failed++
		t.told(e, tarDiffers.New(finding.Arg("path", h.Name), finding.Expected(e.SHA256, sum)))
	}
	t.result.Saved.add(Count{Files: 1, Bytes: e.Size, Missing: e.Missing.Bytes()})
	if !e.Missing.Empty() {
		return t.text(e, h.Name+missingSuffix, missingText(e))
	}
	return nil
}

// content writes the bytes of e, zeros for those that cannot be read, and returns which those are and the hash of all.
func (t *tarWriter) content(ctx context.Context, e *Entry, src block.Source) (missing block.Set, sum string, err error) {
	h := sha256.New()
	for off := int64(0); off < e.Size; {
		if err := ctx.Err(); err != nil {
			return missing, "", err
		}
		n, err := src.ReadAt(t.buf[:min(int64(len(t.buf)), e.Size-off)], off)
		if n > 0 {
			if err := t.put(h, t.buf[:n]); err != nil {
				return missing, "", err
			}
			off += int64(n)
			t.progress.Bytes += int64(n)
			t.tell()
			continue
		}
		hole := block.Between(off, e.Size) // an error that is not of single bytes ends the content
		if u, ok := block.IsUnreadable(err); ok {
			hole = failure(u, off, min(sectorSize-off%sectorSize, e.Size-off)).Intersect(block.Extent{Length: e.Size})
		}
		missing.Add(hole)
		for left := hole.Length; left > 0; {
			if err := ctx.Err(); err != nil {
				return missing, "", err
			}
			n := min(left, int64(len(t.zeros)))
			if err := t.put(h, t.zeros[:n]); err != nil {
				return missing, "", err
			}
			left -= n
		}
		off = hole.End()
	}
	return missing, hex.EncodeToString(h.Sum(nil)), nil
}

func (t *tarWriter) put(h hash.Hash, p []byte) error {
	h.Write(p)
	if _, err := t.w.Write(p); err != nil {
		return fmt.Errorf("recovery: archive: %w", err)
	}
	return nil
}

// text writes a small file of the program's own.
func (t *tarWriter) text(e *Entry, name, text string) error {
	modified, _ := savedTimes(e)
	if modified.IsZero() {
		modified = time.Unix(0, 0)
	}
	err := t.w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(text)), ModTime: modified, Format: tar.FormatPAX})
	if err == nil {
		_, err = io.WriteString(t.w, text)
	}
	if err != nil {
		return fmt.Errorf("recovery: archive: %w", err)
	}
	return nil
}
