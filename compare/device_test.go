package compare

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"salvor/block"
)

// device is a model of one with two slots whose update was cut.
type device struct {
	rnd        *rand.Rand
	old, new   []byte
	slot       int // bytes of a slot
	erase      int // bytes erased ahead of writing; 0 for a medium that is written over
	a, b, data []byte
	before     []byte // of slot b
}

func noise(r *rand.Rand, n int) []byte {
	p := make([]byte, n+8)
	for i := 0; i < n; i += 8 {
		v := r.Uint64()
		for k := range 8 {
			p[i+k] = byte(v >> (8 * k))
		}
	}
	return p[:n]
}

// newDevice has an update of which some runs are the same as before, some are zeros and some 0xFF.
func newDevice(seed uint64, erase int) *device {
	r := rand.New(rand.NewPCG(seed, 5))
	size := 200_000 + r.IntN(300_000)
	d := &device{rnd: r, slot: 512 << 10, erase: erase, new: noise(r, size), old: noise(r, size-r.IntN(50_000))}
	for range 6 {
		at, n := r.IntN(size), 1+r.IntN(20_000)
		switch r.IntN(3) {
		case 0:
			copy(d.new[at:min(at+n, size)], d.old[min(at, len(d.old)):])
		case 1:
			clear(d.new[at:min(at+n, size)])
		default:
			copy(d.new[at:min(at+n, size)], bytes.Repeat([]byte{0xFF}, n))
		}
	}
	pad := func(p []byte) []byte { return append(bytes.Clone(p), bytes.Repeat([]byte{0xFF}, d.slot-len(p))...) }
	d.a, d.b, d.data = pad(d.old), pad(d.old), noise(r, 300_000)
	d.before = bytes.Clone(d.b)
	return d
}

// write puts the bytes of the package from from to to on slot b.
func (d *device) write(from, to int) {
	if d.erase > 0 {
		for e := from / d.erase; e*d.erase < to; e++ {
			if e*d.erase >= from || from%d.erase == 0 && e == from/d.erase {
				copy(d.b[e*d.erase:], bytes.Repeat([]byte{0xFF}, min(d.erase, len(d.b)-e*d.erase)))
			}
		}
	}
	copy(d.b[from:to], d.new[from:to])
}

func (d *device) input(more ...Region) Input {
	return Input{
		Contents: []Content{{Name: "update.img", Source: block.Bytes(d.new), Pieces: []Piece{{ID: "0", Name: "update.img", Extent: block.Extent{Length: int64(len(d.new))}}}}},
		Regions: append([]Region{
			{Name: "rootfs_a", Group: "rootfs", Slot: "a", Source: block.Bytes(d.a), Place: block.Extent{Offset: 1 << 20, Length: int64(d.slot)}},
			{Name: "rootfs_b", Group: "rootfs", Slot: "b", Source: block.Bytes(d.b), Place: block.Extent{Offset: 2 << 20, Length: int64(d.slot)}, EraseSize: int64(d.erase)},
			{Name: "data", Source: block.Bytes(d.data), Place: block.Extent{Offset: 3 << 20, Length: int64(len(d.data))}},
		}, more...),
	}
}

