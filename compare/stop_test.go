package compare

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"salvor/block"
	"salvor/compare/boot"
	"salvor/finding"
)

// broken is a region of which a range cannot be read.
type broken struct {
	block.Source
	bad block.Extent
}

func (b broken) ReadAt(p []byte, off int64) (int, error) {
	e := block.Extent{Offset: off, Length: int64(len(p))}.Intersect(b.bad)
	if e.Length <= 0 {
		return b.Source.ReadAt(p, off)
	}
	n, err := b.Source.ReadAt(p[:e.Offset-off], off)
	if err != nil && err != io.EOF {
		return n, err
	}
	return n, block.NewUnreadable(b.bad, block.Bad, nil)
}

func (b broken) Unreadable(within block.Extent) []block.Unreadable {
	if e := b.bad.Intersect(within); e.Length > 0 {
		return []block.Unreadable{{Extent: e, Why: block.Bad}}
	}
	return nil
}

func codes(r *Result, in Input, choices ...boot.Choice) string {
	var out []string
	for _, f := range r.Told(in.Regions, choices) {
		out = append(out, f.Code)
	}
	return strings.Join(out, " ")
}

// What lies at the place where writing was left.
func TestStop(t *testing.T) {
	d := newDevice(1, 0)
	d.new, d.old = noise(d.rnd, 300_000), noise(d.rnd, 300_000)
	copy(d.a, d.old)
	for _, c := range []struct {
		name  string
		set   func(in *Input)
		kind  StopKind
		code  string
		order Order
	}{
		{"nothing special", func(*Input) {}, AtNothing, "compare.stopped", Ascending},
		{"a bad block", func(in *Input) {
			in.Regions[1].Source = broken{in.Regions[1].Source, block.Extent{Offset: 131_072, Length: 4096}}
		}, AtBadBlock, "compare.stopped.bad-block", Ascending},
		{"an erase block", func(in *Input) { in.Regions[1].EraseSize = 65536 }, AtEraseEdge, "compare.stopped", Ascending},
		{"the end", func(in *Input) {
			in.Regions[1].Source = block.Section(in.Regions[1].Source, block.Extent{Length: 131_072})
		}, AtRegionEnd, "compare.no-room", Ascending},
	} {
		copy(d.b, d.old)
		copy(d.b, d.new[:131_072])
		in := d.input()
		c.set(&in)
		r := run(t, in)
		x := targetOn(t, in, r, "rootfs_b")
		if x.Stop.Kind != c.kind || x.Order != c.order || !strings.Contains(codes(r, in), c.code) {
			t.Errorf("%s: %+v, %v %+v, %s", c.name, x.Stop, x.Order, x.Bracket, codes(r, in))
		}
		if x.Bracket.From > 131_072 || x.Bracket.To < 131_072 {
			t.Errorf("%s: %+v", c.name, x.Bracket)
		}
	}
}

// Bytes that cannot be read say nothing, wherever they stand.
func TestUnreadable(t *testing.T) {
	for seed := range uint64(40) {
		d := newDevice(seed, 0)
		cut := d.rnd.IntN(len(d.new)-1) + 1
		d.write(0, cut)
		in := d.input()
		at := d.rnd.Int64N(int64(len(d.new)))
		bad := block.Extent{Offset: at, Length: 1 + d.rnd.Int64N(60_000)}
		which := d.rnd.IntN(2) // of the old content, or of what was written
		in.Regions[which].Source = broken{in.Regions[which].Source, bad}
		x := targetOn(t, in, run(t, in), "rootfs_b")
		if x.Order != Unknown && (x.Bracket.From > int64(cut) || x.Bracket.To < int64(cut)) {
			t.Errorf("seed %d cut %d, bad %v of %d: %v %+v", seed, cut, bad, which, x.Order, x.Bracket)
		}
		if x.Order == Complete {
			t.Errorf("seed %d: complete, with bytes that could not be read", seed)
		}
	}
}

type never struct{}

func (never) Unchanged(r *Region) (string, bool, error) {
	return "a test says so", r.Name == "data", nil
}

func TestProofAndEarlier(t *testing.T) {
	d := newDevice(4, 0)
	d.write(0, 100_000)
	in := d.input()
	in.Proofs = []Proof{never{}}
	in.Earlier = []Content{{Name: "old.img", Source: block.Bytes(d.old), Pieces: []Piece{{ID: "0", Name: "old.img", Extent: block.Extent{Length: int64(len(d.old))}}}}}
	// The other slot holds a version that is older still.
	copy(d.a, noise(d.rnd, 200_000))
	r := run(t, in)
	x := targetOn(t, in, r, "rootfs_b")
	if x.Order != Ascending || x.Bytes[Old] == 0 || len(x.Old) != 1 {
		t.Errorf("%v %+v %q", x.Order, x.Bytes, x.Old)
	}
	if !strings.Contains(codes(r, in), "compare.unchanged") {
		t.Errorf("%s", codes(r, in))
	}
}

