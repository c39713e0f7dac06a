package mapped

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"
	"sync/atomic"

	"salvor/block"
	"salvor/cursor"
)

// Kind says what a piece of the disk stands on.
type Kind uint8

const (
	// Zero was never written: it reads as zeros.
	Zero Kind = iota
	// Stored stands as it is in a source.
	Stored
	// Packed comes out of Unpack, as a whole.
	Packed
	// Lost cannot be read.
	Lost
)

// MaxUnit is how much one packed piece may hold, in bytes.
const MaxUnit = 64 << 20

// Piece is a range of the disk that stands on one thing.
type Piece struct {
	Extent block.Extent // of the disk; it holds the place that was asked for
	Kind   Kind
	// Source and At say where a stored piece begins.
	Source block.Source
	At     int64
	File   int // tells sources of one layout from each other
	// Unpack fills dst, which is as long as Extent.
	Unpack func(dst []byte) error
	// Why and Err tell of a lost piece.
	Why block.Why
	Err error
}

// Layout says what each place of a disk stands on. Its answers do not change, and it may be asked from several
// goroutines.
type Layout interface {
	// Locate returns the piece that holds the byte at off, which lies in the disk. A *cursor.CorruptError or a
	// *block.UnreadableError makes the range that the piece names lost; other errors end the read.
	Locate(off int64) (Piece, error)
}

// cacheBytes is how much of unpacked pieces a disk keeps.
const cacheBytes = 16 << 20

// maxLearned bounds the ranges that a disk remembers as unreadable after it met them.
const maxLearned = 1 << 12

// Disk reads what a layout describes.
type Disk struct {
	size   int64
	layout Layout
	known  []block.Unreadable // in order, apart
	cache  *Cache[int64, []byte]

	packed atomic.Bool // there are packed pieces

	mu      sync.Mutex
	learned *block.Set
}

// New returns the disk of size bytes that the layout describes. known are ranges that are lost from the beginning.
func New(size int64, layout Layout, known ...block.Unreadable) *Disk {
	known = slices.Clone(known)
	slices.SortFunc(known, func(a, b block.Unreadable) int { return cmp.Compare(a.Offset, b.Offset) })
	var apart []block.Unreadable
	at := int64(0)
	for _, u := range known {
		u.Extent = u.Extent.Intersect(block.Between(at, size))
		if u.Length > 0 {
			apart = append(apart, u)
			at = u.End()
		}
	}
	return &Disk{size: max(size, 0), layout: layout, known: apart, cache: NewCache[int64, []byte](cacheBytes), learned: &block.Set{}}
}

// Size returns the size of the disk in bytes.
func (d *Disk) Size() int64 { return d.size }

// ReadAt reads the disk.
func (d *Disk) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, block.ErrNegativeOffset
	}
	if len(p) == 0 {
		return 0, nil
	}
	if off >= d.size {
		return 0, io.EOF
	}
	end := error(nil)
	if left := d.size - off; int64(len(p)) > left {
		p, end = p[:left], io.EOF
	}
	d.ahead(block.Extent{Offset: off, Length: int64(len(p))})
	for n := 0; n < len(p); {
		m, err := d.piece(p[n:], off+int64(n))
		n += m
		if err != nil {
			return n, err
		}
	}
	return len(p), end
}

// piece reads up to the end of the piece that holds off.
func (d *Disk) piece(p []byte, off int64) (int, error) {
	if u, ok := d.isKnown(off); ok {
		return 0, &block.UnreadableError{Ranges: []block.Unreadable{u}}
	}
	x, err := d.layout.Locate(off)
	x.Extent = x.Extent.Intersect(block.Extent{Length: d.size})
	if err == nil && !x.Extent.Has(off) {
		err = cursor.Corrupt("container: layout", off, "a piece that holds the place", x.Extent)
	}
	if err != nil {
		if !x.Extent.Has(off) {
			x.Extent = block.Extent{Offset: off, Length: 1}
		}
		return 0, d.fail(x.Extent, err)
	}
	// Parts of a piece may be known to be lost although the piece reads.
	p = p[:min(int64(len(p)), x.Extent.End()-off, d.nextKnown(off)-off)]
	in := off - x.Extent.Offset
	switch x.Kind {
	case Zero:
		clear(p)
		return len(p), nil
	case Stored:
		return d.stored(p, off, x)
	case Packed:
		d.packed.Store(true)
		unit, err := d.unpacked(x)
		if err != nil {
			return 0, d.fail(x.Extent, err)
		}
		return copy(p, unit[in:]), nil
	}
	why := x.Why
	if why == 0 {
		why = block.Absent
	}
	return 0, block.NewUnreadable(x.Extent, why, x.Err)
}

func (d *Disk) stored(p []byte, off int64, x Piece) (int, error) {
	at := x.At + off - x.Extent.Offset
	n, err := x.Source.ReadAt(p, at)
	if n == len(p) {
		return n, nil
	}
	stop := off + int64(n)
	out := block.Unreadable{Extent: block.Between(stop, off+int64(len(p))), Why: block.Absent, Err: err}
	u, ok := block.IsUnreadable(err)
	switch {
	case ok:
		for _, r := range u.Ranges {
			moved := r.Extent.Shift(off - at).Intersect(x.Extent)
			if moved.Has(stop) {
				out = block.Unreadable{Extent: moved, Why: r.Why, Err: r.Err}
			}
		}
	case err == nil, errors.Is(err, io.EOF):
		out.Err = io.ErrUnexpectedEOF // the container is cut
		out.Extent = block.Between(stop, x.Extent.End())
	default:
		return n, err
	}
	return n, &block.UnreadableError{Ranges: []block.Unreadable{out}}
}

