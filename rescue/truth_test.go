package rescue

import (
	"bytes"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"testing"

	"salvor/filesystem"
	"salvor/filetype"
	"salvor/internal/need"
	"salvor/internal/wire"
	"salvor/recovery"
)

// score counts what of one state was found.
type score struct{ found, wanted int }

func (s *score) add(ok bool) {
	s.wanted++
	if ok {
		s.found++
	}
}

// TestTruth holds a rescue of the example against what is known of every file on it.
func TestTruth(t *testing.T) {
	tr := readTruth(t)
	image, err := os.ReadFile(exampleImage)
	must(t, err)
	if sha(image) != tr.SHA256 {
		t.Fatal("the example and its truth do not belong together")
	}
	dir := filepath.Join(t.TempDir(), "case")
	l := &listener{}
	r, err := rescued(t, exampleImage, dir, nil, l)
	must(t, err)
	if r.Exit != ExitReserved || r.Safe == "" || r.State == "" || r.Next == "" {
		t.Errorf("result %+v, want exit %d, since a deleted file lost its middle, and three sentences", r, ExitReserved)
	}
	found := entries(t, dir)
	tree := saved(t, dir)

	t.Run("partitions", func(t *testing.T) { checkPartitions(t, tr, l.layers) })
	t.Run("live", func(t *testing.T) { checkLive(t, tr, dir, tree) })
	t.Run("deleted", func(t *testing.T) { checkDeleted(t, tr, found, tree) })
	t.Run("unallocated", func(t *testing.T) { checkUnallocated(t, tr, found, tree) })
	t.Run("nothing false", func(t *testing.T) { checkNothingFalse(t, tr, found, dir, image) })
	t.Run("proven", func(t *testing.T) {
		if n := checkProven(t, "the example", tr, found, image, nil); n == 0 {
			t.Error("nothing is proven: PNG files carry a check over every byte")
		}
	})
	t.Run("record", func(t *testing.T) { checkRecord(t, found, dir, tree) })
}

func checkPartitions(t *testing.T, tr *truth, layers []wire.Layer) {
	for _, p := range tr.Partitions {
		at := slices.IndexFunc(layers, func(l wire.Layer) bool { return l.Kind == "partition" && l.Offset == p.Offset })
		if at < 0 || layers[at].Size != p.Size || layers[at].Label != p.Name {
			t.Errorf("partition %s at %#x of %d bytes is not among the layers", p.Name, p.Offset, p.Size)
		}
		at = slices.IndexFunc(layers, func(l wire.Layer) bool { return l.Volume == p.Number })
		if at < 0 {
			t.Errorf("volume %d is not among the layers", p.Number)
			continue
		}
		v := layers[at]
		if v.Kind != p.Filesystem || v.Offset != p.Offset || v.Size != p.Size || v.Label != p.Label || !v.Readable || v.Rival {
			t.Errorf("volume %d is %s %q at %#x of %d bytes (readable %v), want %s %q at %#x of %d bytes",
				v.Volume, v.Kind, v.Label, v.Offset, v.Size, v.Readable, p.Filesystem, p.Label, p.Offset, p.Size)
		}
	}
}

func checkLive(t *testing.T, tr *truth, dir string, tree map[string]string) {
	var s score
	for _, f := range tr.Files {
		if f.State != "live" || !f.Recoverable {
			continue
		}
		want := f.SHA256
		if f.Type == "symlink" {
			want = "-> " + f.Target
		}
		name := path.Join("files", tr.folder(f.Volume), f.Path)
		got, ok := tree[name]
		s.add(got == want)
		if !ok {
			t.Errorf("%v was not saved as %s", &f, name)
		} else if got != want {
			t.Errorf("%v: saved as %s with hash %s, want %s", &f, name, got, want)
		}
	}
	t.Logf("live: %d of %d exact at their paths", s.found, s.wanted)
}

// savedWith returns the entries whose content was saved with this hash, or joined with one that was.
func savedWith(found []*recovery.Entry, tree map[string]string, hash string) (list []*recovery.Entry) {
	for _, e := range found {
		if e.Save == recovery.Saved && e.SHA256 == hash && tree[e.SavedAs] == hash {
			list = append(list, e)
		}
	}
	return list
}

