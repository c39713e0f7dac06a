package lp

import (
	"strings"
	"testing"

	"salvor/volume"
	"salvor/volume/volumetest"
)

var slotA = []wanted{
	{"system_a", 1, []piece{{2048, 4096}}},
	{"system_b", 1, nil},
	{"vendor_a", 1, []piece{{6144, 2048}, {-1, 8}, {10240, 1024}}},
}

var slotB = []wanted{{"system_a", 0, []piece{{2048, 4096}}}, {"system_b", 4, []piece{{12288, 4096}}}}

const (
	namesA = " 1:2048+4096=system_a 2:0+0=system_b 3:6144+3080=vendor_a[6144+2048 data][0+8 zero][10240+1024 data]"
	namesB = " 1:2048+4096=system_a 2:12288+4096=system_b"
)

func TestSlots(t *testing.T) {
	whole := "lp.slot0@12288/512 valid" + namesA + "; lp.slot1@77824/512 valid" + namesB +
		"; lp.slot0.backup@143360/512 valid" + namesA + "; lp.slot1.backup@208896/512 valid" + namesB
	geometry := func(s string) string { return strings.ReplaceAll(s+";", ";", " lp.geometry;") }
	for _, c := range []struct {
		name   string
		damage func(b []byte)
		want   string
	}{
		{"whole", func([]byte) {}, whole},
		{"first geometry", func(b []byte) { b[firstGeometry+50]++ }, strings.TrimSuffix(geometry(whole), ";")},
		{"second geometry", func(b []byte) { clear(b[otherGeometry:firstSlot]) }, strings.TrimSuffix(geometry(whole), ";")},
		{"both geometries", func(b []byte) { clear(b[:firstSlot]) }, strings.TrimSuffix(geometry(whole), ";")},
		{"primary of slot 0", func(b []byte) { clear(b[firstSlot : firstSlot+4096]) }, strings.SplitN(whole, "; ", 2)[1]},
		{"tables of slot 0", func(b []byte) { b[firstSlot+256+40]++ },
			strings.Replace(whole, "slot0@12288/512 valid 1:2048+4096=system_a 2:0+0=system_b 3:6144+3080=vendor_a[6144+2048 data][0+8 zero][10240+1024 data]",
				"slot0@12288/512"+strings.Replace(namesA, "1:2048+4096=system_a", "1:2048+6144=system_a[2048+6144 data]", 1)+" lp.checksum", 1)},
	} {
		img := super(1<<20, encode(slotA), encode(slotB))
		c.damage(img)
		got := volumetest.Describe(volumetest.Read(t, Scheme(), img))
		if c.name == "tables of slot 0" {
			if first, rest, _ := strings.Cut(got, "; "); !strings.HasPrefix(first, "lp.slot0@12288/512 1:") || !strings.Contains(first, "lp.checksum") ||
				rest != strings.SplitN(whole, "; ", 2)[1] {
				t.Errorf("%s: got  %s", c.name, got)
			}
			continue
		}
		if got != c.want {
			t.Errorf("%s: got  %s\nwant %s", c.name, got, c.want)
		}
	}
}

// A super partition that begins somewhere on a disk is found by its landmarks, at its places on the disk.
func TestInside(t *testing.T) {
	img := append(make([]byte, 1<<20), super(1<<20, encode(slotB))...)
	want := "lp.slot0@1060864/512 valid 1:4096+4096=system_a 2:14336+4096=system_b; lp.slot0.backup@1126400/512 valid 1:4096+4096=system_a 2:14336+4096=system_b"
	if got := volumetest.Describe(volumetest.Read(t, Scheme(), img)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestNotes(t *testing.T) {
	tables := volumetest.Read(t, Scheme(), super(1<<20, encode(slotB)))
	if e := tables[0].Entries[1]; strings.Join(e.Notes, ", ") != "changed by an update, group default" || tables[0].MediaSize != 64<<20 {
		t.Errorf("got %+v of %d", e, tables[0].MediaSize)
	}
}

// What names more than there is, or what cannot be, is told and costs its own partition only.
func TestImpossible(t *testing.T) {
	m := encode([]wanted{{"a", 0, []piece{{2048, 1 << 60}}}, {"b", 0, []piece{{4096, 8}}}})
	got := volumetest.Describe(volumetest.Read(t, Scheme(), super(1<<20, m)))
	if !strings.Contains(got, "1:0+0=a lp.extent 2:4096+8=b") || strings.Contains(got, "valid") {
		t.Errorf("got %s", got)
	}
	m = encode([]wanted{{"a", 0, []piece{{2048, 8}}}})
	order.PutUint32(m[84:], 1000) // partitions
	if got := volumetest.Describe(volumetest.Read(t, Scheme(), super(1<<20, m))); !strings.Contains(got, "lp.metadata") {
		t.Errorf("got %s", got)
	}
	m = encode([]wanted{{"a", 0, []piece{{2048, 8}}}})
	order.PutUint32(m[256+52+20:], 1) // the extent's device
	if got := volumetest.Describe(volumetest.Read(t, Scheme(), super(1<<20, m))); !strings.Contains(got, "[0+8 lost] lp.extent.elsewhere") {
		t.Errorf("got %s", got)
	}
}

func TestDamage(t *testing.T) {
	volumetest.Damage(t, Scheme(), super(512<<10, encode(slotA), encode(slotB)))
}

func FuzzRead(f *testing.F) {
	volumetest.Fuzz(f, Scheme(), super(256<<10, encode(slotA)), super(256<<10, encode(slotB)))
}

// FuzzMetadata reads metadata alone, whatever its checksums are.
func FuzzMetadata(f *testing.F) {
	f.Add(encode(slotA))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseMetadata(b, 0)
		if err != nil {
			return
		}
		volumetest.Check(t, Scheme(), []volume.Table{entries(m, 0, 0, "slot0")})
	})
}