// fail returns the error of a range that a structure or its content made unreadable; others pass.
func (d *Disk) fail(e block.Extent, err error) error {
	why := block.Bad
	if u, ok := block.IsUnreadable(err); ok {
		if len(u.Ranges) > 0 {
			why = u.Ranges[0].Why
		}
	} else if _, ok := cursor.IsCorrupt(err); !ok {
		return err
	}
	d.mu.Lock()
	if d.learned.Count() < maxLearned {
		d.learned.Add(e)
	}
	d.mu.Unlock()
	return block.NewUnreadable(e, why, err)
}

// unpacked returns the content of a packed piece.
func (d *Disk) unpacked(x Piece) ([]byte, error) {
	if b, ok := d.cache.Get(x.Extent.Offset); ok && int64(len(b)) == x.Extent.Length {
		return b, nil
	}
	if x.Extent.Length > MaxUnit {
		return nil, cursor.Corrupt("container: packed piece", -1, fmt.Sprintf("at most %d bytes", MaxUnit), x.Extent.Length)
	}
	b := make([]byte, x.Extent.Length)
	if err := x.Unpack(b); err != nil {
		return nil, err
	}
	d.cache.Put(x.Extent.Offset, b, len(b))
	return b, nil
}

func (d *Disk) knownFrom(off int64) int {
	i, _ := slices.BinarySearchFunc(d.known, off, func(u block.Unreadable, off int64) int {
		if u.End() <= off {
			return -1
		}
		return 1
	})
	return i
}

func (d *Disk) isKnown(off int64) (block.Unreadable, bool) {
	if i := d.knownFrom(off); i < len(d.known) && d.known[i].Has(off) {
		return d.known[i], true
	}
	return block.Unreadable{}, false
}

// nextKnown returns where the next range behind off begins that is known to be lost.
func (d *Disk) nextKnown(off int64) int64 {
	if i := d.knownFrom(off); i < len(d.known) {
		return d.known[i].Offset
	}
	return d.size
}

// Unreadable returns what was known from the beginning, and what was met since.
func (d *Disk) Unreadable(within block.Extent) []block.Unreadable {
	within = within.Intersect(block.Extent{Length: d.size})
	var out []block.Unreadable
	var fixed block.Set
	for i := d.knownFrom(within.Offset); i < len(d.known) && d.known[i].Offset < within.End(); i++ {
		u := d.known[i]
		if u.Extent = u.Extent.Intersect(within); u.Length > 0 {
			out = append(out, u)
			fixed.Add(u.Extent)
		}
	}
	d.mu.Lock()
	learned := d.learned.Within(within)
	d.mu.Unlock()
	for e := range learned.Subtract(fixed).All() {
		out = append(out, block.Unreadable{Extent: e, Why: block.Bad})
	}
	slices.SortFunc(out, func(a, b block.Unreadable) int { return cmp.Compare(a.Offset, b.Offset) })
	return out
}

// Pieces yields what the disk from off on stands on, as the layout says, with the error of each place where it
// cannot say. It ends with the disk, or when yield returns false.
func (d *Disk) Pieces(ctx context.Context, off int64, yield func(Piece, error) bool) error {
	for off < d.size {
		if err := ctx.Err(); err != nil {
			return err
		}
		x, err := d.layout.Locate(off)
		x.Extent = x.Extent.Intersect(block.Extent{Length: d.size})
		if !x.Extent.Has(off) {
			x.Extent = block.Extent{Offset: off, Length: 1}
		}
		if !yield(x, err) {
			return nil
		}
		off = x.Extent.End()
	}
	return nil
}

// Joined returns x together with the pieces behind it, which next gives by their number from 0 on, as far as they go on
// where the one before ends: at most limit of them.
func Joined(x Piece, limit int64, next func(i int64) (Piece, error)) Piece {
	if x.Kind == Packed {
		return x
	}
	for i := range limit {
		n, err := next(i)
		if err != nil || n.Kind != x.Kind || n.Extent.Offset != x.Extent.End() || n.Extent.Length == 0 ||
			n.Kind == Stored && (n.File != x.File || n.At != x.At+x.Extent.Length) {
			break
		}
		x.Extent.Length += n.Extent.Length
	}
	return x
}

// Run returns the piece that at gives for off together with those behind it up to size, as [Joined] does.
func Run(off, size, limit int64, at func(off int64) (Piece, error)) (Piece, error) {
	x, err := at(off)
	if err != nil {
		return x, err
	}
	end := x.Extent.End()
	return Joined(x, limit, func(int64) (Piece, error) {
		if end >= size {
			return Piece{}, cursor.ErrNot
		}
		n, err := at(end)
		end = n.Extent.End()
		return n, err
	}), nil
}

// Base is what an image builds on. The zero value is nothing, so that what the image does not hold is zero.
type Base struct {
	Source  block.Source
	Missing bool // it builds on something that is not there
}

// fileBase tells the pieces of a base from those of the image itself.
const fileBase = -1

// Piece returns what stands at off, a place of e, of which the image holds nothing: that of the base, and zeros behind
// its end.
func (b Base) Piece(e block.Extent, off int64) Piece {
	switch {
	case b.Missing:
		return LostPiece(e)
	case b.Source == nil:
		return Piece{Extent: e}
	case off >= b.Source.Size():
		return Piece{Extent: block.Between(max(e.Offset, b.Source.Size()), e.End())}
	}
	e = e.Intersect(block.Extent{Length: b.Source.Size()})
	return Piece{Extent: e, Kind: Stored, Source: b.Source, At: e.Offset, File: fileBase}
}

// LostPiece is a piece that a missing file makes unreadable.
func LostPiece(e block.Extent) Piece {
	return Piece{Extent: e, Kind: Lost, Why: block.Absent, Err: fs.ErrNotExist}
}
