package exfat

import (
	"testing"

	"salvor/block"
	"salvor/block/blocktest"
)

// secondBitmap is the cluster of the second bitmap of twin.
const secondBitmap = 5

// twin returns a TexFAT volume of 100 clusters with a bitmap for each FAT, in clusters 2 and 5.
func twin(t testing.TB) *maker {
	m := format(t, 100, 2)
	m.chain(secondBitmap)
	m.allocate(secondBitmap)
	at := m.b.at(makerRoot) + entrySize // the entry of the second bitmap
	le.PutUint32(m.p[at+20:], secondBitmap)
	return m
}

// copyBitmap makes the second bitmap the same as the first.
func (m *maker) copyBitmap() {
	copy(m.p[m.b.at(secondBitmap):][:512], m.p[m.b.at(2):][:512])
}

func TestTwoBitmaps(t *testing.T) {
	for _, tt := range []struct {
		name         string
		make         func(m *maker)
		volume       string
		live, places string // codes of the live file, places of the deleted one
		deleted      string
	}{
		{"the same", func(m *maker) { m.copyBitmap() }, "", "", "data 20+1500", ""},
		{"a removal was not finished", func(m *maker) {
			m.allocate(20, 21, 22)
			m.copyBitmap()
			m.release(20, 21, 22)
		}, "bitmap.differs", "", "guessed 20+1500", "deleted.doubted"},
		{"the bits behind the last cluster", func(m *maker) {
			m.copyBitmap()
			m.p[m.b.at(secondBitmap)+100/8] ^= 0xF0
		}, "", "", "data 20+1500", ""},
		{"the one in use is wiped", func(m *maker) {
			m.copyBitmap()
			clear(m.p[m.b.at(2):][:512])
		}, "bitmap.other bitmap.differs", "", "data 20+1500", ""},
		{"the other is wiped", func(m *maker) {
			m.copyBitmap()
			clear(m.p[m.b.at(secondBitmap):][:512])
		}, "bitmap.differs", "", "data 20+1500", ""},
		{"both are wiped", func(m *maker) { clear(m.p[m.b.at(2):][:512]) },
			"bitmap.odd", "bitmap.free", "data 20+1500", ""},
		{"the entry of the one in use is gone", func(m *maker) {
			m.copyBitmap()
			m.p[m.b.at(makerRoot)] = typeLabel
		}, "bitmap.other", "", "data 20+1500", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := twin(t)
			m.allocate(10, 11, 12)
			m.put(makerRoot, spec{name: "live", first: 10, size: 1500, noChain: true})
			m.put(makerRoot, spec{name: "gone", first: 20, size: 1500, noChain: true, gone: true})
			tt.make(m)
			v := m.open()
			got, errs := files(t, v)
			live, gone := got["live live"], got["deleted gone"]
			if live == nil || gone == nil || len(errs) > 0 {
				t.Fatalf("%v, %v", got, errs)
			}
			if codes(live) != tt.live || codes(gone) != tt.deleted || places(m, gone) != tt.places {
				t.Errorf("live: %q; deleted: %q, %s", codes(live), codes(gone), places(m, gone))
			}
			if live.Sound != (tt.live == "") {
				t.Errorf("sound: %v", live.Sound)
			}
			volume := volumeCodes(v)
			if tt.live != "" {
				volume = volume[:min(len(volume), len(tt.volume))] // and what follows from it
			}
			if volume != tt.volume {
				t.Errorf("volume: %q, expected %q", volumeCodes(v), tt.volume)
			}
		})
	}
}

// Where the bitmap in use cannot be read, the other serves.
func TestBitmapUnreadable(t *testing.T) {
	m := twin(t)
	m.allocate(10, 11, 12)
	m.copyBitmap()
	m.put(makerRoot, spec{name: "live", first: 10, size: 1500, noChain: true})
	m.put(makerRoot, spec{name: "gone", first: 11, size: 1500, noChain: true, gone: true})
	bad := block.Extent{Offset: m.b.at(2), Length: 512}
	v, err := Open(t.Context(), blocktest.Faulty(block.Bytes(m.p), blocktest.Bad(bad)))
	if err != nil {
		t.Fatal(err)
	}
	got, errs := files(t, v)
	if f := got["live live"]; f == nil || codes(f) != "" || len(errs) > 0 {
		t.Errorf("%+v, %v", f, errs)
	}
	if f := got["deleted gone"]; f == nil || places(m, f) != "foreign 11+1024, data 13+476" {
		t.Errorf("%v", places(m, f))
	}
	if got := volumeCodes(v); got != "bitmap.other" {
		t.Errorf("%q", got)
	}
}
