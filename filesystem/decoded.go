package filesystem

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"salvor/block"
	"salvor/cursor"
)

// Encoded is what a Source is whose bytes are made from others, as FileSystem.Open gives for a stream with an
// encoding. Its own bytes stand nowhere; those of Encoded do.
type Encoded interface {
	block.Source
	// Encoded returns the bytes as they are stored, whose origin leads to the volume.
	Encoded() block.Source
}

// Units describe a stream that is encoded in pieces of which each is decoded by itself.
type Units struct {
	// Size is that of the decoded stream, Unit that of each piece of it but the last, in bytes.
	Size, Unit int64
	// MaxEncoded is the most that one unit can take, in bytes.
	MaxEncoded int64
	// Place returns where unit i, from 0, stands in the encoded stream. It may be asked by several goroutines.
	Place func(i int64) (block.Extent, error)
	// Decode fills dst from the stored bytes of unit i. What it cannot fill is an error, usually a
	// [*cursor.CorruptError].
	Decode func(i int64, dst, stored []byte) error
}

// keptUnits is how many decoded units are kept, so that small reads do not decode one again and again.
const keptUnits = 4

// NewDecoded returns the stream that u makes out of encoded. A unit that cannot be read or decoded is
// unreadable as a whole, with the reason.
func NewDecoded(encoded block.Source, u Units) (Encoded, error) {
	if u.Size < 0 || u.Unit <= 0 || u.MaxEncoded <= 0 {
		return nil, fmt.Errorf("filesystem: a stream of %d bytes in units of %d, stored in at most %d", u.Size, u.Unit, u.MaxEncoded)
	}
	return &decoded{encoded: encoded, u: u}, nil
}

type decoded struct {
	encoded block.Source
	u       Units

	mu   sync.Mutex // of what follows
	kept []unit     // the one used last is the last
	free [][]byte   // buffers for stored bytes
}

// unit is a piece that was decoded; it is never changed afterwards.
type unit struct {
	i int64
	p []byte
}

func (d *decoded) Size() int64           { return d.u.Size }
func (d *decoded) Encoded() block.Source { return d.encoded }

// Origin answers that the decoded bytes stand nowhere.
func (d *decoded) Origin(within block.Extent) []block.Run {
	return []block.Run{{Logical: within.Offset, Length: within.Length, Kind: block.Lost}}
}

// extent returns the decoded bytes of unit i.
func (d *decoded) extent(i int64) block.Extent {
	return block.Between(i*d.u.Unit, min((i+1)*d.u.Unit, d.u.Size))
}

// Unreadable returns the units inside within of which a stored byte is known to be unreadable.
func (d *decoded) Unreadable(within block.Extent) []block.Unreadable {
	within = within.Intersect(block.Extent{Length: d.u.Size})
	if within.Length == 0 {
		return nil
	}
	var out []block.Unreadable
	for i := within.Offset / d.u.Unit; i*d.u.Unit < within.End(); i++ {
		at, err := d.u.Place(i)
		why := block.Absent
		if err == nil {
			u := block.UnreadableIn(d.encoded, at)
			if len(u) == 0 {
				continue
			}
			why, err = u[0].Why, u[0].Err
		}
		out = append(out, block.Unreadable{Extent: d.extent(i).Intersect(within), Why: why, Err: err})
	}
	return out
}

// ReadAt decodes the units that p touches.
func (d *decoded) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, block.ErrNegativeOffset
	}
	n := 0
	for n < len(p) {
		at := off + int64(n)
		if at >= d.u.Size {
			return n, io.EOF
		}
		i := at / d.u.Unit
		b, err := d.unit(i)
		if err != nil {
			return n, err
		}
		n += copy(p[n:], b[at-i*d.u.Unit:])
	}
	return n, nil
}

// unit returns the decoded bytes of unit i.
func (d *decoded) unit(i int64) ([]byte, error) {
	d.mu.Lock()
	for k, u := range d.kept {
		if u.i == i {
			copy(d.kept[k:], d.kept[k+1:])
			d.kept[len(d.kept)-1] = u
			d.mu.Unlock()
			return u.p, nil
		}
	}
	var stored []byte
	if n := len(d.free); n > 0 {
		stored, d.free = d.free[n-1], d.free[:n-1]
	}
	d.mu.Unlock()
	p, stored, err := d.decode(i, stored)
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.free) < keptUnits {
		d.free = append(d.free, stored)
	}
	if err != nil {
		return nil, err
	}
	if len(d.kept) == keptUnits {
		copy(d.kept, d.kept[1:])
		d.kept = d.kept[:keptUnits-1]
	}
	d.kept = append(d.kept, unit{i, p})
	return p, nil
}

// decode reads and decodes unit i. It returns the buffer that it read into.
func (d *decoded) decode(i int64, buf []byte) (p, stored []byte, err error) {
	whole := d.extent(i)
	lost := func(why block.Why, err error) error {
		return block.NewUnreadable(whole, why, fmt.Errorf("unit %d of an encoded stream: %w", i, err))
	}
	at, err := d.u.Place(i)
	if err == nil && (!at.Valid() || at.Length > d.u.MaxEncoded || at.End() > d.encoded.Size()) {
		err = cursor.Corrupt("place of an encoded unit", at.Offset,
			fmt.Sprintf("at most %d bytes inside of %d", d.u.MaxEncoded, d.encoded.Size()), at)
	}
	if err != nil {
		return nil, buf, lost(block.Absent, err)
	}
	if int64(cap(buf)) < at.Length {
		buf = make([]byte, at.Length)
	}
	buf = buf[:at.Length]
	if n, err := d.encoded.ReadAt(buf, at.Offset); n < len(buf) {
		if u, ok := block.IsUnreadable(err); ok && len(u.Ranges) > 0 {
			return nil, buf, lost(u.Ranges[0].Why, err)
		}
		if errors.Is(err, io.EOF) {
			return nil, buf, lost(block.Absent, err)
		}
		return nil, buf, err
	}
	p = make([]byte, whole.Length)
	if err := d.u.Decode(i, p, buf); err != nil {
		return nil, buf, lost(block.Absent, err)
	}
	return p, buf, nil
}
