package lp

import (
	"bytes"
	"testing"

	"salvor/block"
	"salvor/block/blocktest"
	"salvor/volume"
	"salvor/volume/volumetest"
)

// TestStack puts a logical partition together whose pieces stand apart, with a hole of zeros.
func TestStack(t *testing.T) {
	img := super(16<<20, encode(slotA))
	for i := range 4096 {
		img[6144*512+i] = byte(i)
		img[10240*512+i] = byte(i >> 4)
	}
	want := make([]byte, 3080*512)
	copy(want, img[6144*512:8192*512])
	copy(want[2056*512:], img[10240*512:11264*512])
	for _, base := range []int{0, 1 << 20} {
		src := block.Bytes(append(make([]byte, base), img...))
		hits := volumetest.Landmarks(volume.Scheme{Probes: Stack().Probes}, append(make([]byte, base), img...))
		found, err := Stack().Members(t.Context(), src, hits)
		if err != nil || len(found) != 1 || found[0].Extent.Offset != int64(base) || !found[0].Valid {
			t.Fatalf("got %+v, %v", found, err)
		}
		sets, err := Stack().Assemble(t.Context(), found)
		if err != nil || len(sets) != 1 || len(sets[0].Volumes) != 1 || sets[0].Volumes[0].Name != "vendor_a" {
			t.Fatalf("got %+v, %v", sets, err)
		}
		v := sets[0].Volumes[0].Source
		got := make([]byte, v.Size())
		if n, err := v.ReadAt(got, 0); n != len(want) || !bytes.Equal(got, want) {
			t.Errorf("%d bytes, %v, want %d", n, err, len(want))
		}
		places := v.(volume.Placer).Places(block.Extent{Length: v.Size()})
		if len(places) != 2 || places[0].Physical != 6144*512 || places[1].Physical != 10240*512 || places[1].Logical != 2056*512 {
			t.Errorf("places %+v", places)
		}
		blocktest.Run(t, func(*testing.T) (block.Source, []byte, block.Set) { return v, want, block.Set{} })
	}
}

// A super partition whose partitions are all in one piece needs no stack.
func TestNoStack(t *testing.T) {
	for _, b := range [][]byte{super(1<<20, encode(slotB)), make([]byte, 1<<20), nil} {
		if found, err := Stack().Members(t.Context(), block.Bytes(b), nil); err != nil || len(found) != 0 {
			t.Errorf("got %+v, %v", found, err)
		}
	}
}
