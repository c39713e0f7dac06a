package recovery

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"salvor/block"
	"salvor/filesystem"
	"salvor/filetype"
	"salvor/internal/need"
)

// bench is a medium, a catalogue of files on it, and a folder to save them to.
type bench struct {
	t      testing.TB
	medium []byte
	bad    block.Set
	c      *Catalog
	dir    string
	root   *os.Root
	n      int
	held   []*Entry // put at once by flush
	hold   bool
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir()}
	b.open()
	return b
}

func (b *bench) open() {
	b.t.Helper()
	var err error
	if b.c, err = OpenCatalog(filepath.Join(b.dir, "catalog.db")); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { b.c.Close() })
	if b.root, err = os.OpenRoot(b.dir); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { b.root.Close() })
}

// badSource has ranges that cannot be read, of which it tells only when they are met.
type badSource struct {
	block.Source
	bad block.Set
}

func (s *badSource) ReadAt(p []byte, off int64) (int, error) {
	for x := range s.bad.Within(block.Extent{Offset: off, Length: int64(len(p))}).All() {
		n := 0
		if x.Offset > off {
			n, _ = s.Source.ReadAt(p[:x.Offset-off], off)
		}
		return n, block.NewUnreadable(x, block.Bad, syscall.EIO)
	}
	return s.Source.ReadAt(p, off)
}

func (b *bench) options() SaveOptions {
	return SaveOptions{
		Catalog: b.c, Root: b.root, Query: Query{IncludeDirs: true},
		Medium:  func(int) (block.Source, error) { return &badSource{block.Bytes(b.medium), b.bad}, nil },
		LabelOf: func(int) string { return "DATA" },
		Target:  Target{Symlinks: true, Modes: true, Sparse: true},
		SyncFS:  func() error { return nil },
	}
}

// add puts a file with this content on the medium and into the catalogue.
func (b *bench) add(path string, content []byte, change func(*Entry)) *Entry {
	b.t.Helper()
	b.n++
	off := int64(len(b.medium))
	b.medium = append(b.medium, content...)
	e := &Entry{ID: fmt.Sprintf("v2/i%d", b.n), Source: 1, Volume: 2, Origin: FromFileSystem, Path: path, Name: lastName(path), Mode: 0o644,
		Size: int64(len(content)), GoodUntil: int64(len(content)), Class: filetype.Other, Verdict: filetype.Consistent, Sound: true}
	if len(content) > 0 {
		e.Runs = []block.Run{{Physical: off, Length: e.Size}}
	}
	if change != nil {
		change(e)
	}
	if b.hold {
		b.held = append(b.held, e)
	} else {
		mustPut(b.t, b.c, e)
	}
	return e
}

func (b *bench) carved(content []byte, name string) *Entry {
	return b.add("", content, func(e *Entry) {
		e.ID, e.Origin, e.State, e.Volume, e.Name, e.Class = CarvedID(1, e.Runs[0].Physical), FromContent, filesystem.Orphan, 0, name, filetype.Photo
		e.Mode = 0
	})
}

