package casefile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/host"
	"salvor/imaging"
	"salvor/recovery"
)

func TestNotes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "case")
	c := open(t, dir)
	photo := bytes.Repeat([]byte("a photo of the screen"), 1000)
	for _, n := range []struct{ name, words, path string }{
		{"screen.jpg", "the screen after the update", "notes/001-screen.jpg"},
		{"screen.jpg", "", "notes/002-screen.jpg"},
		{"../../etc/pass\x00wd", "hostile", "notes/003-pass_wd"},
		{"Foto vom Gerät\u202e.jpg", "", "notes/004-Foto_vom_Ger_t_.jpg"},
		{strings.Repeat("x", 300), "", "notes/005-" + strings.Repeat("x", 100)},
		{"con.", "", "notes/006-con"},
	} {
		got, err := c.AddNote(n.name, n.words, bytes.NewReader(photo))
		must(t, err)
		sum := sha256.Sum256(photo)
		if got.Path != n.path || got.Size != int64(len(photo)) || got.SHA256 != hex.EncodeToString(sum[:]) {
			t.Errorf("%q: %+v, want %s", n.name, got, n.path)
		}
		if !bytes.Equal(read(t, dir, n.path), photo) {
			t.Errorf("%s is not what was given", n.path)
		}
	}
	list, err := c.CaseNotes()
	must(t, err)
	if len(list) != 6 || list[0].Words != "the screen after the update" || list[0].Time.IsZero() {
		t.Errorf("%+v", list)
	}
	must(t, os.WriteFile(filepath.Join(dir, "notes", "001-screen.jpg"), []byte("changed"), 0o644))
	if sum, err := c.CheckNote(list[0]); err != nil || sum == list[0].SHA256 {
		t.Errorf("%s, %v", sum, err)
	}
	if sum, err := c.CheckNote(list[1]); err != nil || sum != list[1].SHA256 {
		t.Errorf("%s, %v", sum, err)
	}
	broken := errors.New("cannot be read")
	if _, err := c.AddNote("log", "", failingReader{broken}); !errors.Is(err, broken) {
		t.Error(err)
	}
	if got := names(t, filepath.Join(dir, "notes")); len(got) != 6 {
		t.Errorf("%v: a note that failed was left", got)
	}
	must(t, c.Close())
	r, err := Open(dir, Reader, Options{})
	must(t, err)
	defer r.Close()
	if _, err := r.AddNote("a", "", bytes.NewReader(nil)); !errors.Is(err, ErrReadOnly) {
		t.Error(err)
	}
}

type failingReader struct{ err error }

func (f failingReader) Read(p []byte) (int, error) { return copy(p, "some"), f.err }

// TestMediumMap holds the picture of a medium against what stands on it.
func TestMediumMap(t *testing.T) {
	const size = 1024 << 20 // one cell for each MiB
	dir := filepath.Join(t.TempDir(), "case")
	c := open(t, dir)
	defer c.Close()
	id := host.Identity{Path: "/dev/sdb", Size: size, First: strings.Repeat("a", 64), Last: strings.Repeat("b", 64)}
	s, err := c.AddSource(id, false)
	must(t, err)
	m := imaging.NewMap(size)
	m.Set(block.Extent{Length: 900 << 20}, imaging.Finished)
	m.Set(block.Extent{Offset: 10 << 20, Length: 512}, imaging.BadSector)
	must(t, c.WriteMap(s.Number, func(w io.Writer) error {
		_, err := m.WriteTo(w)
		return err
	}))
	maps, err := c.mapsOf([]recovery.LayerRow{{Source: 1, Volume: 1, Extent: block.Extent{Offset: 1 << 20, Length: 500 << 20}}})
	must(t, err)
	p := maps[1]
	p.addEntry(&recovery.Entry{Origin: recovery.FromFileSystem, Runs: []block.Run{{Physical: 20 << 20, Length: 2 << 20, Kind: block.Data}}})
	p.addEntry(&recovery.Entry{Origin: recovery.FromContent, Runs: []block.Run{{Physical: 21<<20 + 5, Length: 100, Kind: block.Data}, {Physical: 600 << 20, Length: 100, Kind: block.Guessed},
		{Length: 1 << 40, Kind: block.Zero}}})
	for cell, want := range map[int]int{0: -1, 1: mapVolume, 10: mapBad, 20: mapLive, 21: mapLive, 22: mapVolume, 600: mapOther, 601: -1, 950: mapNotRead, 1023: mapNotRead} {
		if got := p.show(cell); got != want {
			t.Errorf("cell %d is %d, want %d", cell, got, want)
		}
	}
	picture := string(p.Picture())
	for _, want := range []string{`viewBox="0 0 640 160"`, `class="m-bad" x="100" y="0" width="9"`, "1.0 MiB at byte 10485760: cannot be read", "not read yet: 124 of 1024 parts"} {
		if !strings.Contains(picture, want) {
			t.Errorf("the picture has no %s", want)
		}
	}
	if n := strings.Count(picture, "<rect"); n > 40 {
		t.Errorf("%d rectangles: cells of one kind are not joined", n)
	}
	// A medium of a few bytes has a map too.
	tiny := newMediumMap(Source{Number: 1, Size: 100})
	tiny.add(block.Extent{Length: 1 << 40}, mapLive)
	if len(tiny.count) != 1 || tiny.show(0) != mapLive {
		t.Errorf("%+v", tiny)
	}
}
