package ext

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filesystem"
	"salvor/filesystem/filesystemtest"
	"salvor/internal/need"
)

// journals are the images that testdata/make/journal.py makes, with what must come back of the files that Linux
// removed there.
var journals = []struct {
	name         string
	state        filesystem.VolumeState
	codes        string
	exact, named int // of the deleted files, at least
}{
	{"journal-ext4", filesystem.Clean, "", 13, 13},
	{"journal-ext3", filesystem.Clean, "", 13, 13},
	{"journal-wrapped", filesystem.Clean, "", 13, 13},
	{"journal-plain", filesystem.Clean, "", 13, 13},
	{"journal-reused", filesystem.Clean, "", 4, 4},
	{"journal-older", filesystem.Clean, "", 1, 1},
	{"journal-torn", filesystem.Dirty, "journal.replayed", 1, 1},
	{"journal-torn-ext3", filesystem.Dirty, "journal.replayed", 1, 1},
	{"journal-torn-v1", filesystem.Dirty, "journal.replayed", 1, 1},
	{"journal-data", filesystem.Dirty, "journal.replayed", 1, 1},
	{"journal-open", filesystem.Dirty, "journal.replayed", 2, 1},
	{"journal-orphan-file", filesystem.Dirty, "journal.replayed", 2, 1},
	{"journal-fast", filesystem.Dirty, "journal.fast journal.replayed", 1, 1},
}

// sumOf returns the SHA-256 of what can be read of a file; "" where something cannot, or it is too large for a test.
func sumOf(t testing.TB, v filesystem.FileSystem, f *filesystem.File) string {
	t.Helper()
	// A broken size can be of any number of zeros.
	if len(f.Streams) == 0 || f.Size() > 64<<20 {
		return ""
	}
	b, err := readAll(t, v, f)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func TestJournals(t *testing.T) {
	for _, x := range journals {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			v := mustOpen(t, readImage(t, x.name))
			if info := v.Info(); info.State != x.state || volumeCodes(v) != x.codes {
				t.Errorf("%v, %q", info.State, volumeCodes(v))
			}
			got, errs := files(t, v)
			if len(errs) > 0 {
				t.Error(errs)
			}
			truth := filesystemtest.TruthFile(t, os.DirFS("testdata"), x.name+".json")
			known := map[string]bool{}
			exact, named, deleted := 0, 0, 0
			sums := map[string]bool{}
			for _, f := range got {
				if f.State != filesystem.Live {
					sums[sumOf(t, v, f)] = true
				}
			}
			for i := range truth {
				w := &truth[i]
				known[w.SHA256] = true
				if w.State != "" {
					deleted++
					if sums[w.SHA256] {
						exact++
					}
					if f := got["deleted "+w.Path]; f != nil && sumOf(t, v, f) == w.SHA256 {
						named++
					}
					continue
				}
				f := got["live "+w.Path]
				if f == nil {
					t.Errorf("%q is missing", w.Path)
					continue
				}
				for _, d := range filesystemtest.Differences(v, f, w) {
					t.Errorf("%q: %s", w.Path, d)
				}
				if !f.Sound {
					t.Errorf("%q is not sound: %s", w.Path, codes(f))
				}
			}
			if exact < x.exact || named < x.named {
				t.Errorf("%d of %d deleted files are exact, %d with their path; expected %d and %d", exact, deleted, named, x.exact, x.named)
			}
			for key, f := range got {
				if f.State == filesystem.Live && f.Mode.IsRegular() && !known[sumOf(t, v, f)] {
					t.Errorf("%s was not there", key)
				}
				if f.State != filesystem.Live && f.State != filesystem.Orphan && f.Sound && f.Size() > 0 {
					t.Errorf("%s is sound", key)
				}
				// What is certain of its places has the bytes of some file.
				if len(f.Streams) > 0 && f.Size() > 0 && f.State == filesystem.Deleted &&
					!slices.ContainsFunc(f.Streams[0].Runs, func(r block.Run) bool { return r.Kind != block.Data && r.Kind != block.Zero }) && !known[sumOf(t, v, f)] {
					t.Errorf("%s has bytes of no file, and no place of it is a guess: %s", key, codes(f))
				}
			}
		})
	}
}

// TestOlder has a file that was truncated and written anew: its earlier content is an older version under its
// own path. What was only appended to has none.
func TestOlder(t *testing.T) {
	v := mustOpen(t, readImage(t, "journal-older"))
	got, _ := files(t, v)
	f := got["old letter.txt"]
	if f == nil {
		t.Fatal("the draft is missing")
	}
	if b, err := readAll(t, v, f); err != nil || string(b) != string(text("draft", 30000)) {
		// The letter may have taken some of its blocks.
		if block.OfKind(f.Streams[0].Runs, block.Foreign, block.Guessed).Empty() {
			t.Errorf("%d bytes, %v", len(b), err)
		}
	}
	if got["old log.txt"] != nil {
		t.Error("a file that only grew has an older version")
	}
	if f := got["deleted other.txt"]; f == nil || f.Size() != 6000 {
		t.Error("the file that another was renamed over is missing")
	}
}

