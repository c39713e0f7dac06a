package ext

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filesystem"
	"salvor/filesystem/filesystemtest"
)

// image is one that testdata/make.sh makes.
type image struct {
	name, kind, truth string
	rounds            int // of damage
	checked           bool
	minFound          float64 // of what damage did not hit; 0 is the suite's own
}

var images = []image{
	{"ext2-plain", "ext2", "plain", 300, false, 0},
	{"ext2", "ext2", "full", 300, false, 0},
	{"ext3", "ext3", "full", 60, false, 0},
	{"ext4", "ext4", "full", 300, true, 0},
	{"ext4-inline", "ext4", "full", 100, true, 0},
	{"ext4-4k", "ext4", "full", 60, true, 0},
	{"ext4-64k", "ext4", "full", 40, true, 0},
	{"meta_bg", "ext4", "full", 60, true, 0},
	{"bigalloc", "ext4", "full", 40, true, 0},
	{"gdt_csum", "ext4", "full", 60, false, 0},
	{"sparse2", "ext4", "plain", 60, true, 0},
	{"ea_inode", "ext4", "ea_inode", 60, true, 0},
	{"htree", "ext4", "htree", 20, true, 0},
	{"sparse", "ext2", "sparse", 30, false, 0.6},
	{"unwritten", "ext4", "unwritten", 60, true, 0},
	{"casefold", "ext4", "plain", 40, true, 0},
	{"removed-ext4", "ext4", "removed-ext4", 60, true, 0},
	{"removed-ext2", "ext2", "removed-ext2", 60, false, 0},
	{"kernel-deleted", "ext4", "kernel-deleted", 40, true, 0},
}

func (i image) read(t testing.TB) []byte { return readImage(t, i.name) }

func openTest(src block.Source) (filesystem.FileSystem, error) {
	return Open(context.Background(), src)
}

func TestConformance(t *testing.T) {
	for _, image := range images {
		t.Run(image.name, func(t *testing.T) {
			t.Parallel()
			truth := filesystemtest.TruthFile(t, os.DirFS("testdata"), image.truth+".json")
			rounds := image.rounds
			if testing.Short() {
				rounds = 5
			}
			filesystemtest.Run(t, openTest, block.Bytes(image.read(t)), truth, filesystemtest.Options{
				Rounds: rounds, Seed: 11, Checked: image.checked, MinFound: image.minFound,
				Extra: func(f *filesystem.File) bool { return f.Path == "lost+found" },
			})
		})
	}
}

func TestInfo(t *testing.T) {
	for _, image := range images {
		info := mustOpen(t, image.read(t)).Info()
		if info.Kind != image.kind || info.Label != image.name || !strings.HasPrefix(info.UUID, "5a1f0000-0000-4000-8000-") {
			t.Errorf("%s: kind %q, label %q, UUID %q", image.name, info.Kind, info.Label, info.UUID)
		}
		for _, f := range info.Findings {
			if f.Code != casefolded.Code {
				t.Errorf("%s: %s", image.name, f)
			}
		}
		if info.State != filesystem.Clean {
			t.Errorf("%s: %v", image.name, info.State)
		}
		if info.Size != int64(len(image.read(t))) {
			t.Errorf("%s: %d bytes of %d", image.name, info.Size, len(image.read(t)))
		}
	}
}

// TestSound checks that what is whole is called so, so that a wrong doubt is seen as well as a wrong trust.
func TestSound(t *testing.T) {
	for _, image := range images {
		got, errs := files(t, mustOpen(t, image.read(t)))
		for _, err := range errs {
			t.Errorf("%s: %v", image.name, err)
		}
		for key, f := range got {
			if f.State == filesystem.Live && (!f.Sound || len(f.Findings) > 0) {
				t.Errorf("%s: %s: sound is %v, findings %v", image.name, key, f.Sound, f.Findings)
			}
		}
	}
}

func TestHardLinks(t *testing.T) {
	for _, name := range []string{"ext2", "ext4", "ext4-inline"} {
		v := mustOpen(t, readImage(t, name))
		got, _ := files(t, v)
		a, b := got["live linked.txt"], got["live DCIM/same as linked.txt"]
		if a == nil || b == nil {
			t.Fatalf("%s: a link is missing", name)
		}
		if a.ID == b.ID || strings.TrimSuffix(a.ID, "-2") != strings.TrimSuffix(b.ID, "-2") {
			t.Errorf("%s: links have the IDs %s and %s", name, a.ID, b.ID)
		}
		if !slices.Equal(a.Streams[0].Runs, b.Streams[0].Runs) {
			t.Errorf("%s: links stand in different places", name)
		}
	}
}

func TestInline(t *testing.T) {
	p := readImage(t, "ext4-inline")
	got, _ := files(t, mustOpen(t, p))
	for _, path := range []string{"one.txt", "inline.txt", "inline-xattr.txt"} {
		f := got["live "+path]
		in := mustInode(t, p, path)
		if f == nil || in.flags&flagInline == 0 {
			t.Errorf("%s: not inline", path)
			continue
		}
		for _, r := range f.Streams[0].Runs {
			if r.Kind != block.Data || r.Physical < in.offset || r.Physical+r.Length > in.offset+256 {
				t.Errorf("%s: %v lies outside of its inode", path, r)
			}
		}
	}
	if in := mustInode(t, p, "large.bin"); in.flags&flagInline != 0 {
		t.Error("a large file is inline")
	}
}

