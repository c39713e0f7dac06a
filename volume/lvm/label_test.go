package lvm

import (
	"bytes"
	"encoding/binary"
	"testing"

	"salvor/block"
	"salvor/volume/internal/stacktest"
)

// TestLabelPlaces has the label in each sector that it may stand in, and in one that it may not.
func TestLabelPlaces(t *testing.T) {
	clean := disks(t, "striped")
	for to := range 5 {
		d := bytes.Clone(clean[0])
		b := bytes.Clone(d[sector : 2*sector])
		clear(d[sector : 2*sector])
		binary.LittleEndian.PutUint64(b[8:], uint64(to))
		binary.LittleEndian.PutUint32(b[16:], sum(b[20:]))
		copy(d[to*sector:], b)
		members, sets := put(t, append([]block.Source{block.Bytes(d)}, stacktest.Sources(clean[1:])...)...)
		if to == 4 {
			// Found by its metadata alone.
			if len(members) != 3 || members[0].ID != "" || stacktest.Count(sets[0], "lvm.member.guessed") != 1 {
				t.Errorf("sector %d: %+v", to, members[0])
			}
			continue
		}
		if len(members) != 3 || members[0].Extent.Offset != 0 || members[0].Header != int64(to)*sector || !members[0].Valid {
			t.Errorf("sector %d: %+v", to, members[0])
		}
		if got := stacktest.Sum(stacktest.Content(t, volumeOf(t, sets, "wide").Source)); got != truths(t)["striped wide"].Sum {
			t.Errorf("sector %d: %s", to, got)
		}
	}
}

func TestLabelBroken(t *testing.T) {
	clean := disks(t, "striped")[0][sector : 2*sector]
	for name, tt := range map[string]struct {
		change func(b []byte)
		ok     bool
	}{
		"sector 9":   {func(b []byte) { b[8] = 9 }, false},
		"header 0":   {func(b []byte) { b[20] = 0 }, false},
		"header 511": {func(b []byte) { b[20], b[21] = 255, 1 }, false},
		"UUID":       {func(b []byte) { b[40] = 7 }, false},
		"type":       {func(b []byte) { b[24]++ }, false},
		"size":       {func(b []byte) { b[70]++ }, true},
		"areas":      {func(b []byte) { copy(b[72:], bytes.Repeat([]byte{1}, 440)) }, true},
	} {
		b := bytes.Clone(clean)
		tt.change(b)
		l, err := parseLabel(b, 0)
		if (err == nil) != tt.ok || tt.ok && l.sumFound == l.sumWanted {
			t.Errorf("%s: %+v, %v", name, l, err)
		}
		use(t, block.Bytes(append(make([]byte, sector), append(b, make([]byte, 1<<20)...)...)))
	}
	if _, err := parseLabel(clean[:100], 0); err == nil {
		t.Error("a short label")
	}
}

// TestChecksums holds the label's checksum to that of a real one.
func TestChecksums(t *testing.T) {
	l, err := parseLabel(disks(t, "linear")[0][sector:2*sector], sector)
	if err != nil || l.sumFound != l.sumWanted || l.size != 8<<20 || len(l.data) != 1 || l.data[0].Offset != 1<<20 || len(l.metadata) != 1 || l.metadata[0].Offset != 4096 {
		t.Errorf("%+v, %v", l, err)
	}
	if dashed("short") != "" || dashed("AAAAAA\x00AAAAAAAAAAAAAAAAAAAAAAAAAA") != "" {
		t.Error("identifiers")
	}
}
