package array

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"salvor/block"
	"salvor/block/blocktest"
	"salvor/volume"
)

// form makes an array of one kind and writes into plain parts what the array holds.
type form struct {
	name  string
	parts int
	size  int64 // of each part
	make  func(parts []volume.Placer) volume.Placer
	bears int // parts that may be lost
	sixes bool
}

const chunk = 512

func forms() []form {
	var out []form
	same := func(n int) []int64 {
		sizes := make([]int64, n)
		for i := range sizes {
			sizes[i] = 8 * chunk
		}
		return sizes
	}
	out = append(out, form{name: "raid0", parts: 3, size: 8 * chunk, make: func(p []volume.Placer) volume.Placer {
		return Stripe(p, same(3), chunk, Alternate)
	}})
	for _, how := range []Striping{Alternate, Original} {
		out = append(out, form{name: fmt.Sprintf("raid0 zones %d", how), parts: 4, size: 9 * chunk, make: func(p []volume.Placer) volume.Placer {
			return Stripe(p, []int64{8 * chunk, 5*chunk + 100, 5 * chunk, 7 * chunk}, chunk, how)
		}})
	}
	out = append(out, form{name: "linear", parts: 3, size: 8 * chunk, make: func(p []volume.Placer) volume.Placer {
		return Concat([]Piece{{p[0], 100}, {p[1], 8 * chunk}, {p[0], 0}, {p[2], 333}})
	}})
	out = append(out, form{name: "mirror", parts: 3, size: 8 * chunk, bears: 2, make: func(p []volume.Placer) volume.Placer { return Mirror(p, 8*chunk-7) }})
	for n := 3; n <= 6; n++ {
		for r := range rotationText {
			if r.valid(5) {
				out = append(out, form{name: fmt.Sprintf("raid5 %v over %d", r, n), parts: n, size: 2*6*chunk + 50, bears: 1, make: func(p []volume.Placer) volume.Placer {
					return Parity(5, p, 2*6*chunk+50, chunk, r)
				}})
			}
			out = append(out, form{name: fmt.Sprintf("raid6 %v over %d", r, n+1), parts: n + 1, size: 2 * 7 * chunk, bears: 2, sixes: true, make: func(p []volume.Placer) volume.Placer {
				return Parity(6, p, 2*7*chunk, chunk, r)
			}})
		}
		for _, t := range []Ten{{Near: 2, Far: 1}, {Near: 1, Far: 2}, {Near: 1, Far: 2, Offset: true}, {Near: 3, Far: 1}, {Near: 1, Far: 3, Offset: true}, {Near: 1, Far: 2, Set: 2}} {
			if t.Set > 0 && n%t.Set != 0 {
				continue
			}
			t.Chunk = chunk
			out = append(out, form{name: fmt.Sprintf("raid10 %+v over %d", t, n), parts: n, size: 13 * chunk, bears: t.Near*t.Far - 1, make: func(p []volume.Placer) volume.Placer {
				return RAID10(p, 13*chunk, t)
			}})
		}
	}
	return out
}

// filled returns parts that hold an array of random bytes, and those bytes. The array's own geometry says where they
// stand; parity is written with sums that this test makes by itself.
func (f form) filled(t *testing.T) (parts [][]byte, want []byte) {
	t.Helper()
	parts = make([][]byte, f.parts)
	for i := range parts {
		parts[i] = make([]byte, f.size)
	}
	a, ok := f.make(f.placers(parts, nil)).(*array)
	if !ok {
		t.Fatalf("%s: no array", f.name)
	}
	want = make([]byte, a.size)
	rnd := rand.New(rand.NewPCG(uint64(f.parts), 1))
	for i := range want {
		want[i] = byte(rnd.Uint32())
	}
	taken := map[spot]bool{}
	for off := int64(0); off < a.size; {
		spots, n := a.find(off, nil)
		n = min(n, a.size-off)
		for _, s := range spots {
			if taken[s] {
				t.Fatalf("%s: byte %d stands where another does: %v", f.name, off, s)
			}
			taken[s] = true
			copy(parts[s.part][s.offset:s.offset+n], want[off:off+n])
		}
		off += n
	}
	if g, ok := a.geometry.(*parity); ok {
		for stripe := range a.size / g.chunk / int64(g.data()) {
			r := g.roles(stripe)
			for at := stripe * g.chunk; at < (stripe+1)*g.chunk; at++ {
				var p, q byte
				for i := range parts {
					if i != r.p && i != r.q {
						p ^= parts[i][at]
						if r.q >= 0 {
							q ^= slowProduct(slowPower(r.exponent[i]), parts[i][at])
						}
					}
				}
				if parts[r.p][at] = p; r.q >= 0 {
					parts[r.q][at] = q
				}
			}
		}
	}
	return parts, want
}

func (f form) placers(parts [][]byte, lost map[int]bool) []volume.Placer {
	out := make([]volume.Placer, len(parts))
	for i, p := range parts {
		if !lost[i] {
			out[i] = Leaf(block.Bytes(p), i)
		}
	}
	return out
}

