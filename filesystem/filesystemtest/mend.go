package filesystemtest

import (
	"bytes"
	"context"
	"slices"
	"strings"
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

// Wreck is a way to lose boot structures.
type Wreck struct {
	Name string
	Do   func(p []byte)
	Same bool // what comes out is the volume as it was, byte for byte
	Lost bool // other files come out afterwards, or the maker's tool has more to say
}

// MendRun destroys a volume in each way and mends it: the same live files stand at the same places afterwards, and what
// tool says of the volume is what it said before. Bytes in free are not compared.
func MendRun(t *testing.T, kind filesystem.Kind, whole []byte, wrecks []Wreck, tool func(t testing.TB, image []byte) string, free ...int64) {
	before, files := tool(t, whole), Listing(t, kind, whole)
	for _, w := range wrecks {
		t.Run(w.Name, func(t *testing.T) {
			p := bytes.Clone(whole)
			w.Do(p)
			got, list := Mended(t, kind, p, 0)
			want := bytes.Clone(whole)
			for _, at := range free {
				want[at] = got[at]
			}
			if (len(list.Patches) == 0) != bytes.Equal(p, whole) {
				t.Errorf("%d patches, notes %q", len(list.Patches), list.Notes)
			}
			if w.Same && !bytes.Equal(got, want) {
				t.Error("the volume is not what it was")
			}
			if after := tool(t, got); after != before && !w.Lost {
				t.Errorf("the maker's tool says:\n%s\nbefore:\n%s", after, before)
			}
			if l := Listing(t, kind, got); l != files && !w.Lost {
				t.Errorf("other files:\n%s\nwant:\n%s", l, files)
			}
		})
	}
}

// Listing returns the live files of a volume with the places of their content.
func Listing(t testing.TB, kind filesystem.Kind, image []byte) string {
	t.Helper()
	v, err := kind.Open(context.Background(), block.Bytes(image))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for f, err := range v.Files(context.Background()) {
		if err != nil {
			t.Error(err)
			continue
		}
		if f.State != filesystem.Live || len(f.Streams) == 0 {
			continue
		}
		line := f.Path
		for _, r := range f.Streams[0].Runs {
			line += " " + r.PhysicalExtent().String()
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
