package volumetest

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/block/probe"
	"salvor/internal/need"
	"salvor/volume"
)

// Fixture returns the bytes of testdata/name.gz.
func Fixture(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name+".gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Landmarks returns where the probes of s match in img.
func Landmarks(s volume.Scheme, img []byte) []probe.Hit { return Hits(s.Probes, img) }

// Hits returns where probes match in img, as a sweep of it would find.
func Hits(probes []probe.Probe, img []byte) []probe.Hit {
	var hits []probe.Hit
	for i := range probes {
		p := &probes[i]
		for at := 0; ; at++ {
			j := bytes.Index(img[at:], p.Bytes)
			if p.Mask != nil || j < 0 {
				break
			}
			at += j
			if off := int64(at) - p.At; p.Aligned(off) {
				hits = append(hits, probe.Hit{ID: p.ID, Offset: off})
			}
		}
	}
	return hits
}

// Read returns what s reads of img, with all landmarks.
func Read(t testing.TB, s volume.Scheme, img []byte) []volume.Table {
	t.Helper()
	tables, err := s.Read(context.Background(), block.Bytes(img), Landmarks(s, img))
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

// Describe returns tables as text: place, state, entries in sectors, codes of findings.
func Describe(tables []volume.Table) string {
	var out []string
	for _, t := range tables {
		var b strings.Builder
		fmt.Fprintf(&b, "%s%s@%d/%d", t.Scheme, dotted(t.Copy), t.Offset, t.SectorSize)
		if t.Valid {
			b.WriteString(" valid")
		}
		for _, e := range t.Entries {
			fmt.Fprintf(&b, " %d:%d+%d", e.Number, e.Extent.Offset/t.SectorSize, e.Extent.Length/t.SectorSize)
			if e.Container {
				b.WriteString("c")
			}
			if e.Name != "" {
				fmt.Fprintf(&b, "=%s", e.Name)
			}
			for _, r := range e.Runs {
				fmt.Fprintf(&b, "[%d+%d %v]", r.Physical/t.SectorSize, r.Length/t.SectorSize, r.Kind)
			}
			for _, f := range e.Findings {
				b.WriteString(" " + f.Code)
			}
		}
		for _, f := range t.Findings {
			b.WriteString(" " + f.Code)
		}
		out = append(out, b.String())
	}
	return strings.Join(out, "; ")
}

func dotted(s string) string {
	if s != "" {
		return "." + s
	}
	return s
}

// Check holds tables to the shape that all have.
func Check(t testing.TB, s volume.Scheme, tables []volume.Table) {
	t.Helper()
	for _, table := range tables {
		if table.Scheme != s.Name || table.Offset < 0 || table.SectorSize < 512 || len(table.Entries) > 1<<16 {
			t.Errorf("%s: table of %s at %d, sectors of %d", s.Name, table.Scheme, table.Offset, table.SectorSize)
		}
		for _, e := range table.Entries {
			if !e.Extent.Valid() || e.Number < 1 {
				t.Errorf("%s: entry %d at %v", s.Name, e.Number, e.Extent)
			}
			if e.Runs != nil && block.Normalize(e.Runs, e.Extent.Length) == nil && e.Extent.Length > 0 {
				t.Errorf("%s: entry %d has runs %v", s.Name, e.Number, e.Runs)
			}
		}
	}
}

// Damage overwrites img at random, mostly where the tables stand, and reads it again: nothing panics, nothing takes long,
// and what is read has the shape of tables.
func Damage(t *testing.T, s volume.Scheme, img []byte) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(6, uint64(len(img))))
	tables := Read(t, s, img)
	hits := Landmarks(s, img)
	runs := 400
	if need.CI() {
		runs = 4000
	}
	broken := bytes.Clone(img)
	begun := time.Now()
	for range runs {
		var at []int
		for range 1 + rnd.IntN(24) {
			base := int64(0)
			if len(tables) > 0 && rnd.IntN(4) > 0 {
				base = tables[rnd.IntN(len(tables))].Offset
			}
			p := int(base) + rnd.IntN(1024)
			if p < len(broken) {
				broken[p] = []byte{0, 0xff, 0x7f, byte(rnd.Uint32())}[rnd.IntN(4)]
				at = append(at, p)
			}
		}
		found, err := s.Read(t.Context(), block.Bytes(broken), hits)
		if err != nil {
			t.Fatal(err)
		}
		Check(t, s, found)
		for _, p := range at {
			broken[p] = img[p]
		}
	}
	if d := time.Since(begun); d > 2*time.Minute {
		t.Errorf("%d damaged tables took %v", runs, d)
	}
}

// Fuzz adds seeds and holds s to its shape on any bytes.
func Fuzz(f *testing.F, s volume.Scheme, seeds ...[]byte) {
	for _, b := range seeds {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		found, err := s.Read(t.Context(), block.Bytes(b), Landmarks(s, b))
		if err != nil {
			t.Fatal(err)
		}
		Check(t, s, found)
	})
}