func run(t *testing.T, in Input) *Result {
	t.Helper()
	r, err := Device(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	for i := range r.Targets {
		sane(t, &r.Targets[i])
	}
	return r
}

// sane holds what is true of every target.
func sane(t *testing.T, x *Target) {
	t.Helper()
	at, sum := int64(0), int64(0)
	for _, r := range x.Runs {
		if r.Offset != at || r.Length <= 0 {
			t.Fatalf("run %+v does not follow %d", r, at)
		}
		at = r.End()
	}
	for _, n := range x.Bytes {
		sum += n
	}
	if at != x.Piece.Extent.Length-x.NoRoom || sum != at {
		t.Fatalf("runs end at %d, classes sum up to %d, the part has %d", at, sum, x.Piece.Extent.Length)
	}
	least, most := x.Written()
	if least < 0 || most > 1 || least > most {
		t.Fatalf("written %v to %v", least, most)
	}
}

func targetOn(t *testing.T, in Input, r *Result, name string) *Target {
	t.Helper()
	i := slices.IndexFunc(r.Targets, func(x Target) bool { return in.Regions[x.Region].Name == name })
	if i < 0 {
		t.Fatalf("nothing on %s: %+v", name, r)
	}
	return &r.Targets[i]
}

// silent reports whether byte i of the part says nothing of whether it was written.
func (d *device) silent(i int) bool {
	return d.new[i] == d.before[i] || d.new[i] == 0 || d.new[i] == 0xFF
}

// In order: the bracket holds the true place, and is no wider than one block and the run of bytes around it that say nothing.
func TestCutInOrder(t *testing.T) {
	for _, erase := range []int{0, 64 << 10} {
		for seed := range uint64(100) {
			d := newDevice(seed, erase)
			cut := d.rnd.IntN(len(d.new)-1) + 1
			d.write(0, cut)
			in := d.input()
			r := run(t, in)
			x := targetOn(t, in, r, "rootfs_b")
			name := fmt.Sprintf("erase %d seed %d cut %d of %d: %v %+v", erase, seed, cut, len(d.new), x.Order, x.Bracket)
			if x.Bracket.From > int64(cut) || x.Bracket.To < int64(cut) {
				t.Fatalf("%s: the place is not inside", name)
			}
			from, to := cut, cut
			for from > 0 && d.silent(from-1) {
				from--
			}
			for to < len(d.new) && d.b[to] == d.new[to] {
				to++
			}
			if wide := x.Bracket.To - x.Bracket.From; wide > int64(to-from)+unit {
				t.Fatalf("%s: %d bytes wide, the run around it has %d", name, wide, to-from)
			}
			if got := x.Order; got != Ascending && !(got == NotBegun && from == 0) && !(got == Complete && to == len(d.new)) {
				t.Fatalf("%s: order", name)
			}
			a := targetOn(t, in, r, "rootfs_a")
			if !a.Reference && x.fresh() > 0 {
				t.Fatalf("%s: slot a is not the reference: %+v", name, a)
			}
			noTrace(t, in, r, name, "data")
		}
	}
}

func noTrace(t *testing.T, in Input, r *Result, name, region string) {
	t.Helper()
	for _, o := range r.Others {
		if in.Regions[o.Region].Name == region {
			if o.Trace != NoTrace {
				t.Fatalf("%s: %s is %s: %+v", name, region, o.Trace, o)
			}
			return
		}
	}
	t.Fatalf("%s: nothing is said of %s", name, region)
}

// Downwards, the same.
func TestCutDescending(t *testing.T) {
	for seed := range uint64(50) {
		d := newDevice(seed, 0)
		cut := d.rnd.IntN(len(d.new)-1) + 1
		d.write(cut, len(d.new))
		in := d.input()
		x := targetOn(t, in, run(t, in), "rootfs_b")
		if x.Bracket.From > int64(cut) || x.Bracket.To < int64(cut) {
			t.Fatalf("seed %d: cut %d, %v %+v", seed, cut, x.Order, x.Bracket)
		}
	}
}

// Out of order: the set of new blocks is exact.
func TestCutOutOfOrder(t *testing.T) {
	for _, size := range []int{512, 4096, 65536} {
		for seed := range uint64(34) {
			d := newDevice(seed, 0)
			if seed%2 == 0 {
				d.new = d.new[:len(d.new)/size*size]
			}
			blocks := d.rnd.Perm((len(d.new) + size - 1) / size)
			written := map[int]bool{}
			cut := d.rnd.IntN(len(d.new))
			whole := seed%2 == 0
			if whole {
				cut = cut / size * size
			}
			for _, k := range blocks {
				if cut <= 0 {
					break
				}
				from, to := k*size, min((k+1)*size, len(d.new))
				to = min(to, from+cut)
				d.write(from, to)
				for i := from; i < to; i++ {
					written[i] = true
				}
				cut -= to - from
			}
			in := d.input()
			x := targetOn(t, in, run(t, in), "rootfs_b")
			got := x.NewSet()
			for e := range got.All() {
				for i := e.Offset; i < e.End(); i++ {
					if !written[int(i)] && d.new[i] != d.before[i] {
						t.Fatalf("blocks of %d seed %d: byte %d is not new", size, seed, i)
					}
				}
			}
			for i := range written {
				if !got.Has(int64(i)) && !d.sameUnit(i) {
					t.Fatalf("blocks of %d seed %d: byte %d is new, and not told", size, seed, i)
				}
			}
			// The last block may be shorter, and is then not the last that is written.
			if whole && len(d.new)%size == 0 && x.Block > 0 && x.Block < int64(size) {
				t.Errorf("blocks of %d were taken for %d", size, x.Block)
			}
		}
	}
}

// sameUnit reports whether the unit around i is the same before and after.
func (d *device) sameUnit(i int) bool {
	from := i / unit * unit
	to := min(from+unit, len(d.new))
	return bytes.Equal(d.new[from:to], d.before[from:to])
}

// A piece of the package in another partition is told with its place, however it is aligned.
func TestTouched(t *testing.T) {
	for seed := range uint64(60) {
		d := newDevice(seed, 0)
		cut := d.rnd.IntN(len(d.new)-1) + 1
		d.write(0, cut)
		n := 4096 + d.rnd.IntN(20_000)
		from := d.rnd.IntN(len(d.new) - n)
		at := d.rnd.IntN(len(d.data) - n)
		said := 0
		for i := from; i < from+n; i++ {
			if !d.silent(i) {
				said++
			}
		}
		if said < 2048 {
			continue
		}
		copy(d.data[at:], d.new[from:from+n])
		in := d.input(Region{Name: "calibration", Source: block.Bytes(noise(d.rnd, 65536)), Place: block.Extent{Offset: 9 << 20, Length: 65536}},
			Region{Name: "old copy", Source: block.Bytes(bytes.Clone(d.old[:60_000])), Place: block.Extent{Offset: 10 << 20, Length: 60_000}})
		r := run(t, in)
		name := fmt.Sprintf("seed %d", seed)
		noTrace(t, in, r, name, "calibration")
		noTrace(t, in, r, name, "old copy")
		ok := false
		for _, o := range r.Others {
			if in.Regions[o.Region].Name == "data" {
				ok = o.Trace == Touched && len(o.Found) > 0
				for _, f := range o.Found {
					if f.Extent.Offset < int64(at)-1 || f.Extent.End() > int64(at+n)+1 {
						t.Fatalf("%s: found %v, it stands at %d and has %d bytes", name, f, at, n)
					}
				}
			}
		}
		if !ok {
			t.Fatalf("%s: not touched: %+v", name, r.Others)
		}
	}
}

// A part behind a header that the device puts before it, at any byte.
func TestOffset(t *testing.T) {
	for _, at := range []int{0, 64, 100, 512, 4096, 20_001} {
		d := newDevice(7, 0)
		head := noise(d.rnd, at)
		d.a, d.b = append(head, d.a...), append(bytes.Clone(head), d.b...)
		cut := 150_000
		copy(d.b[at:], d.new[:cut])
		in := d.input()
		x := targetOn(t, in, run(t, in), "rootfs_b")
		if x.At != int64(at) || x.Bracket.From > int64(cut) || x.Bracket.To < int64(cut) {
			t.Errorf("at %d: %d %+v", at, x.At, x.Bracket)
		}
	}
}

func TestCompleteAndUntouched(t *testing.T) {
	d := newDevice(3, 0)
	in := d.input()
	r := run(t, in)
	for _, x := range r.Targets {
		if x.Order != NotBegun || x.Bytes[New] != 0 {
			t.Errorf("nothing was written: %v %+v", x.Order, x.Bytes)
		}
	}
	d.write(0, len(d.new))
	in = d.input()
	if x := targetOn(t, in, run(t, in), "rootfs_b"); x.Order != Complete {
		t.Errorf("all was written: %v %+v", x.Order, x.Bracket)
	}
}