// slowProduct multiplies as on paper: all products of bits, then the remainder.
func slowProduct(a, b byte) byte {
	v := 0
	for i := range 8 {
		if b>>i&1 == 1 {
			v ^= int(a) << i
		}
	}
	for i := 15; i >= 8; i-- {
		if v>>i&1 == 1 {
			v ^= polynomial << (i - 8)
		}
	}
	return byte(v)
}

func slowPower(n int) byte {
	v := byte(1)
	for range n {
		v = slowProduct(v, 2)
	}
	return v
}

// TestWhole has every form give its bytes, and its places lead to them.
func TestWhole(t *testing.T) {
	for _, f := range forms() {
		t.Run(f.name, func(t *testing.T) {
			parts, want := f.filled(t)
			src := f.make(f.placers(parts, nil))
			got := make([]byte, src.Size())
			if n, err := src.ReadAt(got, 0); n != len(got) || err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%d of %d bytes, %v, equal %v", n, len(got), err, bytes.Equal(got, want))
			}
			checkPlaces(t, src, parts, want, nil)
		})
	}
}

// TestLost takes every set of parts away that the form bears, and one more.
func TestLost(t *testing.T) {
	for _, f := range forms() {
		t.Run(f.name, func(t *testing.T) {
			parts, want := f.filled(t)
			for set := range 1 << f.parts {
				lost := map[int]bool{}
				for i := range f.parts {
					if set>>i&1 == 1 {
						lost[i] = true
					}
				}
				src := f.make(f.placers(parts, lost))
				got := make([]byte, src.Size())
				n, err := src.ReadAt(got, 0)
				switch {
				case len(lost) <= f.bears && (n != len(got) || err != nil):
					t.Fatalf("without %v: %d bytes, %v", lost, n, err)
				case !bytes.Equal(got[:n], want[:n]):
					t.Fatalf("without %v: other bytes", lost)
				case len(lost) == f.parts && n > 0:
					t.Fatalf("%d bytes out of nothing", n)
				}
				if len(lost) <= f.bears+1 {
					checkPlaces(t, src, parts, want, lost)
				}
			}
		})
	}
}

// checkPlaces holds the places against what can be read.
func checkPlaces(t *testing.T, src volume.Placer, parts [][]byte, want []byte, lost map[int]bool) {
	t.Helper()
	var gone, placed block.Set
	for _, u := range block.UnreadableIn(src, block.Extent{Length: src.Size()}) {
		gone.Add(u.Extent)
	}
	at := int64(0)
	for _, p := range src.Places(block.Extent{Length: src.Size()}) {
		if p.Logical < at || lost[p.Member] {
			t.Fatalf("place %+v, behind %d", p, at)
		}
		at = p.Logical + p.Length
		placed.Add(block.Extent{Offset: p.Logical, Length: p.Length})
		if !p.Computed && !bytes.Equal(parts[p.Member][p.Physical:p.Physical+p.Length], want[p.Logical:at]) {
			t.Fatalf("place %+v holds other bytes", p)
		}
	}
	if !placed.Equal(gone.Complement(block.Extent{Length: src.Size()})) {
		t.Fatalf("placed %v, lost %v", placed.Extents(), gone.Extents())
	}
}

// TestContract holds arrays of each form, whole, short of parts and with bad sectors, to what a source promises.
func TestContract(t *testing.T) {
	for i, f := range forms() {
		if i%7 != 0 && !(f.name == "linear" || f.name == "mirror") {
			continue
		}
		rnd := rand.New(rand.NewPCG(uint64(i), 2))
		for _, losses := range []int{0, f.bears, f.bears + 1} {
			parts, want := f.filled(t)
			lost := map[int]bool{}
			for len(lost) < min(losses, f.parts) {
				lost[rnd.IntN(f.parts)] = true
			}
			bad := make([][]block.Unreadable, f.parts)
			for range 3 {
				p := rnd.IntN(f.parts)
				bad[p] = blocktest.Bad(block.Extent{Offset: rnd.Int64N(f.size - 700), Length: 1 + rnd.Int64N(600)})
			}
			hide := func() []volume.Placer {
				placers := make([]volume.Placer, f.parts)
				for i := range parts {
					if !lost[i] {
						placers[i] = Leaf(blocktest.Faulty(block.Bytes(parts[i]), bad[i]), i)
					}
				}
				return placers
			}
			unreadable := f.unreadable(hide(), int64(len(want)))
			t.Run(fmt.Sprintf("%s without %d", f.name, losses), func(t *testing.T) {
				blocktest.Run(t, func(*testing.T) (block.Source, []byte, block.Set) { return f.make(hide()), want, unreadable })
			})
		}
	}
}

