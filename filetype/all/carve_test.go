package all_test

import (
	"cmp"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/block/probe"
	"salvor/carve"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
	"salvor/sweep"
)

// media are the folders of pictures, sound and films.
var media = []string{"jpeg", "png", "gif", "bmp", "tiff", "webp", "psd", "wav", "avi", "mp3", "flac", "ogg", "matroska", "aiff", "aac", "flv", "asf", "mpeg", "mp4"}

// placed is a file on a medium.
type placed struct {
	name string
	data []byte
}

// mediaFiles returns the fixtures that are carved whole when they stand alone.
func mediaFiles(t testing.TB, tb *filetype.Table) (list []placed) {
	t.Helper()
	for _, folder := range media {
		names, err := filepath.Glob("../" + folder + "/testdata/*")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, ".md") {
				continue
			}
			if fi, err := os.Stat(name); err != nil || fi.IsDir() || fi.Size() < 600 || fi.Size() > 100<<10 {
				continue
			}
			for base, data := range filetypetest.Load(t, os.DirFS(filepath.Dir(name)), filepath.Base(name)) {
				f, r, err := tb.Identify(t.Context(), block.Bytes(data), base)
				if err == nil && f != nil && f.Carve && r.Verdict >= filetype.Consistent && r.Size == int64(len(data)) {
					list = append(list, placed{folder + "/" + base, data})
				}
			}
		}
	}
	return list
}

// lay puts the files at clusters of a medium, with noise between them; slack fills the rest of the last sector of each.
func lay(files []placed, seed uint64, slack func(r *rand.Rand) byte) ([]byte, map[int64]placed) {
	r := rand.New(rand.NewPCG(seed, 1))
	var medium []byte
	at := map[int64]placed{}
	noise := func(n int) {
		for range n {
			medium = append(medium, byte(r.Uint32()))
		}
	}
	noise(4096)
	for _, f := range files {
		at[int64(len(medium))] = f
		medium = append(medium, f.data...)
		for len(medium)%512 != 0 {
			medium = append(medium, slack(r))
		}
		noise(4096 - len(medium)%4096 + 4096*r.IntN(2))
	}
	return medium, at
}

// carved returns what is carved out of a medium.
func carved(t testing.TB, tb *filetype.Table, medium []byte) (found []carve.Found) {
	t.Helper()
	m, err := sweep.NewMatcher(tb.Probes())
	if err != nil {
		t.Fatal(err)
	}
	var hits []probe.Hit
	m.NewSweep(int64(len(medium)), func(h probe.Hit) { hits = append(hits, h) }).Observe(block.Extent{Length: int64(len(medium))}, medium)
	slices.SortFunc(hits, func(a, b probe.Hit) int { return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.ID, b.ID)) })
	_, err = carve.Run(context.Background(), carve.Options{Source: block.Bytes(medium), Hits: slices.Values(hits), Table: tb,
		Emit: func(f carve.Found) error { found = append(found, f); return nil }})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// Every file that lies in one piece is carved exactly, whatever fills its last sector, and nothing else is.
func TestCarvedExactly(t *testing.T) {
	tb := table(t)
	files := mediaFiles(t, tb)
	if len(files) < 80 {
		t.Fatalf("%d files", len(files))
	}
	for what, slack := range map[string]func(r *rand.Rand) byte{
		"zeros": func(*rand.Rand) byte { return 0 }, "noise": func(r *rand.Rand) byte { return byte(r.Uint32()) },
	} {
		medium, at := lay(files, 3, slack)
		whole, exact := 0, 0
		for _, f := range carved(t, tb, medium) {
			p, ok := at[f.Offset]
			if !ok {
				t.Errorf("%s: false: %s at %#x, %d bytes, %v %v", what, f.Format.Name, f.Offset, f.Size, f.Report.Verdict, f.Report.Findings)
				continue
			}
			delete(at, f.Offset)
			if f.Size != int64(len(p.data)) {
				t.Errorf("%s: %s: %d bytes, expected %d: %v %v", what, p.name, f.Size, len(p.data), f.Report.Verdict, f.Report.Findings)
				continue
			}
			exact++
			if f.Report.Verdict >= filetype.Consistent {
				whole++
			}
		}
		for _, p := range at {
			t.Errorf("%s: %s was not found", what, p.name)
		}
		t.Logf("%s: %d files, %d exact, %d of them look whole", what, len(files), exact, whole)
	}
}

// unpacked are files of which nothing is packed, so that any bytes of the right number are samples or pixels, and small ones
// whose only part has no inner structure: noise in their place is not told from what was there.
var unpacked = []string{"bmp/", "wav/bext", "wav/float", "wav/pcm16", "wav/ulaw", "wav/sox24", "wav/long", "aiff/", "psd/raw", "tiff/exif", "tiff/none", "webp/lossy", "mp4/"}

// No file that is cut, of a kind that can tell, is called whole, and what is given of it ends at or little behind the cut.
func TestCarvedCut(t *testing.T) {
	tb := table(t)
	files := mediaFiles(t, tb)
	full := map[string]int{}
	for i := range files {
		full[files[i].name] = len(files[i].data)
		files[i].data = files[i].data[:min(len(files[i].data), (len(files[i].data)*3/5+511)/512*512)]
	}
	files = slices.DeleteFunc(files, func(p placed) bool { return len(p.data) >= full[p.name] })
	medium, at := lay(files, 4, func(r *rand.Rand) byte { return byte(r.Uint32()) })
	for _, f := range carved(t, tb, medium) {
		p, ok := at[f.Offset]
		blind := slices.ContainsFunc(unpacked, func(name string) bool { return strings.HasPrefix(p.name, name) })
		switch {
		case ok && blind:
		case !ok:
			t.Errorf("false: %s at %#x, %d bytes, %v %v", f.Format.Name, f.Offset, f.Size, f.Report.Verdict, f.Report.Findings)
		case f.Report.Verdict >= filetype.Consistent:
			t.Errorf("%s, cut at %d of %d: %d bytes are %v: %v", p.name, len(p.data), full[p.name], f.Size, f.Report.Verdict, f.Report.Findings)
		case f.Size > int64(len(p.data))+8192:
			t.Errorf("%s, cut at %d of %d: %d bytes are given as good", p.name, len(p.data), full[p.name], f.Size)
		}
	}
}
