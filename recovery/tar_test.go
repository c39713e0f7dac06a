package recovery

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/filesystem"
	"salvor/filetype"
	"salvor/finding"
	"salvor/internal/need"
)

// members reads an archive back: names to headers and contents, in order.
func members(t *testing.T, p []byte) (names []string, headers map[string]*tar.Header, contents map[string][]byte) {
	t.Helper()
	headers, contents = map[string]*tar.Header{}, map[string][]byte{}
	r := tar.NewReader(bytes.NewReader(p))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return names, headers, contents
		}
		if err != nil {
			t.Fatal(err)
		}
		if headers[h.Name] != nil {
			t.Errorf("%s stands in the archive twice", h.Name)
		}
		names = append(names, h.Name)
		headers[h.Name] = h
		if contents[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

func (b *bench) tar(change func(*TarOptions)) ([]byte, SaveResult, []finding.Finding) {
	b.t.Helper()
	var told []finding.Finding
	o := TarOptions{Catalog: b.c, Query: Query{IncludeDirs: true}, LabelOf: func(int) string { return "DATA" },
		Medium:  func(int) (block.Source, error) { return &badSource{block.Bytes(b.medium), b.bad}, nil },
		Finding: func(_ string, f finding.Finding) { told = append(told, f) }}
	if change != nil {
		change(&o)
	}
	var out bytes.Buffer
	r, err := Tar(b.t.Context(), o, &out)
	if err != nil {
		b.t.Fatal(err)
	}
	return out.Bytes(), r, told
}

func TestTar(t *testing.T) {
	b := newBench(t)
	at := time.Date(2024, 5, 13, 9, 0, 0, 123456789, time.UTC)
	photo, text := pattern(1, 300_000), []byte("a letter\n")
	b.add("docs/letter.txt", text, func(e *Entry) {
		e.Class, e.Mode, e.Times.Modified, e.HasOwner, e.UID, e.GID = filetype.Text, 0o640, at, true, 1000, 100
		e.Attributes = map[string][]byte{"user.comment": []byte("kept"), "security.selinux": []byte("left"), "user.bad=name": []byte("left")}
	})
	b.add("DCIM/a.jpg", photo, func(e *Entry) { e.Class = filetype.Photo })
	b.add("docs", nil, func(e *Entry) { e.Mode = fs.ModeDir | 0o750; e.Times.Modified = at })
	b.add("link", nil, func(e *Entry) { e.Mode = fs.ModeSymlink | 0o777; e.Target = "docs/letter.txt" })
	b.add("evil", nil, func(e *Entry) { e.Mode = fs.ModeSymlink | 0o777; e.Target = "/etc/passwd" })
	b.add("null", nil, func(e *Entry) { e.Mode = fs.ModeDevice | fs.ModeCharDevice })
	b.add("empty", nil, nil)
	b.add("old.txt", []byte("first"), func(e *Entry) { e.State = filesystem.Deleted })
	b.add("old.txt", []byte("second"), func(e *Entry) { e.State = filesystem.Deleted })
	b.add("../../../hostile\x1b[2J", []byte("hostile"), nil)
	b.carved(pattern(2, 5000), "jpeg at 0x1.jpg")
	broken := b.add("broken.bin", pattern(3, 9000), func(e *Entry) { e.Verdict = filetype.Proven })
	b.bad.Add(block.Extent{Offset: broken.Runs[0].Physical + 1024, Length: 512})

	before := treeOf(t, b.dir)
	p, r, told := b.tar(nil)
	if after := treeOf(t, b.dir); len(after) != len(before) {
		t.Errorf("the folder was changed: %v", after)
	}
	names, headers, contents := members(t, p)
	if names[0] != "files/2-DATA/DCIM/a (v2-i2).jpg" {
		t.Errorf("%s comes first, want the photo", names[0])
	}
	for name := range headers {
		if slices.Contains(strings.Split(name, "/"), "..") || strings.HasPrefix(name, "/") || strings.ContainsRune(name, 0x1b) {
			t.Errorf("the name %q leads out, or hides something", name)
		}
	}
	letter := headers["files/2-DATA/docs/letter (v2-i1).txt"]
	if letter == nil {
		t.Fatalf("the letter is not in it: %q", names)
	}
	if letter.Mode != 0o640 || !letter.ModTime.Equal(at) || letter.Uid != 1000 || letter.Gid != 100 || letter.PAXRecords["SCHILY.xattr.user.comment"] != "kept" ||
		letter.PAXRecords["SCHILY.xattr.security.selinux"] != "" {
		t.Errorf("%+v", letter)
	}
	if !bytes.Equal(contents[names[0]], photo) || !bytes.Equal(contents[letter.Name], text) {
		t.Error("contents are not what they were")
	}
	if h := headers["files/2-DATA/docs/"]; h == nil || h.Typeflag != tar.TypeDir || h.Mode != 0o750 || !h.ModTime.Equal(at) {
		t.Errorf("the folder is %+v", h)
	}
	if h := headers["files/2-DATA/link"+" (v2-i4)"]; h == nil || h.Typeflag != tar.TypeSymlink || h.Linkname != "docs/letter.txt" {
		t.Errorf("the link is %+v: %q", h, names)
	}
	if h := headers["files/2-DATA/evil (v2-i5).symlink.txt"]; h == nil || h.Typeflag != tar.TypeReg || string(contents[h.Name]) != "/etc/passwd" {
		t.Errorf("the absolute link is %+v", h)
	}
	found := contents["files/2-DATA/broken (v2-i12).bin"]
	want := append([]byte(nil), b.medium[broken.Runs[0].Physical:broken.Runs[0].Physical+9000]...)
	clear(want[1024:1536])
	if !bytes.Equal(found, want) {
		t.Error("the broken file is not its bytes with zeros for those that cannot be read")
	}
	if s := string(contents["files/2-DATA/broken (v2-i12).bin.missing.txt"]); !strings.Contains(s, "1024\t1535\t512") {
		t.Errorf("the list of missing bytes is %q", s)
	}
	if r.Lowered != 1 || r.Skipped != 1 || r.Failed != 0 || len(told) != 1 || told[0].Code != "recovery.tar.unread" {
		t.Errorf("%+v, %v", r, told)
	}
}

// TestTarOfSaved takes the names that files have in the case, and holds what it writes against their hashes.
func TestTarOfSaved(t *testing.T) {
	b := newBench(t)
	b.add("a.txt", []byte("as it was saved"), nil)
	b.add("b.txt", []byte("changed behind our back"), nil)
	b.save(nil)
	copy(b.medium[len("as it was saved"):], "CHANGED")
	p, r, told := b.tar(nil)
	_, headers, contents := members(t, p)
	h := headers["files/2-DATA/a.txt"]
	if h == nil || len(h.PAXRecords["SALVOR.sha256"]) != 64 || string(contents["files/2-DATA/a.txt"]) != "as it was saved" {
		t.Errorf("%+v", headers)
	}
	if r.Failed != 1 || len(told) != 1 || told[0].Code != "recovery.tar.differs" {
		t.Errorf("%+v, %v", r, told)
	}
}

// TestTarReadByTar has GNU tar unpack what was written.
func TestTarReadByTar(t *testing.T) {
	tool := need.Tool(t, "tar")
	b := newBench(t)
	long := strings.Repeat("a long folder/", 15) + strings.Repeat("x", 200) + ".txt"
	b.add(long, []byte("deep"), nil)
	b.add("Grüße/世界.txt", []byte("names"), func(e *Entry) { e.Times.Modified = time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC) })
	b.add("large", pattern(4, 3<<20), nil)
	b.save(nil)
	p, _, _ := b.tar(nil)
	dir := t.TempDir()
	archive := filepath.Join(dir, "a.tar")
	if err := os.WriteFile(archive, p, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(tool, "-x", "-C", dir, "-f", archive).CombinedOutput(); err != nil {
		t.Fatalf("tar: %v %s", err, out)
	}
	for path, want := range filesOfCatalogue(t, b) {
		got, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(path)))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v, %d bytes, want %d", path, err, len(got), len(want))
		}
	}
}

// filesOfCatalogue returns where files were saved, and their content on the medium.
func filesOfCatalogue(t *testing.T, b *bench) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for e, err := range b.c.Select(t.Context(), Query{Save: []SaveState{Saved}}) {
		if err != nil {
			t.Fatal(err)
		}
		p := make([]byte, e.Size)
		if _, err := block.Join(block.Bytes(b.medium), e.Runs, e.Size).ReadAt(p, 0); err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		out[e.SavedAs] = p
	}
	return out
}

func TestTarEnds(t *testing.T) {
	b := newBench(t)
	b.add("a", pattern(1, 5<<20), nil)
	ctx, cancel := context.WithCancel(t.Context())
	o := TarOptions{Catalog: b.c, Medium: func(int) (block.Source, error) { cancel(); return block.Bytes(b.medium), nil }}
	if _, err := Tar(ctx, o, io.Discard); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	full := errors.New("the pipe broke")
	o.Medium = func(int) (block.Source, error) { return block.Bytes(b.medium), nil }
	if _, err := Tar(t.Context(), o, brokenWriter{full}); !errors.Is(err, full) {
		t.Error(err)
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }
