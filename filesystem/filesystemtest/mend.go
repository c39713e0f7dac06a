package filesystemtest

import (
	"bytes"
	"context"
	"testing"

	"salvor/block"
	"salvor/filesystem"
	"salvor/mend"
)

// Mended makes the patches that kind gives for a damaged volume, which begins at start of its medium, and returns the
// volume with them. It fails when a patch does not name the bytes that stand there, says nothing of its evidence, or
// when mending what was mended would change it again.
func Mended(t testing.TB, kind filesystem.Kind, damaged []byte, start int64) ([]byte, mend.List) {
	t.Helper()
	list, err := kind.Mend(context.Background(), block.Bytes(damaged), start)
	if err != nil {
		t.Fatalf("mend: %v", err)
	}
	all, err := mend.Combine(list)
	if err != nil {
		t.Fatal(err)
	}
	out := bytes.Clone(damaged)
	for _, p := range all.Patches {
		e := p.Extent()
		if !bytes.Equal(p.Old, damaged[e.Offset:e.End()]) {
			t.Errorf("%s at %d: its old bytes are not those of the volume", p.Structure, p.Offset)
		}
		if p.Structure == "" || len(p.Evidence) == 0 {
			t.Errorf("a patch at %d: structure %q, evidence %q", p.Offset, p.Structure, p.Evidence)
		}
		copy(out[p.Offset:], p.New)
	}
	through := make([]byte, len(damaged))
	if n, err := mend.Apply(block.Bytes(damaged), all).ReadAt(through, 0); n < len(through) || !bytes.Equal(through, out) {
		t.Errorf("read through the patches: %d bytes, %v", n, err)
	}
	again, err := kind.Mend(context.Background(), block.Bytes(out), start)
	if err != nil {
		t.Errorf("mending it again: %v", err)
	}
	for _, p := range again.Patches {
		t.Errorf("mending it again changes the %s at %d", p.Structure, p.Offset)
	}
	return out, all
}
