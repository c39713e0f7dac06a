package carve_test

import (
	"context"
	"encoding/binary"
	"slices"
	"testing"

	"salvor/block"
	"salvor/block/probe"
	"salvor/carve"
	"salvor/filetype"
)

// pixelFormat is of files of eight bytes and then as many as they say, which nothing checks.
func pixelFormat() filetype.Format {
	return filetype.Format{
		Name: "pixels", Class: filetype.Photo, Ceiling: filetype.Consistent, Carve: true, Plain: true, Loose: true,
		Signatures: []probe.Probe{{ID: "pixels.mark", Bytes: []byte("PIXL")}},
		Examine: func(_ context.Context, src block.Source) (filetype.Report, error) {
			var head [8]byte
			if n, _ := src.ReadAt(head[:], 0); n < 8 || string(head[:4]) != "PIXL" {
				return filetype.Report{}, filetype.ErrNot
			}
			size := 8 + int64(binary.LittleEndian.Uint32(head[4:]))
			if size > src.Size() {
				return filetype.Report{Verdict: filetype.Partial, Size: size, GoodUntil: src.Size()}, nil
			}
			return filetype.Report{Verdict: filetype.Consistent, Size: size, GoodUntil: size}, nil
		},
	}
}

// Where a whole file begins inside of one whose bytes nothing checks, that one has ended; what is small, broken or not at a
// sector does not show it.
func TestAFileThatHidesAnother(t *testing.T) {
	const size = 96 << 10
	table := tableOf(t, pixelFormat(), boxFormat("BoxA"))
	pixels := binary.LittleEndian.AppendUint32([]byte("PIXL"), 64<<10)
	large, small := box("BoxA", random(1, 9000)), box("BoxA", random(2, 700))
	broken := slices.Clone(large)
	broken[5000] ^= 1
	whole := []want{{"pixels", 1024, 64<<10 + 8, filetype.Consistent}}
	for _, tt := range []struct {
		name  string
		at    int
		inner []byte
		every bool
		want  []want
	}{
		{"nothing", 20 << 10, nil, false, whole},
		{"a large file", 20 << 10, large, false, []want{{"pixels", 1024, 19 << 10, filetype.Damaged}, {"BoxA", 20 << 10, int64(len(large)), filetype.Proven}}},
		{"a small file", 20 << 10, small, false, whole},
		{"a broken file", 20 << 10, broken, false, whole},
		{"between sectors", 20<<10 + 100, large, false, whole},
		{"at any byte", 20<<10 + 100, large, true, whole},
		{"behind it", 80 << 10, large, false, append(slices.Clone(whole), want{"BoxA", 80 << 10, int64(len(large)), filetype.Proven})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data := medium(size, map[int][]byte{1024: pixels})
			copy(data[tt.at:], tt.inner)
			for _, workers := range []int{1, 3} {
				found, stats, err := run(t, carve.Options{Source: block.Bytes(data), Hits: slices.Values(hitsOf(t, table, data)), Table: table, Workers: workers, EveryByte: tt.every})
				if err != nil {
					t.Fatal(err)
				}
				compare(t, found, tt.want)
				if stats.Found != len(found) {
					t.Errorf("%d files are counted, %d were given", stats.Found, len(found))
				}
				for _, f := range found {
					if f.Report.Verdict == filetype.Damaged && f.Report.Findings[0].Code != "carve.interrupted" {
						t.Errorf("no reason: %+v", f.Report.Findings)
					}
				}
			}
		})
	}
}