func checkDeleted(t *testing.T, tr *truth, found []*recovery.Entry, tree map[string]string) {
	var exact, named score
	for _, f := range tr.Files {
		if f.State != "deleted" || !f.Recoverable {
			continue
		}
		list := savedWith(found, tree, f.SHA256)
		exact.add(len(list) > 0)
		if len(list) == 0 {
			t.Errorf("%v: %d bytes at %#x (%v) were not saved", &f, f.Size, f.Offset, f.How)
			continue
		}
		leads := slices.ContainsFunc(f.How, func(how string) bool { return how == "entry" || how == "inode" })
		if !leads {
			continue
		}
		// Metadata leads to it: it must not lose its place among the named files. FAT loses the first letter of
		// a short name, and a folder that the kernel emptied no longer leads to the inode by name.
		ok := slices.ContainsFunc(list, func(e *recovery.Entry) bool {
			return e.Origin != recovery.FromContent && e.Volume == tr.volume(f.Volume) && e.State != filesystem.Live
		})
		named.add(ok)
		if !ok {
			t.Errorf("%v was found by its content only, though its metadata stands", &f)
		}
	}
	t.Logf("deleted: %d of %d exact; %d of %d by their metadata", exact.found, exact.wanted, named.found, named.wanted)
}

func checkUnallocated(t *testing.T, tr *truth, found []*recovery.Entry, tree map[string]string) {
	var s score
	for _, f := range tr.Files {
		if f.State != "unallocated" || !f.Recoverable || len(f.Runs) != 1 {
			continue
		}
		ok := slices.ContainsFunc(savedWith(found, tree, f.SHA256), func(e *recovery.Entry) bool {
			return len(e.Runs) == 1 && (e.Runs[0].Physical == f.Offset || slices.Contains(e.AlsoAt, f.Offset))
		})
		s.add(ok)
		if !ok {
			t.Errorf("%v (%s): %d bytes at %#x were not saved from there", &f, f.Type, f.Size, f.Offset)
		}
	}
	t.Logf("unallocated: %d of %d exact", s.found, s.wanted)
}

// checkNothingFalse sees that what was saved as whole is a file of the truth, and what was saved as a part is
// a part of one.
func checkNothingFalse(t *testing.T, tr *truth, found []*recovery.Entry, dir string, image []byte) {
	known := map[string]bool{}
	for _, f := range tr.Files {
		known[f.SHA256] = true
	}
	whole, parts := 0, 0
	for _, e := range found {
		if e.Save != recovery.Saved || known[e.SHA256] || e.Target != "" {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(e.SavedAs)))
		must(t, err)
		switch e.Verdict {
		case filetype.Proven, filetype.Consistent, filetype.Encrypted:
			whole++
			t.Errorf("%s (%s, %s, %d bytes, saved as %s) is called %v and is no file of the truth", e.ID, e.Format, e.State, e.Size, e.SavedAs, e.Verdict)
		case filetype.Partial, filetype.Damaged:
			parts++
			if !partOfTruth(tr, e, content, image) {
				t.Errorf("%s (%s, %d bytes, saved as %s) is no part of any file of the truth", e.ID, e.Format, e.Size, e.SavedAs)
			}
		default:
			// Nothing in the content says what it is; then metadata must have named it, in the volume whose second
			// half was never written.
			if e.Volume != tr.volume("rootfs_b") {
				t.Errorf("%s (%d bytes, saved as %s) is unknown and no file of the truth", e.ID, e.Size, e.SavedAs)
			}
		}
	}
	t.Logf("saved besides the files of the truth: %d whole, %d parts", whole, parts)
}