// unreadable counts for each byte by itself whether the parts that are left give it.
func (f form) unreadable(parts []volume.Placer, size int64) block.Set {
	a := f.make(parts).(*array)
	one := make([]byte, 1)
	has := func(part int, off int64) bool {
		if parts[part] == nil {
			return false
		}
		n, _ := parts[part].ReadAt(one, off)
		return n == 1
	}
	var out block.Set
	for off := range size {
		spots, _ := a.find(off, nil)
		ok := false
		for _, s := range spots {
			ok = ok || has(s.part, s.offset)
		}
		if g, is := a.geometry.(*parity); is && !ok {
			gone := 0
			for i := range parts {
				if !has(i, spots[0].offset) {
					gone++
				}
			}
			ok = gone <= g.spare()
		}
		if !ok {
			out.Add(block.Extent{Offset: off, Length: 1})
		}
	}
	return out
}

// TestNested puts a RAID over volumes that are made of pieces of disks.
func TestNested(t *testing.T) {
	f := form{parts: 3, size: 4 * chunk, make: func(p []volume.Placer) volume.Placer { return Parity(5, p, 4*chunk, chunk, LeftSymmetric) }}
	parts, want := f.filled(t)
	disk := make([]byte, 20*chunk)
	var lvs []volume.Placer
	for i, p := range parts {
		a, b := int64(i)*chunk, int64(10+3*i)*chunk
		copy(disk[a:], p[:chunk])
		copy(disk[b:], p[chunk:])
		leaf := Leaf(block.Bytes(disk), 7)
		lvs = append(lvs, Concat([]Piece{{Window(leaf, block.Extent{Offset: a, Length: chunk}), chunk}, {Window(leaf, block.Extent{Offset: b, Length: 3 * chunk}), 3 * chunk}}))
	}
	lvs[1] = nil
	src := f.make(lvs)
	got := make([]byte, src.Size())
	if _, err := src.ReadAt(got, 0); err != nil || !bytes.Equal(got, want) {
		t.Fatal(err)
	}
	for _, p := range src.Places(block.Extent{Length: src.Size()}) {
		if p.Member != 7 || !p.Computed && !bytes.Equal(disk[p.Physical:p.Physical+p.Length], want[p.Logical:p.Logical+p.Length]) {
			t.Errorf("%+v", p)
		}
	}
}

func TestField(t *testing.T) {
	for a := range 256 {
		for b := range 256 {
			if product(byte(a), byte(b)) != slowProduct(byte(a), byte(b)) {
				t.Fatalf("%d times %d", a, b)
			}
		}
		if a > 0 && product(byte(a), inverse(byte(a))) != 1 {
			t.Fatalf("inverse of %d", a)
		}
	}
	if power(255) != 1 || power(8) != 0x1d || power(300) != slowPower(300) {
		t.Error("powers")
	}
}

// TestRefused has numbers that cannot be make no array.
func TestRefused(t *testing.T) {
	parts := make([]volume.Placer, 3)
	for name, src := range map[string]volume.Placer{
		"chunk 0":             Parity(5, parts, 1000, 0, LeftSymmetric),
		"negative chunk":      Parity(5, parts, 1000, -4, LeftSymmetric),
		"rotation":            Parity(5, parts, 1000, 512, ZeroRestart),
		"rotation 99":         Parity(6, parts, 1000, 512, 99),
		"level":               Parity(7, parts, 1000, 512, LeftSymmetric),
		"one part":            Parity(5, parts[:1], 1000, 512, LeftSymmetric),
		"two parts of six":    Parity(6, parts[:2], 1000, 512, LeftSymmetric),
		"huge":                Parity(5, parts, 1<<62, 512, LeftSymmetric),
		"no parts":            Mirror(nil, 100),
		"negative mirror":     Mirror(parts, -1),
		"stripe of nothing":   Stripe(nil, nil, 512, Original),
		"stripe chunk":        Stripe(parts, []int64{1, 2, 3}, 0, Original),
		"stripe sizes":        Stripe(parts, []int64{1, 2}, 512, Original),
		"stripe negative":     Stripe(parts, []int64{1, 2, -5}, 512, Original),
		"stripe huge":         Stripe(parts, []int64{1, 2, 1 << 62}, 512, Original),
		"linear huge":         Concat([]Piece{{nil, 1 << 61}, {nil, 1 << 61}}),
		"ten without copies":  RAID10(parts, 1000, Ten{Near: 0, Far: 1, Chunk: 512}),
		"ten too many copies": RAID10(parts, 1000, Ten{Near: 2, Far: 2, Chunk: 512}),
		"ten chunk":           RAID10(parts, 1000, Ten{Near: 2, Far: 1}),
		"ten set":             RAID10(parts, 1000, Ten{Near: 1, Far: 2, Set: 9, Chunk: 512}),
		"ten small set":       RAID10(parts, 1000, Ten{Near: 1, Far: 2, Set: 1, Chunk: 512}),
		"window of nothing":   Window(nil, block.Extent{Length: 5}),
		"mask of nothing":     Masked(nil, block.Set{}),
	} {
		if src != nil {
			t.Errorf("%s: an array of %d bytes", name, src.Size())
		}
	}
	if src := Stripe(parts, []int64{0, 0, 0}, 512, Original); src.Size() != 0 {
		t.Error("parts without bytes")
	}
}