func TestSwitched(t *testing.T) {
	d := newDevice(6, 0)
	d.write(0, 100_000)
	in := d.input()
	in.Regions[0].Number, in.Regions[1].Number = 2, 3
	r := run(t, in)
	for next, want := range map[string]Switched{
		"B": SwitchedYes, "_b": SwitchedYes, "rootfs_b": SwitchedYes, "boot_b": SwitchedYes, "partition 3": SwitchedYes, "3": SwitchedYes,
		"A": SwitchedNo, "_a": SwitchedNo, "2": SwitchedNo, "": SwitchedNot, "something": SwitchedNot,
	} {
		c := boot.Choice{Scheme: "test", Next: next, Offset: -1}
		if got := r.Leads(in.Regions, &c); got != want {
			t.Errorf("%q: %s, want %s", next, got, want)
		}
		code := map[Switched]string{SwitchedYes: "compare.boot.switched", SwitchedNo: "compare.boot.not-switched", SwitchedNot: "compare.boot."}[want]
		if !strings.Contains(codes(r, in, c), code) {
			t.Errorf("%q: %s", next, codes(r, in, c))
		}
	}
	if got := codes(r, in, boot.Choice{Pending: "a swap"}); !strings.Contains(got, "compare.boot.pending") {
		t.Error(got)
	}
	for _, f := range r.Told(in.Regions, nil) {
		if strings.ContainsAny(f.Text, "{}") {
			t.Errorf("a placeholder is left: %s", f.Text)
		}
		if f.Severity > finding.Error {
			t.Error(f)
		}
	}
}

func TestSlotName(t *testing.T) {
	for name, want := range map[string]string{
		"rootfs_a": "rootfs/a", "ROOTFS_B": "rootfs/b", "boot-a": "boot/a", "kernel.0": "kernel/0", "kernel1": "kernel/1", "A": "slot/a", "rootfsB": "rootfs/b",
		"system:b": "system/b", "data": "", "alpha": "", "p1": "", "mmcblk0p12": "", "": "", "env": "",
	} {
		group, slot, ok := SlotName(name)
		got := ""
		if ok {
			got = group + "/" + slot
		}
		if got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

// A slot that was erased for the update, of which nothing followed.
func TestErased(t *testing.T) {
	d := newDevice(5, 0)
	copy(d.b, bytes.Repeat([]byte{0xFF}, len(d.new)))
	in := d.input()
	r := run(t, in)
	if x := targetOn(t, in, r, "rootfs_b"); x.Order != NotBegun || x.Bytes[Erased] == 0 || x.Reference || !strings.Contains(codes(r, in), "compare.erased") {
		t.Errorf("%v %+v %v %s", x.Order, x.Bytes, x.Reference, codes(r, in))
	}
}

// A region with so much of the old content that not all of it is kept, and one piece of the package behind.
func TestManyPlaces(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	old := noise(r, 8<<20)
	next := bytes.Clone(old)
	copy(next[4<<20:], noise(r, 200_000))
	data := append(append(noise(r, 4096), old...), next[4<<20:4<<20+8192]...)
	in := Input{
		Contents: []Content{{Source: block.Bytes(next), Pieces: []Piece{{ID: "0", Name: "update", Extent: block.Extent{Length: int64(len(next))}}}}},
		Regions: []Region{{Name: "x_a", Group: "x", Slot: "a", Source: block.Bytes(old)}, {Name: "x_b", Group: "x", Slot: "b", Source: block.Bytes(append(bytes.Clone(next[:4<<20+90_000]), old[4<<20+90_000:]...))},
			{Name: "data", Source: block.Bytes(data)}},
	}
	for _, stale := range []bool{false, true} {
		if stale {
			in.Regions[2].Source = block.Bytes(data[:len(data)-8192])
		}
		res := run(t, in)
		if len(res.Others) != 1 || (res.Others[0].Trace == NoTrace) != stale {
			t.Errorf("stale %v: %+v", stale, res.Others)
		}
	}
}

// More distances than are kept: the one that many agree on stays.
func TestVotes(t *testing.T) {
	s := &surveyed{votes: map[distance]int{}, least: 1}
	for i := range 20 * maxVotes {
		s.vote(distance{0, int64(i)})
		if i%7 == 0 {
			s.vote(distance{0, -5})
		}
	}
	if n := s.votes[distance{0, -5}]; n < maxVotes || len(s.votes) > maxVotes {
		t.Errorf("%d votes of %d distances", n, len(s.votes))
	}
}

// A package of two parts for two pairs of slots, written one after the other: the first is complete, the second was cut. The
// package itself lies in the data partition, as updaters leave it.
func TestTwoParts(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 7))
		kernel, root := noise(r, 70_000+r.IntN(1000)), noise(r, 200_000+r.IntN(1000))
		oldKernel, oldRoot := noise(r, 131_072), noise(r, 262_144)
		head := noise(r, 1000+r.IntN(100))
		pack := bytes.Join([][]byte{head, kernel, root}, nil)
		cut := 1000 + r.IntN(190_000)
		kernelB, rootB := bytes.Clone(oldKernel), bytes.Clone(oldRoot)
		copy(kernelB, kernel)
		copy(rootB, root[:cut])
		data := noise(r, 600_000)
		copy(data[123_457:], pack)
		k, n := int64(len(head)), int64(len(head)+len(kernel))
		in := Input{
			Contents: []Content{{Name: "update", Source: block.Bytes(pack), Pieces: []Piece{
				{ID: "0", Name: "update", Extent: block.Extent{Length: int64(len(pack))}},
				{ID: "0.0", Name: "kernel", Extent: block.Between(k, n), Where: []string{"kernel"}},
				{ID: "0.1", Name: "rootfs", Extent: block.Between(n, int64(len(pack))), Where: []string{"rootfs"}},
			}}},
			Regions: []Region{
				{Name: "kernel_a", Group: "kernel", Slot: "a", Source: block.Bytes(oldKernel)}, {Name: "kernel_b", Group: "kernel", Slot: "b", Source: block.Bytes(kernelB)},
				{Name: "rootfs_a", Group: "rootfs", Slot: "a", Source: block.Bytes(oldRoot)}, {Name: "rootfs_b", Group: "rootfs", Slot: "b", Source: block.Bytes(rootB)},
				{Name: "data", Source: block.Bytes(data)},
			},
		}
		res := run(t, in)
		if x := targetOn(t, in, res, "kernel_b"); x.Order != Complete || x.Piece.Name != "kernel" {
			t.Errorf("seed %d: kernel %v %+v", seed, x.Order, x.Bracket)
		}
		if x := targetOn(t, in, res, "rootfs_b"); x.Order != Ascending || x.Piece.Name != "rootfs" || x.Bracket.From > int64(cut) || x.Bracket.To < int64(cut) {
			t.Errorf("seed %d: rootfs %v %+v, cut %d", seed, x.Order, x.Bracket, cut)
		}
		for _, name := range []string{"kernel_a", "rootfs_a"} {
			if x := targetOn(t, in, res, name); x.Order != NotBegun {
				t.Errorf("seed %d: %s %v", seed, name, x.Order)
			}
		}
		if len(res.Targets) != 4 || len(res.Others) != 1 || res.Others[0].Trace != Touched || len(res.Unplaced) > 0 {
			t.Errorf("seed %d: %d targets, %+v, %v", seed, len(res.Targets), res.Others, res.Unplaced)
		}
	}
}