// partOfTruth reports whether content, outside of what e calls missing, begins as a file of the truth up to
// the last byte that decodes.
func partOfTruth(tr *truth, e *recovery.Entry, content, image []byte) bool {
	for _, f := range tr.Files {
		if len(f.Runs) == 0 {
			continue
		}
		var want []byte
		for _, r := range f.Runs {
			want = append(want, image[r[0]:r[0]+r[1]]...)
		}
		good := min(int(e.GoodUntil), len(content), len(want))
		if good > 0 && bytes.Equal(mask(content[:good], e), mask(want[:good], e)) {
			return true
		}
	}
	return false
}

// mask returns p with zeros where e says that bytes are missing or that no check covers them.
func mask(p []byte, e *recovery.Entry) []byte {
	p = bytes.Clone(p)
	for x := range e.Missing.Union(e.Uncovered).All() {
		if x.Offset < int64(len(p)) {
			clear(p[x.Offset:min(x.End(), int64(len(p)))])
		}
	}
	return p
}

// contentOf joins the runs of e over a medium.
func contentOf(e *recovery.Entry, medium []byte) []byte {
	out := make([]byte, e.Size)
	for _, r := range e.Runs {
		if r.Kind.Stands() && r.Logical < e.Size && r.Physical < int64(len(medium)) {
			copy(out[r.Logical:min(r.Logical+r.Length, e.Size)], medium[r.Physical:min(r.Physical+r.Length, int64(len(medium)))])
		}
	}
	return out
}

// checkProven sees that each proven file has, outside of what it calls uncovered, exactly the bytes of a
// file that was written: one of the truth, or one that stands at the same place of the whole image (a file
// inside another one). damaged is the medium that was rescued where that is not image. It returns how many
// are proven.
func checkProven(t *testing.T, name string, tr *truth, found []*recovery.Entry, image, damaged []byte) (n int) {
	t.Helper()
	medium := image
	if damaged != nil {
		medium = damaged
	}
	known := map[string]bool{}
	for _, f := range tr.Files {
		known[f.SHA256] = true
	}
	for _, e := range found {
		if e.Verdict != filetype.Proven {
			continue
		}
		n++
		got := contentOf(e, medium)
		if known[sha(got)] {
			continue
		}
		if damaged != nil && bytes.Equal(mask(got, e), mask(contentOf(e, image), e)) {
			continue
		}
		t.Errorf("%s: %s %q (%s, %d bytes) is called proven and has a wrong byte, or is no file of the truth", name, e.ID, e.Path, e.Format, e.Size)
	}
	return n
}

func checkRecord(t *testing.T, found []*recovery.Entry, dir string, tree map[string]string) {
	for _, name := range []string{"report.html", "report.json", "case.json", "journal.jsonl", "catalog.db", "SHA256SUMS", "image/1.map", "image/1.sums"} {
		if st, err := os.Stat(filepath.Join(dir, name)); err != nil || st.Size() == 0 {
			t.Errorf("%s: %v, or empty", name, err)
		}
	}
	for _, name := range []string{"lock", "image/1.img"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s is there after a job in place has ended", name)
		}
	}
	files := map[string]bool{}
	for _, e := range found {
		if e.Save == recovery.Pending || e.Save == recovery.Failed {
			t.Errorf("%s %q is %s at the end", e.ID, e.Path, e.Save)
		}
		if e.Save == recovery.Saved && e.Mode.IsRegular() {
			files[filepath.FromSlash(e.SavedAs)] = true
			if tree[filepath.FromSlash(e.SavedAs)] != e.SHA256 {
				t.Errorf("%s: the catalogue says %s, the file %s has %s", e.ID, e.SHA256, e.SavedAs, tree[e.SavedAs])
			}
		}
	}
	for name, hash := range tree {
		if len(hash) == 64 && !files[name] && filepath.Ext(name) != ".txt" {
			t.Errorf("%s is in the case and not in the catalogue", name)
		}
	}
	sums, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
	must(t, err)
	if n := bytes.Count(sums, []byte("\n")); n < len(files) {
		t.Errorf("SHA256SUMS has %d lines for %d files", n, len(files))
	}
	need.Tools(t, "sha256sum")
	cmd := exec.Command("sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("sha256sum does not accept SHA256SUMS: %v\n%s", err, out)
	}
}
