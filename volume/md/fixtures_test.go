package md

import (
	"os"
	"testing"

	"salvor/block"
	"salvor/volume"
	"salvor/volume/internal/stacktest"
)

func truths(t testing.TB) map[string]stacktest.Truth {
	return stacktest.Truths(t, os.DirFS("testdata"))
}

func disks(t testing.TB, name string) [][]byte {
	return stacktest.Disks(t, os.DirFS("testdata"), name)
}

func put(t testing.TB, sources ...block.Source) ([]volume.Member, []volume.Set) {
	t.Helper()
	return stacktest.Put(t, Stack(), sources...)
}

// one returns the volume of the only set.
func one(t testing.TB, sets []volume.Set) (volume.Set, volume.Logical) {
	t.Helper()
	if len(sets) != 1 || len(sets[0].Volumes) != 1 {
		t.Fatalf("%d sets: %+v", len(sets), sets)
	}
	return sets[0], sets[0].Volumes[0]
}

// checkPlaces holds the places of a volume, all of whose bytes have one, against its bytes.
func checkPlaces(t testing.TB, members []volume.Member, src block.Source, want []byte) (computed int64) {
	t.Helper()
	computed, nowhere := stacktest.CheckPlaces(t, members, src, want)
	if nowhere > 0 {
		t.Fatalf("%d bytes have no place", nowhere)
	}
	return computed
}