// TestUnwritten has blocks that are reserved but were never written: they read as zeros, and belong to the file.
func TestUnwritten(t *testing.T) {
	v := mustOpen(t, readImage(t, "unwritten"))
	got, _ := files(t, v)
	f := got["live unwritten.bin"]
	p, err := readAll(t, v, f)
	if err != nil || len(p) != 40000 || slices.Max(p[1024:]) != 0 {
		t.Errorf("%d bytes, %v", len(p), err)
	}
	if places := block.OfKind(f.Streams[0].Runs, block.Data); places.Bytes() != 1024 {
		t.Errorf("runs %v", f.Streams[0].Runs)
	}
	in := mustInode(t, readImage(t, "unwritten"), "unwritten.bin")
	m := v.mapInode(in, v.newBudget())
	used, err := v.Used(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(m.beyond) == 0 {
		t.Error("no reserved blocks")
	}
	for _, e := range m.beyond {
		if !used.Contains(e) {
			t.Errorf("%v is reserved and not used", e)
		}
	}
}

func TestExtentDepth(t *testing.T) {
	for _, x := range []struct {
		name, path  string
		nodes, runs int // the least
	}{{"ext4", "pieces.bin", 6, 400}, {"ext2", "pieces.bin", 3, 400}, {"kernel-deleted", "fragments.bin", 1, 300}} {
		p := readImage(t, x.name)
		v := mustOpen(t, p)
		m := v.mapInode(mustInode(t, p, x.path), v.newBudget())
		if len(m.nodes) < x.nodes || len(m.runs) < x.runs || len(m.problems) > 0 {
			t.Errorf("%s: %s: %d nodes, %d runs, %v", x.name, x.path, len(m.nodes), len(m.runs), m.problems)
		}
	}
}

// TestJournal has a volume that stopped while it was mounted.
func TestJournal(t *testing.T) {
	v := mustOpen(t, readImage(t, "kernel-torn"))
	info := v.Info()
	if info.State != filesystem.Dirty || volumeCodes(v) != "journal.replayed" {
		t.Errorf("%v, %s", info.State, volumeCodes(v))
	}
	got, errs := files(t, v)
	if len(errs) > 0 {
		t.Error(errs)
	}
	// What was written after the last time that the kernel wrote back is there too.
	for i := 1; i <= 50; i++ {
		b, err := readAll(t, v, got[fmt.Sprintf("live late %d.txt", i)])
		if want := fmt.Sprintf("late %d\n", i); err != nil || string(b) != want {
			t.Errorf("late %d.txt: %q, %v", i, b, err)
		}
	}
	for _, w := range filesystemtest.TruthFile(t, os.DirFS("testdata"), "plain.json") {
		f := got["live "+w.Path]
		if f == nil {
			t.Errorf("%q is missing", w.Path)
			continue
		}
		if w.Path == "" {
			w.Modified, w.Mode = "", ""
		}
		for _, d := range filesystemtest.Differences(v, f, &w) {
			t.Errorf("%q: %s", w.Path, d)
		}
	}
}

func TestEncrypted(t *testing.T) {
	v := mustOpen(t, readImage(t, "encrypt"))
	got, _ := files(t, v)
	for key, f := range got {
		locked := key == "live folder/file 3.txt"
		if f.Locked != locked {
			t.Errorf("%s: locked is %v", key, f.Locked)
		}
		if !locked {
			continue
		}
		if codes(f) != "encrypted" {
			t.Errorf("findings %v", f.Findings)
		}
		if _, err := v.Open(f, ""); !errors.Is(err, filesystem.ErrLocked) {
			t.Errorf("opens with %v", err)
		}
	}
}

func TestCasefold(t *testing.T) {
	if got := volumeCodes(mustOpen(t, readImage(t, "casefold"))); got != "feature.casefold" {
		t.Errorf("findings %q", got)
	}
}

func TestNotExt(t *testing.T) {
	for _, p := range [][]byte{nil, make([]byte, 1000), make([]byte, 2048), make([]byte, 1<<20)} {
		if _, err := Open(t.Context(), block.Bytes(p)); err == nil {
			t.Errorf("%d zeros open", len(p))
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if fsys, err := Open(ctx, block.Bytes(make([]byte, 1<<20))); err == nil {
		t.Errorf("opens %v after a cancel", fsys)
	}
}

// readImage reads an image of testdata.
func readImage(t testing.TB, name string) []byte {
	t.Helper()
	return filesystemtest.Testdata(t, name+".img.gz")
}

func mustOpen(t testing.TB, p []byte) *volume {
	t.Helper()
	v, err := open(context.Background(), block.Bytes(p))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// mustInode finds the inode of a live path.
func mustInode(t testing.TB, p []byte, path string) *inode {
	t.Helper()
	v := mustOpen(t, p)
	got, _ := files(t, v)
	f := got["live "+path]
	if f == nil {
		t.Fatalf("%q is missing", path)
	}
	var number uint32
	for _, c := range strings.TrimPrefix(f.ID, "i") {
		if c < '0' || c > '9' {
			break
		}
		number = number*10 + uint32(c-'0')
	}
	in, err := v.inode(number)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// files lists a volume: its files, by state and path, and the errors of the walk.
var files = filesystemtest.Files

// readAll reads a file whole.
func readAll(t testing.TB, v filesystem.FileSystem, f *filesystem.File) ([]byte, error) {
	t.Helper()
	if f == nil {
		return nil, fs.ErrNotExist
	}
	return filesystemtest.Content(t, v, f)
}

// codes lists the findings of a file by their codes, without the room.
func codes(f *filesystem.File) string { return filesystemtest.Codes("ext", f.Findings) }

// volumeCodes lists those of a volume.
func volumeCodes(v filesystem.FileSystem) string {
	return filesystemtest.Codes("ext", v.Info().Findings)
}