func (b *bench) save(change func(*SaveOptions)) SaveResult {
	b.t.Helper()
	o := b.options()
	if change != nil {
		change(&o)
	}
	r, err := Save(b.t.Context(), o)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// tree returns what stands in the folder: the content of files, "-> target" of links, "/" for folders; the
// catalogue and its journal left out.
func treeOf(t testing.TB, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		rel, _ := filepath.Rel(dir, p)
		rel = filepath.ToSlash(rel)
		switch {
		case strings.HasPrefix(rel, "catalog.db"):
		case d.IsDir():
			out[rel] = "/"
		case d.Type() == fs.ModeSymlink:
			target, err := os.Readlink(p)
			out[rel] = "-> " + target
			return err
		default:
			data, err := os.ReadFile(p)
			out[rel] = string(data)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// files returns the paths of tree that are no folders, without SHA256SUMS.
func filesOf(tree map[string]string) []string {
	var out []string
	for p, v := range tree {
		if v != "/" && p != SumsName {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return out
}

func wantFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	slices.Sort(want)
	if got := filesOf(treeOf(t, dir)); !slices.Equal(got, want) {
		t.Errorf("files\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// checkSums lets the real sha256sum check the list.
func checkSums(t *testing.T, dir string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(dir, SumsName)); errors.Is(err, fs.ErrNotExist) && len(filesOf(treeOf(t, dir))) == 0 {
		return
	}
	cmd := need.Command(t, "sha256sum", "--strict", "--quiet", "-c", SumsName)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("sha256sum: %v\n%s", err, out)
	}
}

func pattern(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return p
}

func TestSaveTrees(t *testing.T) {
	b := newBench(t)
	when := time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)
	b.add("docs", nil, func(e *Entry) { e.Mode = fs.ModeDir | 0o777; e.Class = ""; e.Times.Modified = when })
	b.add("empty folder", nil, func(e *Entry) { e.Mode = fs.ModeDir | 0o500; e.Class = "" })
	b.add("docs/live.txt", []byte("alive"), func(e *Entry) { e.Mode = fs.ModeSetuid | fs.ModeSticky | 0o4777; e.Times.Modified = when })
	b.add("docs/zero", nil, func(e *Entry) { e.Verdict = filetype.Unknown })
	b.add("docs/gone.txt", []byte("deleted"), func(e *Entry) { e.State = filesystem.Deleted })
	b.add("docs/old.txt", []byte("older"), func(e *Entry) { e.State = filesystem.Old })
	b.add("docs/broken.txt", []byte("broken"), func(e *Entry) { e.Verdict = filetype.Damaged; e.GoodUntil = 3 })
	b.add("docs/cut.txt", []byte("cut off"), func(e *Entry) {
		e.Verdict = filetype.Partial
		e.Runs = []block.Run{e.Runs[0]}
		e.Runs[0].Length = 3
		e.Runs = append(e.Runs, block.Run{Logical: 3, Length: 4, Kind: block.Lost})
		e.Missing.Add(block.Extent{Offset: 3, Length: 4})
	})
	b.add("docs/live.txt", []byte("stream"), func(e *Entry) { e.ID += ":s"; e.Stream = "s" })
	b.add("dev/tty", nil, func(e *Entry) { e.Mode = fs.ModeDevice | fs.ModeCharDevice })
	b.carved([]byte("a carved photo"), "2026-11-03 14.22.05 ACME.jpg")
	b.carved([]byte("alive"), "twin of live.txt")
	b.carved([]byte("alive"), "another twin")
	r := b.save(nil)
	if r.Saved.Files != 11 || r.Duplicates != 1 || r.Skipped != 1 {
		t.Errorf("%+v", r)
	}
	tree := treeOf(t, b.dir)
	want := map[string]string{
		"files/2-DATA/docs/live.txt": "alive", "files/2-DATA/docs/zero": "", "files/2-DATA/docs/live.txt~s": "stream",
		"deleted/2-DATA/docs/gone.txt": "deleted", "older/2-DATA/docs/old.txt": "older", "files/2-DATA/empty folder": "/",
		"partial/files/2-DATA/docs/broken.txt": "broken", "partial/files/2-DATA/docs/cut.txt": "cut\x00\x00\x00\x00",
		"carved/photo/2026-11-03 14.22.05 ACME.jpg": "a carved photo",
	}
	for p, content := range want {
		if tree[p] != content {
			t.Errorf("%s holds %q, want %q", p, tree[p], content)
		}
	}
	if s := tree["partial/files/2-DATA/docs/cut.txt.missing.txt"]; !strings.Contains(s, "4 of 7 bytes are missing") || !strings.Contains(s, "3\t6\t4\n") {
		t.Errorf("the list of missing ranges: %q", s)
	}
	for p := range tree {
		if strings.HasPrefix(p, reservedPrefix) {
			t.Errorf("%s was left", p)
		}
	}
	info, err := os.Stat(filepath.Join(b.dir, "files/2-DATA/docs/live.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o775 || !info.ModTime().Equal(when) {
		t.Errorf("mode %v, time %v", info.Mode(), info.ModTime())
	}
	info, err = os.Stat(filepath.Join(b.dir, "files/2-DATA/docs"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != fs.ModeDir|0o775 || !info.ModTime().Equal(when) {
		t.Errorf("folder: mode %v, time %v", info.Mode(), info.ModTime())
	}
	if info, err = os.Stat(filepath.Join(b.dir, "files/2-DATA/empty folder")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("folder: %v, %v", info, err)
	}
	checkSums(t, b.dir)

	before := treeOf(t, b.dir)
	if r := b.save(nil); r.Saved.Files != 0 || r.Failed != 0 || r.Duplicates != 0 {
		t.Errorf("saving again did something: %+v", r)
	}
	if after := treeOf(t, b.dir); !maps.Equal(before, after) {
		t.Error("saving again changed something")
	}
	v, err := Verify(t.Context(), b.c, b.root, nil)
	if err != nil || !v.Whole() || v.ExtraCount != 0 || v.Checked.Files == 0 {
		t.Errorf("verify: %+v, %v", v, err)
	}
}

func TestSaveDuplicates(t *testing.T) {
	b := newBench(t)
	same := pattern(1, 5000)
	b.add("a/one.jpg", same, func(e *Entry) { e.Class = filetype.Photo })
	b.add("b/two.jpg", same, func(e *Entry) { e.Class = filetype.Photo })
	b.add("gone.jpg", same, func(e *Entry) { e.Class, e.State = filetype.Photo, filesystem.Deleted })
	c1, c2 := b.carved(same, "x.jpg"), b.carved(same, "y.jpg")
	lone := pattern(2, 300)
	l1, l2 := b.carved(lone, "z.jpg"), b.carved(lone, "z.jpg")
	b.carved(pattern(3, 300), "z.jpg")
	r := b.save(nil)
	if r.Duplicates != 3 || r.Saved.Files != 5 {
		t.Errorf("%+v", r)
	}
	wantFiles(t, b.dir, "files/2-DATA/a/one.jpg", "files/2-DATA/b/two.jpg", "deleted/2-DATA/gone.jpg", "carved/photo/z.jpg", "carved/photo/z (2).jpg")
	for _, dup := range []*Entry{c1, c2, l2} {
		got := mustGet(t, b.c, dup.ID)
		if got.Save != Skipped || got.DuplicateOf == "" || got.SavedAs != "" || len(got.Findings) != 1 {
			t.Errorf("%+v", got)
		}
	}
	first := mustGet(t, b.c, "v2/i1")
	if !slices.Equal(first.AlsoAt, []int64{c1.Runs[0].Physical, c2.Runs[0].Physical}) {
		t.Errorf("also at %v", first.AlsoAt)
	}
	if got := mustGet(t, b.c, l1.ID); !slices.Equal(got.AlsoAt, []int64{l2.Runs[0].Physical}) || got.Save != Saved {
		t.Errorf("%+v", got)
	}
	checkSums(t, b.dir)
}

// Bytes that are found unreadable only now are never saved as zeros of a whole file.
func TestSaveUnreadable(t *testing.T) {
	for _, sparse := range []bool{false, true} {
		b := newBench(t)
		content := pattern(4, 3<<20)
		e := b.add("big.bin", content, func(e *Entry) { e.Verdict = filetype.Proven })
		gone := b.add("gone.bin", content[:4096], nil)
		c := b.carved(content[:9000], "c.jpg")
		b.bad.Add(block.Extent{Offset: e.Runs[0].Physical + 1<<20, Length: 4096})
		b.bad.Add(gone.Runs[0].PhysicalExtent())
		b.bad.Add(block.Extent{Offset: c.Runs[0].Physical + 100, Length: 50})
		b.bad.Add(block.Extent{Offset: c.Runs[0].Physical + 8000, Length: 1000})
		r := b.save(func(o *SaveOptions) { o.Target.Sparse = sparse })
		if r.Lowered != 3 || r.Saved.Files != 2 || r.Skipped != 1 {
			t.Errorf("%+v", r)
		}
		wantFiles(t, b.dir, "partial/files/2-DATA/big.bin", "partial/files/2-DATA/big.bin.missing.txt",
			"partial/carved/photo/c.jpg", "partial/carved/photo/c.jpg.missing.txt")
		tree := treeOf(t, b.dir)
		want := slices.Clone(content)
		clear(want[1<<20 : 1<<20+4096])
		if tree["partial/files/2-DATA/big.bin"] != string(want) {
			t.Error("the content is not what could be read, in its place")
		}
		got := mustGet(t, b.c, e.ID)
		if got.Verdict != filetype.Partial || !got.Missing.Equal(block.SetOf(block.Extent{Offset: 1 << 20, Length: 4096})) || got.GoodUntil != 1<<20 {
			t.Errorf("%v, missing %v, good until %d", got.Verdict, got.Missing, got.GoodUntil)
		}
		carved := tree["partial/carved/photo/c.jpg"]
		want = slices.Clone(content[:8000])
		clear(want[100:150])
		if carved != string(want) {
			t.Errorf("a carved file of %d bytes, want 8000", len(carved))
		}
		if got := mustGet(t, b.c, c.ID); got.Size != 8000 || got.Verdict != filetype.Partial || got.Missing.Bytes() != 1050 {
			t.Errorf("%+v", got)
		}
		if got := mustGet(t, b.c, gone.ID); got.Save != Skipped || got.Verdict != filetype.Partial || got.SavedAs != "" || got.Size != 4096 {
			t.Errorf("%+v", got)
		}
		checkSums(t, b.dir)
		if r := b.save(nil); r.Saved.Files != 0 {
			t.Errorf("again: %+v", r)
		}
	}
}

// twice decodes a stream by giving each of its bytes two times.
func twice(encoding string, stored block.Source, size int64) (filesystem.Encoded, error) {
	if encoding != "test.twice" {
		return nil, fmt.Errorf("%s is not known", encoding)
	}
	return filesystem.NewDecoded(stored, filesystem.Units{Size: size, Unit: 2, MaxEncoded: 1,
		Place:  func(i int64) (block.Extent, error) { return block.Extent{Offset: i, Length: 1}, nil },
		Decode: func(_ int64, dst, p []byte) error { dst[0], dst[1] = p[0], p[0]; return nil }})
}

func TestSaveRefuses(t *testing.T) {
	b := newBench(t)
	big := b.add("big", pattern(5, 3000), nil)
	b.add("small", pattern(6, 10), nil)
	holes := b.add("holes", []byte("x"), func(e *Entry) {
		e.Size = 1 << 60
		e.Runs = append(e.Runs, block.Run{Logical: 1, Length: 1<<60 - 1, Kind: block.Zero})
	})
	lost := b.add("lost", []byte("x"), func(e *Entry) {
		e.Size = 100
		e.Runs = []block.Run{{Length: 100, Kind: block.Lost}}
		e.Missing.Add(block.Extent{Length: 100})
		e.Verdict = filetype.Partial
	})
	// What is encoded fails while nothing decodes it.
	nowhere := b.add("packed", []byte("x"), func(e *Entry) { e.Stored, e.Runs, e.Encoding = e.Runs, nil, "test.twice"; e.Size = 2 })
	r := b.save(func(o *SaveOptions) { o.Target.MaxFileSize = 2000 })
	if r.Saved.Files != 1 || r.Failed != 3 || r.Skipped != 1 {
		t.Errorf("%+v", r)
	}
	for id, want := range map[string]struct {
		state SaveState
		code  string
	}{big.ID: {Failed, tooLarge.Code}, holes.ID: {Failed, tooLarge.Code}, lost.ID: {Skipped, nothingLeft.Code}, nowhere.ID: {Failed, notWritten.Code}} {
		e := mustGet(t, b.c, id)
		if e.Save != want.state || len(e.Findings) != 1 || e.Findings[0].Code != want.code {
			t.Errorf("%s: %s %v", e.Name, e.Save, e.Findings)
		}
	}
	// What failed is tried again, on a target that can hold it, and says nothing twice.
	r = b.save(func(o *SaveOptions) {
		o.Decode = twice
	})
	if r.Saved.Files != 2 || r.Failed != 1 {
		t.Errorf("%+v", r)
	}
	if e := mustGet(t, b.c, big.ID); e.Save != Saved || len(e.Findings) != 0 {
		t.Errorf("%+v", e)
	}
	if e := mustGet(t, b.c, holes.ID); len(e.Findings) != 1 || e.Findings[0].Code != tooManyHoles.Code {
		t.Errorf("%+v", e.Findings)
	}
}

func TestSaveTooSmallTarget(t *testing.T) {
	b := newBench(t)
	b.add("big", pattern(5, 30000), nil)
	o := b.options()
	o.Free = 20000
	_, err := Save(t.Context(), o)
	var full *TargetFullError
	if !errors.As(err, &full) || full.Needed < 30000 || full.Free != 20000 {
		t.Errorf("%v", err)
	}
	if len(treeOf(t, b.dir)) != 0 {
		t.Error("something was written")
	}
}

func TestSaveOrder(t *testing.T) {
	b := newBench(t)
	for i, class := range []filetype.Class{filetype.Other, filetype.Text, filetype.Settings, filetype.Database, filetype.Document, filetype.Photo} {
		b.add(fmt.Sprintf("f%d", i), pattern(uint64(i), 10), func(e *Entry) { e.Class = class })
	}
	var order []string
	b.save(func(o *SaveOptions) {
		o.Progress = func(p SaveProgress) {
			if n := len(order); n == 0 || order[n-1] != p.Current {
				order = append(order, p.Current)
			}
		}
	})
	if got := fmt.Sprint(order); got != "[files/2-DATA/f5 files/2-DATA/f4 files/2-DATA/f3 files/2-DATA/f2 files/2-DATA/f1 files/2-DATA/f0]" {
		t.Error(got)
	}
}

func TestSaveChangedEntryMoves(t *testing.T) {
	b := newBench(t)
	e := b.add("a.txt", []byte("content"), func(e *Entry) {
		e.Verdict = filetype.Partial
		e.Missing.Add(block.Extent{Offset: 1, Length: 1})
	})
	b.save(nil)
	wantFiles(t, b.dir, "partial/files/2-DATA/a.txt", "partial/files/2-DATA/a.txt.missing.txt")
	e.Verdict, e.Missing, e.Save = filetype.Consistent, block.Set{}, ""
	mustPut(t, b.c, e)
	b.save(nil)
	wantFiles(t, b.dir, "files/2-DATA/a.txt")
	checkSums(t, b.dir)
}

func TestSaveElsewhere(t *testing.T) {
	b := newBench(t)
	b.add("a.txt", []byte("one"), func(e *Entry) { e.Times.Modified = time.Unix(1e9, 0) })
	b.add("a.txt", []byte("two"), nil)
	b.add("sub/b.txt", []byte("three"), func(e *Entry) {
		e.Verdict = filetype.Partial
		e.Missing.Add(block.Extent{Offset: 1, Length: 1})
	})
	b.add("l", nil, func(e *Entry) { e.Mode, e.Target = fs.ModeSymlink|0o777, "a.txt" })
	b.add("m", nil, func(e *Entry) { e.Mode, e.Target = fs.ModeSymlink|0o777, "/x" })
	b.add("sub", nil, func(e *Entry) { e.Mode, e.Class = fs.ModeDir|0o755, "" })
	b.add("skipped", []byte("four"), func(e *Entry) { e.Save = Skipped })
	b.save(nil)
	saved := mustGet(t, b.c, "v2/i1")
	reader, err := OpenCatalogReadOnly(b.c.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	// The user's own file and folder are already there.
	if err := os.MkdirAll(filepath.Join(dir, "files/2-DATA"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "files/2-DATA/a.txt"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"files/2-DATA/a.txt": "mine", "files/2-DATA/a (2).txt": "one", "files/2-DATA/a (3).txt": "two", "files/2-DATA/l": "-> a.txt",
		"files/2-DATA/m.symlink.txt": "/x", "partial/files/2-DATA/sub/b.txt": "three"}
	for round := range 3 {
		r := b.save(func(o *SaveOptions) { o.Root, o.Elsewhere, o.Catalog = root, true, reader })
		if r.Saved.Files != 6 || (round > 0) != (r.Already == 5) {
			t.Errorf("round %d: %+v", round, r)
		}
		tree := treeOf(t, dir)
		for p, content := range want {
			if tree[p] != content {
				t.Errorf("round %d: %s holds %q, want %q", round, p, tree[p], content)
			}
		}
		if got := len(filesOf(tree)); got != len(want)+1 {
			t.Errorf("round %d: %v", round, filesOf(tree))
		}
	}
	sameEntry(t, mustGet(t, b.c, "v2/i1"), saved)
}

func TestVerify(t *testing.T) {
	b := newBench(t)
	for i := range 4 {
		b.add(fmt.Sprintf("f%d", i), pattern(uint64(i), 100), nil)
	}
	b.add("link", nil, func(e *Entry) { e.Mode, e.Target = fs.ModeSymlink, "f1" })
	b.add("partial", []byte("123"), func(e *Entry) { e.Verdict = filetype.Partial; e.Missing.Add(block.Extent{Length: 1}) })
	b.save(nil)
	at := func(name string) string { return filepath.Join(b.dir, "files/2-DATA", name) }
	for _, err := range []error{
		os.WriteFile(at("f0"), pattern(9, 100), 0o644), os.Remove(at("f1")), os.WriteFile(at("extra"), nil, 0o644),
		os.Remove(at("f2")), os.Mkdir(at("f2"), 0o755), os.WriteFile(at("f3.missing.txt"), nil, 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	r, err := Verify(t.Context(), b.c, b.root, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Whole() || r.BadCount != 2 || r.MissingCount != 1 || r.ExtraCount != 2 || r.Checked.Files != 3 {
		t.Errorf("%+v", r)
	}
	if r.Bad[0].Path != "files/2-DATA/f0" || r.Missing[0] != "files/2-DATA/f1" || !slices.Equal(r.Extra, []string{"files/2-DATA/extra", "files/2-DATA/f3.missing.txt"}) {
		t.Errorf("%+v", r)
	}
}

func TestSumLine(t *testing.T) {
	need.Tool(t, "sha256sum")
	dir := t.TempDir()
	var list strings.Builder
	for _, name := range []string{"plain", "two  spaces", "back\\slash", "new\nline", "cr\rhere", "*star", "-dash", "both\\\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
		list.WriteString(sumLine(hashText(name), name))
	}
	if err := os.WriteFile(filepath.Join(dir, SumsName), []byte(list.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	checkSums(t, dir)
}
