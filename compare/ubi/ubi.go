package ubi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"salvor/block"
	"salvor/cursor"
)

const (
	headerSize  = 64
	layoutID    = 0x7FFFEFFF
	recordSize  = 172
	maxVolumes  = 128
	maxBlocks   = 1 << 20
	leastErase  = 2 << 10
	mostErase   = 8 << 20
	maxNameSize = 127
)

// Volume is a volume of an image.
type Volume struct {
	ID   int
	Name string // hostile text
	// Updating is UBI's own marker: an update of the volume was begun and not ended.
	Updating bool
	// Static volumes have sums over their blocks, which Damaged counts those that fail of.
	Static  bool
	Damaged int
	Blocks  int // that stand on the flash
	// BlockSize is what of an erase block is the volume's, in bytes.
	BlockSize int64
	Source    block.Source
}

// Image is what was attached.
type Image struct {
	EraseSize int64
	Volumes   []Volume
	// Bad are erase blocks that could not be read.
	Bad []block.Extent

	src      block.Source
	first    eraseHeader
	free     []int64 // erase blocks with the first header and nothing else
	blank    []int64 // erase blocks that begin as erased ones
	sequence uint64  // the highest of all blocks
	tables   []int64 // where the copies of the table stand
}

// eraseHeader is the first header of an erase block.
type eraseHeader struct {
	second, data int64
	image        uint32
}

// sum is UBI's CRC-32.
func sum(b []byte) uint32 { return ^crc32.ChecksumIEEE(b) }

func parseErase(b []byte, base int64) (h eraseHeader, err error) {
	c := cursor.New("UBI: erase counter header", base, b)
	if string(c.Bytes(4)) != "UBI#" {
		return h, cursor.ErrNot
	}
	if v := c.Uint8(); v != 1 {
		return h, cursor.Corrupt("UBI: version", base+4, 1, v)
	}
	c.Skip(11)
	h.second, h.data, h.image = int64(c.Uint32BE()), int64(c.Uint32BE()), c.Uint32BE()
	c.Seek(60)
	want := c.Uint32BE()
	if c.Err() != nil {
		return h, c.Err()
	}
	if got := sum(b[:60]); got != want {
		return h, cursor.Corrupt("UBI: CRC of the erase counter header", base+60, want, got)
	}
	return h, nil
}

// volumeHeader is the second header.
type volumeHeader struct {
	static, copied                           bool
	volume, number, size, used, pad, dataSum uint32
	sequence                                 uint64
}

func parseVolume(b []byte, base int64) (h volumeHeader, err error) {
	c := cursor.New("UBI: volume header", base, b)
	if string(c.Bytes(4)) != "UBI!" {
		return h, cursor.ErrNot
	}
	if v := c.Uint8(); v != 1 {
		return h, cursor.Corrupt("UBI: version", base+4, 1, v)
	}
	h.static, h.copied = c.Uint8() == 2, c.Uint8() == 1
	c.Skip(1)
	h.volume, h.number = c.Uint32BE(), c.Uint32BE()
	c.Skip(4)
	h.size, h.used, h.pad, h.dataSum = c.Uint32BE(), c.Uint32BE(), c.Uint32BE(), c.Uint32BE()
	c.Skip(4)
	h.sequence = c.Uint64BE()
	c.Seek(60)
	want := c.Uint32BE()
	if c.Err() != nil {
		return h, c.Err()
	}
	if got := sum(b[:60]); got != want {
		return h, cursor.Corrupt("UBI: CRC of the volume header", base+60, want, got)
	}
	return h, nil
}

// record is a row of the table of volumes.
type record struct {
	reserved, pad    uint32
	static, updating bool
	name             string
}

// parseRecord decodes a row; a row of nothing, which an empty place has, is cursor.ErrNot.
func parseRecord(b []byte, base int64) (r record, err error) {
	c := cursor.New("UBI: volume table record", base, b)
	r.reserved = c.Uint32BE()
	c.Skip(4)
	r.pad = c.Uint32BE()
	r.static, r.updating = c.Uint8() == 2, c.Uint8() == 1
	n := int(c.Uint16BE())
	if n > maxNameSize {
		return r, cursor.Corrupt("UBI: length of a volume's name", base+14, maxNameSize, n)
	}
	name := c.Bytes(128)
	c.Skip(24)
	want := c.Uint32BE()
	if c.Err() != nil {
		return r, c.Err()
	}
	if got := sum(b[:168]); got != want {
		return r, cursor.Corrupt("UBI: CRC of a volume table record", base+168, want, got)
	}
	r.name = string(name[:n])
	if r.reserved == 0 {
		return r, cursor.ErrNot
	}
	return r, nil
}

