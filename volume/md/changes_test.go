package md

import (
	"encoding/binary"
	"testing"

	"salvor/block"
	"salvor/volume/internal/stacktest"
)

// TestChanges reads sets that stopped in the middle of something, whole and short of each disk, and what is said of them.
func TestChanges(t *testing.T) {
	all := truths(t)
	for _, tt := range []struct {
		name, code string
		bears      bool // one disk may be missing
	}{
		{"journal", "md.journal", true}, {"ppl", "md.ppl", true}, {"dirty", "md.parity.unsure", true}, {"replace", "", true},
		{"reshape", "md.reshape", true}, {"reshape-fewer", "md.reshape", true}, {"reshape-ten", "md.reshape", true},
		{"reshape-level", "", true}, {"reshape-chunk", "", true}, {"reshape-rotation", "", true}, {"stale1-now", "md.bitmap", false},
		{"raid0-unsaid", "md.layout.unsaid", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			list := disks(t, tt.name)
			for without := -1; without < len(list); without++ {
				if without >= 0 && !tt.bears {
					break
				}
				var left []block.Source
				for i, d := range list {
					if i != without {
						left = append(left, block.Bytes(d))
					}
				}
				members, sets := put(t, left...)
				s, v := one(t, sets)
				b := stacktest.Content(t, v.Source)
				if got := stacktest.Sum(b); got != all[tt.name].Sum {
					t.Errorf("without %d: %s of %d bytes, expected %s of %d; %v", without, got, v.Size, all[tt.name].Sum, all[tt.name].Size, s.Findings)
				}
				if tt.code != "" && stacktest.Count(s, tt.code) != 1 {
					t.Errorf("without %d: no %s in %v", without, tt.code, s.Findings)
				}
				if stacktest.Count(s, "md.incomplete") != 0 || v.Lacks {
					t.Errorf("without %d: %v", without, s.Findings)
				}
				checkPlaces(t, members, v.Source, b)
			}
		})
	}
}

// TestReplacement has the disk that is being replaced fail in places: its replacement gives them as far as it was
// filled, the others what is behind.
func TestReplacement(t *testing.T) {
	list := disks(t, "replace")
	members, sets := put(t, stacktest.Sources(list)...)
	s, _ := one(t, sets)
	if len(s.Members) != 4 || len(s.Stale) != 0 || s.Degraded {
		t.Fatalf("%+v", s)
	}
	for i, m := range members {
		if m.Detail.(*detail).super.features&featureReplacement == 0 {
			continue
		}
		if m.Role != "disk 2 of 3" || i != 3 {
			t.Errorf("%d is %s", i, m.Role)
		}
	}
	// Without the replaced one, what the replacement has comes from it, and the rest is computed.
	members, sets = put(t, block.Bytes(list[0]), block.Bytes(list[2]), block.Bytes(list[3]))
	_, v := one(t, sets)
	b := stacktest.Content(t, v.Source)
	if got := stacktest.Sum(b); got != truths(t)["replace"].Sum {
		t.Error(got)
	}
	if c := checkPlaces(t, members, v.Source, b); c == 0 || c >= v.Size/3 {
		t.Errorf("%d bytes are computed", c)
	}
}

// TestNotRead has changes that are told with a reason.
func TestNotRead(t *testing.T) {
	le := binary.LittleEndian
	for name, change := range map[string]func(b []byte){
		"in place": func(b []byte) {
			le.PutUint32(b[92:], 3)
			le.PutUint32(b[112:], 0)
			b[8] &^= featureNewOffset
		},
		"to RAID 0": func(b []byte) { le.PutUint32(b[100:], 0) },
		"outside":   func(b []byte) { le.PutUint64(b[104:], 1<<40) },
		"no chunk":  func(b []byte) { le.PutUint32(b[120:], 0) },
	} {
		list := disks(t, "reshape")
		for _, d := range list {
			change(d[4096:8192])
			resum(d[4096:8192])
		}
		_, sets := put(t, stacktest.Sources(list)...)
		if s, v := one(t, sets); v.Source != nil || stacktest.Count(s, "md.reshape.unread") != 1 {
			t.Errorf("%s: %+v", name, s)
		}
	}
}