// A context that is done ends the work.
func TestStopped(t *testing.T) {
	d := newDevice(2, 0)
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if _, err := Device(ctx, d.input()); err == nil {
		t.Error("no error")
	}
}

// A part that ends where the writing did, in front of something that is not meant for the device.
func TestBehind(t *testing.T) {
	d := newDevice(8, 0)
	n := int64(len(d.new))
	tail := noise(d.rnd, 3000)
	d.write(0, len(d.new))
	in := d.input()
	in.Contents = []Content{{Source: block.Bytes(append(bytes.Clone(d.new), tail...)), Pieces: []Piece{
		{ID: "0", Name: "update.bin", Extent: block.Extent{Length: n + 3000}}, {ID: "0.0", Name: "rootfs", Extent: block.Extent{Length: n}},
	}}}
	x := targetOn(t, in, run(t, in), "rootfs_b")
	if x.Order != Complete || x.Piece.ID != "0.0" || x.Behind != 3000 {
		t.Errorf("%v %+v %d", x.Order, x.Piece, x.Behind)
	}
}

// Whatever stands on both sides, classes sum up and nothing breaks.
func FuzzDevice(f *testing.F) {
	f.Add([]byte("abc"), []byte("abd"), uint8(3))
	r := rand.New(rand.NewPCG(1, 1))
	f.Add(noise(r, 3000), noise(r, 2000), uint8(200))
	f.Fuzz(func(t *testing.T, a, b []byte, n uint8) {
		half := append(bytes.Clone(a[:min(len(a), int(n)*16)]), b...)
		in := Input{Contents: []Content{{Source: block.Bytes(a), Pieces: []Piece{{Extent: block.Extent{Length: int64(len(a))}, Where: []string{"x"}}}}},
			Regions: []Region{{Name: "x_a", Group: "x", Slot: "a", Source: block.Bytes(b)}, {Name: "x_b", Group: "x", Slot: "b", Source: block.Bytes(half)}, {Name: "free", Anywhere: true, Source: block.Bytes(half)}}}
		res, err := Device(context.Background(), in)
		if err != nil {
			t.Fatal(err)
		}
		for i := range res.Targets {
			sane(t, &res.Targets[i])
		}
		_ = fmt.Sprint(res.Told(in.Regions, nil))
	})
}
