package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/block/blocktest"
)

// writeParts writes files of these sizes into a new folder; byte i of the image that they would make together in
// order of their names is i modulo 251.
func writeParts(t *testing.T, files map[string]int) (dir string, image []byte) {
	t.Helper()
	dir = t.TempDir()
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		p := make([]byte, files[name])
		for i := range p {
			p[i] = byte((len(image) + i) % 251)
		}
		image = append(image, p...)
		if err := os.WriteFile(filepath.Join(dir, name), p, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir, image
}

func TestParts(t *testing.T) {
	const unit = 4096
	for _, tc := range []struct {
		name  string
		files map[string]int
		open  string
		size  int64
		// lost are the ranges that cannot be read, as offset and length.
		lost  []block.Extent
		alone bool // the file is read by itself
		code  string
	}{
		{name: "from 001", files: map[string]int{"a.001": unit, "a.002": unit, "a.003": 10}, open: "a.001", size: 2*unit + 10},
		{name: "named by a later part", files: map[string]int{"a.001": unit, "a.002": unit, "a.003": 10}, open: "a.003", size: 2*unit + 10},
		{name: "from 000", files: map[string]int{"a.000": unit, "a.001": 7}, open: "a.001", size: unit + 7},
		{name: "letters", files: map[string]int{"a.aa": unit, "a.ab": unit, "a.ac": unit}, open: "a.ab", size: 3 * unit},
		{name: "capital letters", files: map[string]int{"a.AA": unit, "a.AB": 1}, open: "a.AA", size: unit + 1},
		{name: "two digits", files: map[string]int{"a.00": unit, "a.01": 1}, open: "a.00", size: unit + 1},
		{name: "four digits", files: map[string]int{"a.0001": unit, "a.0002": 1}, open: "a.0001", size: unit + 1},
		{name: "other files beside", files: map[string]int{"a.001": unit, "a.002": 5, "a.txt": 9, "b.003": 9, "a.1003": 9, "a.003x": 1}, open: "a.001", size: unit + 5},
		{name: "one in the middle is missing", files: map[string]int{"a.001": unit, "a.003": unit, "a.004": 10}, open: "a.001",
			size: 3*unit + 10, lost: []block.Extent{{Offset: unit, Length: unit}}},
		{name: "one is cut", files: map[string]int{"a.001": unit, "a.002": 100, "a.003": 10}, open: "a.001",
			size: 2*unit + 10, lost: []block.Extent{{Offset: unit + 100, Length: unit - 100}}},
		{name: "one is empty", files: map[string]int{"a.001": unit, "a.002": 0, "a.003": 10}, open: "a.001",
			size: 2*unit + 10, lost: []block.Extent{{Offset: unit, Length: unit}}},
		{name: "the first is missing", files: map[string]int{"a.002": unit, "a.003": unit}, open: "a.002", code: "host.part.first"},
		{name: "most are missing", files: map[string]int{"a.001": unit, "a.900": unit}, open: "a.001", code: "host.part.gaps"},
		{name: "the last is larger", files: map[string]int{"a.001": unit, "a.002": unit + 1}, open: "a.001", code: "host.part.sizes"},
		{name: "no two are alike", files: map[string]int{"a.001": 10, "a.002": 20, "a.003": 30, "a.004": 5}, open: "a.001", code: "host.part.sizes"},
		{name: "alone", files: map[string]int{"a.001": unit, "b.002": unit}, open: "a.001", size: unit, alone: true},
		{name: "years", files: map[string]int{"a.2023": unit, "a.2024": 9}, open: "a.2024", size: 9, alone: true},
		{name: "days", files: map[string]int{"a.15": unit, "a.16": 9}, open: "a.15", size: unit, alone: true},
		{name: "endings of two letters", files: map[string]int{"a.db": unit, "a.gz": 9}, open: "a.gz", size: 9, alone: true},
		{name: "no ending", files: map[string]int{"001": unit, "002": 9}, open: "001", size: unit, alone: true},
		{name: "hidden", files: map[string]int{".001": unit, ".002": 9}, open: ".001", size: unit, alone: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir, image := writeParts(t, tc.files)
			o, err := Open(context.Background(), filepath.Join(dir, tc.open), OpenOptions{})
			if tc.code != "" {
				var refused *RefusedError
				if !errors.As(err, &refused) || refused.Code != tc.code || refused.Next == "" {
					t.Fatalf("%v, want a refusal with %s", err, tc.code)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer o.Close()
			if o.Size != tc.size || o.Source.Size() != tc.size {
				t.Fatalf("%d bytes, want %d", o.Size, tc.size)
			}
			if (o.Files == nil) != tc.alone {
				t.Errorf("files %v, alone %v", o.Files, tc.alone)
			}
			if tc.alone {
				return
			}
			if len(o.Notes) != len(tc.lost) {
				t.Errorf("%d notes, want %d: %v", len(o.Notes), len(tc.lost), o.Notes)
			}
			lost := block.SetOf(tc.lost...)
			known := block.Set{}
			for _, u := range block.UnreadableIn(o.Source, block.Extent{Length: o.Size}) {
				known.Add(u.Extent)
			}
			if !slices.Equal(known.Extents(), lost.Extents()) {
				t.Errorf("unreadable %v, want %v", known, lost)
			}
			at := 0 // in image, which has nothing in the place of what is lost
			for off := int64(0); off < o.Size; off++ {
				b := []byte{0}
				n, err := o.Source.ReadAt(b, off)
				if lost.Has(off) {
					if _, ok := block.IsUnreadable(err); !ok || n != 0 {
						t.Fatalf("byte %d: %d, %v, want it unreadable", off, n, err)
					}
					continue
				}
				if n != 1 || b[0] != image[at] {
					t.Fatalf("byte %d: %d, %x, %v, want %x", off, n, b, err, image[at])
				}
				at++
			}
			if err := o.Changed(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPartsAsSource(t *testing.T) {
	dir, image := writeParts(t, map[string]int{"a.001": 3000, "a.003": 3000, "a.004": 1500, "a.005": 3000, "a.006": 17})
	lost := block.SetOf(block.Extent{Offset: 3000, Length: 3000}, block.Extent{Offset: 10500, Length: 1500})
	want := slices.Concat(image[:3000], make([]byte, 3000), image[3000:7500], make([]byte, 1500), image[7500:])
	blocktest.Run(t, func(t *testing.T) (block.Source, []byte, block.Set) {
		o, err := Open(context.Background(), filepath.Join(dir, "a.001"), OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { o.Close() })
		return o.Source, want, lost
	})
}

func TestPartChanges(t *testing.T) {
	dir, _ := writeParts(t, map[string]int{"a.001": 3000, "a.002": 17})
	o, err := Open(context.Background(), filepath.Join(dir, "a.001"), OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if err := os.WriteFile(filepath.Join(dir, "a.002"), bytes.Repeat([]byte{1}, 18), 0o600); err != nil {
		t.Fatal(err)
	}
	var changed *ChangedError
	if err := o.Changed(); !errors.As(err, &changed) || !strings.HasSuffix(changed.Path, "a.002") {
		t.Errorf("%v, want the change of a.002", err)
	}
}

func TestNumberToLetters(t *testing.T) {
	for n, want := range map[int]string{0: "aa", 1: "ab", 25: "az", 26: "ba", 675: "zz"} {
		if got := numberToLetters(n, 2, 'a'); got != want || lettersToNumber(want, 'a') != n {
			t.Errorf("%d: %s, %d, want %s", n, got, lettersToNumber(want, 'a'), want)
		}
	}
}

func TestManyParts(t *testing.T) {
	files := map[string]int{}
	for i := range 300 {
		files[fmt.Sprintf("a.%03d", i)] = 64
	}
	dir, image := writeParts(t, files)
	o, err := Open(context.Background(), filepath.Join(dir, "a.150"), OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	got := make([]byte, o.Size)
	if n, err := o.Source.ReadAt(got, 0); n != len(image) || !bytes.Equal(got, image) {
		t.Errorf("%d of %d bytes, %v", n, len(image), err)
	}
}