// standing is where a block of a volume stands.
type standing struct {
	header volumeHeader
	at     int64 // of its data
}

// Attach reads the headers of all erase blocks of src, which begins with one. Bytes without UBI are cursor.ErrNot.
func Attach(ctx context.Context, src block.Source) (*Image, error) {
	first, erase, err := eraseSize(src)
	if err != nil {
		return nil, err
	}
	img := &Image{EraseSize: erase, src: src, first: first}
	if src.Size()/erase > maxBlocks {
		return nil, cursor.Corrupt("UBI: erase blocks", 0, fmt.Sprintf("at most %d", maxBlocks), src.Size()/erase)
	}
	volumes := map[uint32]map[uint32]standing{}
	for at := int64(0); at+erase <= src.Size(); at += erase {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b := make([]byte, headerSize)
		if n, err := src.ReadAt(b, at); n < len(b) {
			if _, lost := block.IsUnreadable(err); !lost {
				return nil, fmt.Errorf("ubi: %w", err)
			}
			img.Bad = append(img.Bad, block.Extent{Offset: at, Length: erase})
			continue
		}
		h, err := parseErase(b, at)
		if err != nil && len(bytes.Trim(b, "\xff")) == 0 {
			img.blank = append(img.blank, at)
		}
		if err != nil || h.image != first.image || h.second > erase-headerSize || h.data > erase {
			continue // erased, of another image, or torn: its bytes are no volume's
		}
		if n, _ := src.ReadAt(b, at+h.second); n < len(b) {
			img.Bad = append(img.Bad, block.Extent{Offset: at, Length: erase})
			continue
		}
		v, err := parseVolume(b, at+h.second)
		if err != nil && len(bytes.Trim(b, "\xff")) == 0 && h.second == first.second && h.data == first.data {
			img.free = append(img.free, at)
		}
		if err == nil {
			img.sequence = max(img.sequence, v.sequence)
		}
		if err != nil || int64(v.number) > src.Size()/erase {
			continue
		}
		if volumes[v.volume] == nil {
			if len(volumes) > 2*maxVolumes {
				continue
			}
			volumes[v.volume] = map[uint32]standing{}
		}
		next := standing{v, at + h.data}
		if old, ok := volumes[v.volume][v.number]; ok && !newer(src, old, next, erase-h.data) {
			continue
		}
		volumes[v.volume][v.number] = next
	}
	img.name(src, first, volumes)
	return img, nil
}

// eraseSize finds the distance of two headers.
func eraseSize(src block.Source) (h eraseHeader, size int64, err error) {
	read := func(at int64) (eraseHeader, error) {
		b, err := cursor.Read(src, "UBI: erase counter header", at, headerSize, headerSize)
		if err != nil {
			return eraseHeader{}, err
		}
		return parseErase(b, at)
	}
	if h, err = read(0); err != nil {
		return h, 0, err
	}
	mine := func(at, size int64) bool {
		o, err := read(at)
		return err == nil && o.image == h.image && size > h.data
	}
	for size = leastErase; size <= min(mostErase, src.Size()/2); size *= 2 {
		if !mine(size, size) {
			continue
		}
		// A bad block may stand where the second one should: then those behind it tell.
		for half := size / 2; half > h.data && (mine(3*half, half) || mine(5*half, half)); half /= 2 {
			size = half
		}
		return h, size, nil
	}
	return h, 0, cursor.Corrupt("UBI: second erase block", 0, "a header behind the first one", "none")
}

// newer reports whether next is to be taken in the place of old.
func newer(src block.Source, old, next standing, room int64) bool {
	if next.header.sequence < old.header.sequence {
		return !newer(src, next, old, room)
	}
	if !next.header.copied {
		return true
	}
	return whole(src, next, room)
}

// whole computes the sum over the data of a block.
func whole(src block.Source, s standing, room int64) bool {
	if int64(s.header.size) > room {
		return false
	}
	b := make([]byte, s.header.size)
	n, _ := src.ReadAt(b, s.at) // what is missing fails the sum
	return n == len(b) && sum(b) == s.header.dataSum
}

