package carve_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"salvor/carve"
	"salvor/filetype"
	elfformat "salvor/filetype/elf"
	"salvor/filetype/filetypetest"
	matroskaformat "salvor/filetype/matroska"
	mp4format "salvor/filetype/mp4"
	oggformat "salvor/filetype/ogg"
	oleformat "salvor/filetype/ole2"
	sevenzipformat "salvor/filetype/sevenzip"
	sqliteformat "salvor/filetype/sqlite"
	tiffformat "salvor/filetype/tiff"
)

// Files of formats that name places are put together: whatever stands in the gap where the content has checks, and over a
// gap that nothing was written to where it has none.
func TestJoinByPlaces(t *testing.T) {
	table := tableOf(t, slices.Concat(mp4format.Formats(), sqliteformat.Formats(), oggformat.Formats(), matroskaformat.Formats(), elfformat.Formats(),
		oleformat.Formats(), sevenzipformat.Formats(), tiffformat.Formats())...)
	for _, tt := range []struct {
		folder, name string
		checked      bool
	}{
		{"sqlite", "utf16.db", true}, {"sqlite", "p1024.db", true}, {"ogg", "film.ogv", true}, {"matroska", "merged.mkv", false},
		{"sevenzip", "x86.7z", true},
		{"mp4", "faststart.mp4", false}, {"mp4", "h264.mp4", false}, {"mp4", "h264.mov", false},
		{"elf", "liblight.so", false}, {"ole2", "long.doc", false}, {"tiff", "none.tif", false},
	} {
		file := filetypetest.Named(t, os.DirFS("../filetype/"+tt.folder+"/testdata"), tt.name)[0]
		n := len(file) / cluster
		if n < 2 {
			t.Fatalf("%s has only %d bytes", tt.name, len(file))
		}
		for gap, between := range map[string][]byte{"noise": random(9, 6*cluster), "zeros": make([]byte, 6*cluster)} {
			if !tt.checked && gap == "noise" {
				continue
			}
			t.Run(fmt.Sprintf("%s, %s", tt.name, gap), func(t *testing.T) {
				count := 0
				for _, split := range slices.Compact([]int{1, n / 2, n - 1}) {
					data, _ := laid(noise(1, 2), part(file, 0, split), all(between), part(file, split, -1))
					found, stats := joined(t, table, data, carve.Normal, 2)
					right := false
					for _, f := range found {
						if f.Report.Verdict < filetype.Consistent {
							continue
						}
						if right = bytes.Equal(contentOf(data, f), file); !right {
							t.Errorf("split at %d of %d: a %v %s at %#x that never was", split, n, f.Report.Verdict, f.Format.Name, f.Offset)
						}
					}
					if right {
						count++
					} else {
						t.Logf("split at %d of %d: not put together: %+v", split, n, stats)
					}
				}
				if count == 0 {
					t.Error("never put together")
				}
			})
		}
	}
}

// A file of which a part is nowhere is not made whole with what stands between its other parts.
func TestJoinWithAHole(t *testing.T) {
	table := tableOf(t, slices.Concat(elfformat.Formats(), oleformat.Formats(), mp4format.Formats())...)
	for _, tt := range []struct{ folder, name string }{{"elf", "liblight.so"}, {"ole2", "long.doc"}, {"mp4", "h264.mp4"}} {
		file := filetypetest.Named(t, os.DirFS("../filetype/"+tt.folder+"/testdata"), tt.name)[0]
		n := len(file) / cluster
		for _, empty := range []int{2, 3, 5, 9} { // with 1, the file is whole but for a cluster of zeros: nothing is joined
			data, _ := laid(noise(1, 2), part(file, 0, max(n/3, 1)), zeros(empty), part(file, max(n/3, 1)+1, -1))
			found, _ := joined(t, table, data, carve.Normal, 2)
			for _, f := range found {
				if f.Report.Verdict >= filetype.Consistent && f.Size > 2*cluster && !bytes.Contains(file, contentOf(data, f)) {
					t.Errorf("%s with %d clusters empty: a %v %s of %d bytes in %v that never was", tt.name, empty, f.Report.Verdict, f.Format.Name, f.Size, f.Runs)
				}
			}
		}
	}
}

// A medium full of files that break costs a share of its size, however many they are.
func TestWorkIsBounded(t *testing.T) {
	var pieces []piece
	for i := range 256 {
		file := gzipOf(t, prose(uint64(i), 60_000))
		pieces = append(pieces, part(file, 0, 1), noise(uint64(i), 3), part(file, 2, -1)) // one cluster is nowhere
	}
	data, _ := laid(pieces...)
	begun := time.Now()
	_, stats := joined(t, joinTable(t), data, carve.Normal, 2)
	read := int64(0)
	for _, n := range stats.Read {
		read += n
	}
	t.Logf("%d MiB: %d MiB read in %v", len(data)>>20, read>>20, time.Since(begun))
	if most := 4 * (int64(len(data))*8 + 128<<20); read > most || stats.Joined > 0 {
		t.Errorf("%d bytes read, at most %d; %d put together", read, most, stats.Joined)
	}
}