// TestOpenFiles has a file without a name that was still open when the volume stopped.
func TestOpenFiles(t *testing.T) {
	for _, name := range []string{"journal-open", "journal-orphan-file"} {
		v := mustOpen(t, readImage(t, name))
		got, _ := files(t, v)
		found := false
		for key, f := range got {
			if f.State == filesystem.Live || !f.Mode.IsRegular() || len(f.Streams) == 0 {
				continue
			}
			if b, err := readAll(t, v, f); err == nil && string(b) == string(text("file07", 900)) {
				found = true
				if key != "orphan alpha/file 07.txt" {
					t.Errorf("%s: it is %q", name, key)
				}
			}
		}
		if !found {
			t.Errorf("%s: the open file is lost", name)
		}
	}
}

// TestJournalDataPlaces checks that content which stands in the journal only is told to stand there.
func TestJournalDataPlaces(t *testing.T) {
	p := readImage(t, "journal-data")
	v := mustOpen(t, p)
	if v.over == nil {
		t.Fatal("nothing was replayed")
	}
	got, _ := files(t, v)
	f := got["live late/escaped.bin"]
	want, err := readAll(t, v, f)
	if err != nil {
		t.Fatal(err)
	}
	var raw []byte
	inJournal := false
	for _, r := range f.Streams[0].Runs {
		raw = append(raw, p[r.Physical:r.Physical+r.Length]...)
		inJournal = inJournal || block.Places(v.journal.runs).Overlaps(r.PhysicalExtent())
	}
	if !inJournal || string(raw) != string(want) || !strings.HasPrefix(string(want), "\xc0\x3b\x39\x98escaped0") {
		t.Errorf("in the journal: %v, %d bytes at their places, %d read, runs %v", inJournal, len(raw), len(want), f.Streams[0].Runs)
	}
}

// TestTornTail takes away the commit of the first transaction that is to be replayed: none is.
func TestTornTail(t *testing.T) {
	p := slices.Clone(readImage(t, "journal-torn"))
	v := mustOpen(t, p)
	h, err := v.journal.readLog(t.Context(), v.sb.blocksCount)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(h.transactions, func(t transaction) bool { return t.when == 0 })
	clear(p[v.journal.place(h.transactions[i].end):][:v.sb.blockSize])
	if v = mustOpen(t, p); v.over != nil || v.Info().State != filesystem.Dirty {
		t.Errorf("%d blocks of a transaction without a commit were replayed, %v", len(v.over.blocks), v.Info().State)
	}
}

// TestBrokenCopies flips a byte in each copy of the journal in turn: nothing wrong is believed.
func TestBrokenCopies(t *testing.T) {
	p := readImage(t, "journal-torn")
	whole := mustOpen(t, p)
	known := map[string]bool{}
	for _, w := range filesystemtest.TruthFile(t, os.DirFS("testdata"), "journal-torn.json") {
		known[w.SHA256] = true
	}
	before := mustOpen(t, readImage(t, "journal-torn"))
	got, _ := files(t, before)
	for _, f := range got {
		known[sumOf(t, before, f)] = true
	}
	for i, l := range whole.over.blocks {
		if i%4 != 0 && !need.CI() {
			continue
		}
		q := slices.Clone(p)
		q[l.at+int64(i*37%1000)] ^= 0x41
		v := mustOpen(t, q)
		got, _ := files(t, v)
		for key, f := range got {
			if f.Sound && f.Mode.IsRegular() && f.Size() > 0 && !known[sumOf(t, v, f)] {
				t.Errorf("copy of block %d: %s is sound and wrong", l.block, key)
			}
		}
	}
}

// TestExternalJournal has a volume that says that its journal stands elsewhere.
func TestExternalJournal(t *testing.T) {
	p := slices.Clone(readImage(t, "journal-ext3"))
	clear(p[superblockOffset+0xE0:][:4])
	copy(p[superblockOffset+0xD0:], "0123456789abcdef")
	v := mustOpen(t, p)
	if got := volumeCodes(v); got != "journal.external" || v.Info().State != filesystem.Clean {
		t.Errorf("%v, %q", v.Info().State, got)
	}
	if _, errs := files(t, v); len(errs) > 0 {
		t.Error(errs)
	}
}

// TestJournalBackup destroys the journal's inode: the superblock has a copy of where it stands.
func TestJournalBackup(t *testing.T) {
	p := slices.Clone(readImage(t, "journal-torn-ext3"))
	v := mustOpen(t, p)
	at, err := v.inodePlace(v.sb.journalInode)
	if err != nil {
		t.Fatal(err)
	}
	clear(p[at:][:v.sb.inodeSize])
	w := mustOpen(t, p)
	if w.journal == nil || !slices.Equal(w.journal.runs, v.journal.runs) {
		t.Errorf("%v, %q", w.journal, volumeCodes(w))
	}
}
