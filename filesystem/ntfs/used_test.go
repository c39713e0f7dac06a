package ntfs

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"salvor/block"
)

// eachRun gives the same runs as a look at each bit.
func TestEachRun(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 0xFF, 0x01, 0x80, 0xF0, 0x5A}), 0, 64).Draw(t, "bits")
		var got, want [][2]int64
		eachRun(b, func(first, count int64) { got = append(got, [2]int64{first, count}) })
		for i := int64(0); i < int64(len(b))*8; i++ {
			if b[i/8]>>(i%8)&1 == 0 {
				continue
			}
			if n := len(want); n > 0 && want[n-1][0]+want[n-1][1] == i {
				want[n-1][1]++
			} else {
				want = append(want, [2]int64{i, 1})
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%v, expected %v", got, want)
		}
	})
}

// Runs of a deleted file are cut where others stand, and cover the same bytes.
func TestSplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := block.Run{Logical: rapid.Int64Range(0, 100).Draw(t, "logical"), Physical: rapid.Int64Range(0, 100).Draw(t, "physical"), Length: rapid.Int64Range(1, 100).Draw(t, "length")}
		set := func(name string) block.Set {
			var s block.Set
			for range rapid.IntRange(0, 5).Draw(t, name) {
				s.Add(block.Extent{Offset: rapid.Int64Range(0, 200).Draw(t, "at"), Length: rapid.Int64Range(1, 20).Draw(t, "n")}.Intersect(r.PhysicalExtent()))
			}
			return s
		}
		foreign := set("foreign")
		guessed := set("guessed").Subtract(foreign)
		at := r.Logical
		for _, p := range split(r, foreign, guessed) {
			if p.Logical != at || p.Physical-p.Logical != r.Physical-r.Logical {
				t.Fatalf("%v of %v", p, r)
			}
			at += p.Length
			want := block.Data
			switch e := p.PhysicalExtent(); {
			case foreign.Contains(e):
				want = block.Foreign
			case guessed.Contains(e):
				want = block.Guessed
			}
			if p.Kind != want {
				t.Fatalf("%v, expected %v", p, want)
			}
		}
		if at != r.Logical+r.Length {
			t.Fatalf("it ends at %d", at)
		}
	})
}

// In use is what the bitmap says and what files in use stand on; nothing lies outside of the volume.
func TestUsed(t *testing.T) {
	for _, image := range images {
		p := readImage(t, image.name+".img.gz")
		v := mustOpen(t, p)
		used, err := v.Used(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !used.Has(0) || !used.Has(v.b.mft*v.b.clusterSize) || used.Bytes() >= v.b.size() {
			t.Errorf("%s: %d of %d bytes", image.name, used.Bytes(), v.b.size())
		}
		s, err := v.survey(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		// A healthy volume's bitmap names exactly what its files stand on, the boot sector's clusters among them.
		if rest := s.claims.Subtract(s.allocated); !rest.Empty() {
			t.Errorf("%s: claimed and free: %v", image.name, rest.Extents())
		}
		if rest := s.allocated.Subtract(s.claims).Bytes(); rest > 64<<10 {
			t.Errorf("%s: %d bytes in use that no file claims", image.name, rest)
		}
	}
}