// name makes volumes of the blocks, with what the table says of them.
func (img *Image) name(src block.Source, first eraseHeader, volumes map[uint32]map[uint32]standing) {
	room := img.EraseSize - first.data
	records := map[uint32]record{}
	for _, copied := range []uint32{0, 1} {
		at, ok := volumes[layoutID][copied]
		if !ok {
			continue
		}
		img.tables = append(img.tables, at.at)
		for id := range uint32(min(maxVolumes, room/recordSize)) {
			b := make([]byte, recordSize)
			if n, _ := src.ReadAt(b, at.at+int64(id)*recordSize); n < len(b) {
				break
			}
			if r, err := parseRecord(b, at.at+int64(id)*recordSize); err == nil && records[id].reserved == 0 {
				records[id] = r
			}
		}
	}
	for id := range uint32(maxVolumes) {
		r, listed := records[id]
		blocks := volumes[id]
		if !listed && len(blocks) == 0 {
			continue
		}
		if !listed {
			r.name = fmt.Sprintf("volume %d", id)
			for n, s := range blocks {
				r.reserved, r.pad, r.static = max(r.reserved, n+1), s.header.pad, s.header.static
			}
		}
		if int64(r.reserved) > maxBlocks || int64(r.pad) >= room {
			continue
		}
		v := Volume{ID: int(id), Name: r.name, Updating: r.updating, Static: r.static, BlockSize: room - int64(r.pad), Blocks: len(blocks)}
		size := int64(r.reserved) * v.BlockSize
		if r.static {
			size = 0 // what is used of it, as its blocks say
		}
		m := &mapped{src: src, size: size, unit: v.BlockSize, at: map[int64]int64{}}
		for n, s := range blocks {
			m.at[int64(n)] = s.at
			if r.static {
				m.size = max(m.size, int64(n)*v.BlockSize+min(int64(s.header.size), v.BlockSize))
				if !whole(src, s, room) {
					v.Damaged++
				}
			}
		}
		v.Source = m
		img.Volumes = append(img.Volumes, v)
	}
}

// mapped is a volume's bytes.
type mapped struct {
	src        block.Source
	size, unit int64
	at         map[int64]int64 // block of the volume to the place of its data
}

func (m *mapped) Size() int64 { return m.size }

func (m *mapped) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, block.ErrNegativeOffset
	}
	end := error(nil)
	if left := max(0, m.size-off); int64(len(p)) > left {
		p, end = p[:left], io.EOF
	}
	done := 0
	for done < len(p) {
		at := off + int64(done)
		q := p[done:min(int64(len(p)), int64(done)+m.unit-at%m.unit)]
		place, ok := m.at[at/m.unit]
		if !ok {
			copy(q, bytes.Repeat([]byte{0xFF}, len(q)))
			done += len(q)
			continue
		}
		n, err := m.src.ReadAt(q, place+at%m.unit)
		done += n
		if n < len(q) {
			return done, m.shift(err, at-at%m.unit-place, at+int64(n))
		}
	}
	return done, end
}

// shift carries an error to places of the volume.
func (m *mapped) shift(err error, by, at int64) error {
	u, ok := block.IsUnreadable(err)
	if !ok {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return block.NewUnreadable(block.Extent{Offset: at, Length: 1}, block.Absent, err)
	}
	whole := block.Extent{Offset: at / m.unit * m.unit, Length: m.unit}
	out := &block.UnreadableError{}
	for _, r := range u.Ranges {
		if e := r.Shift(by).Intersect(whole); e.Length > 0 {
			out.Ranges = append(out.Ranges, block.Unreadable{Extent: e, Why: r.Why, Err: r.Err})
		}
	}
	return out
}

// Unreadable returns what is known of the blocks below to be lost.
func (m *mapped) Unreadable(within block.Extent) (out []block.Unreadable) {
	for n := within.Offset / m.unit; n*m.unit < within.End(); n++ {
		place, ok := m.at[n]
		if !ok {
			continue
		}
		e := block.Extent{Offset: n * m.unit, Length: m.unit}.Intersect(within)
		for _, u := range block.UnreadableIn(m.src, e.Shift(place-n*m.unit)) {
			u.Extent = u.Shift(n*m.unit - place)
			out = append(out, u)
		}
	}
	return out
}

// Origin leads to the flash; blocks that stand nowhere are zero runs to it, since no byte of the flash is read for them.
func (m *mapped) Origin(within block.Extent) (out []block.Run) {
	within = within.Intersect(block.Extent{Length: m.size})
	for at := within.Offset; at < within.End(); {
		n := min(within.End()-at, m.unit-at%m.unit)
		if place, ok := m.at[at/m.unit]; ok {
			for _, r := range block.Origin(m.src, block.Extent{Offset: place + at%m.unit, Length: n}) {
				r.Logical += at - place - at%m.unit
				out = append(out, r)
			}
		} else {
			out = append(out, block.Run{Logical: at, Length: n, Kind: block.Zero})
		}
		at += n
	}
	return slices.Clip(out)
}
