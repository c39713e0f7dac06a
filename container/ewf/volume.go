package ewf

import (
	"fmt"
	"hash/adler32"

	"salvor/block"
	"salvor/container/internal/mapped"
	"salvor/cursor"
)

const (
	volumeSize = 1052 // of E01
	smartSize  = 94   // of S01
	guidSize   = 16
)

// volume says what disk an image holds.
type volume struct {
	chunks     int64
	perChunk   int64 // sectors
	sectorSize int64 // bytes
	sectors    int64
	set        [guidSize]byte // the same in all segments of an image; zeros where there is none
}

func (v volume) chunkSize() int64 { return v.perChunk * v.sectorSize }

// size returns the size of the disk in bytes.
func (v volume) size() int64 { return v.sectors * v.sectorSize }

// parseVolume reads the content of a volume, disk or data section.
func parseVolume(b []byte, off int64) (volume, error) {
	if len(b) >= volumeSize {
		b = b[:volumeSize]
	} else if len(b) >= smartSize {
		b = b[:smartSize]
	}
	c := cursor.New("ewf: volume", off, b)
	c.Skip(4)
	v := volume{chunks: int64(c.Uint32()), perChunk: int64(c.Uint32()), sectorSize: int64(c.Uint32())}
	if len(b) == volumeSize {
		v.sectors = int64(c.Uint64())
		c.Seek(64)
		copy(v.set[:], c.Bytes(guidSize))
	} else {
		v.sectors = int64(c.Uint32())
	}
	c.Seek(len(b) - 4)
	sum := c.Uint32()
	if err := c.Err(); err != nil {
		return v, err
	}
	bad := func(expected, found any) (volume, error) {
		return v, cursor.Corrupt("ewf: volume", off, expected, found)
	}
	if found := adler32.Checksum(b[:len(b)-4]); found != sum {
		return bad(fmt.Sprintf("the Adler-32 %#x", sum), fmt.Sprintf("%#x", found))
	}
	switch {
	case v.sectorSize < 1 || v.sectorSize > 1<<20 || v.perChunk < 1 || v.perChunk > mapped.MaxUnit/v.sectorSize:
		return bad("chunks of a size that can be", fmt.Sprintf("%d sectors of %d bytes", v.perChunk, v.sectorSize))
	case v.sectors < 0 || v.sectors > (1<<62)/v.sectorSize:
		return bad("a size that can be", v.sectors)
	case v.sectors == 0:
		v.sectors = v.chunks * v.perChunk
	case v.chunks != (v.sectors+v.perChunk-1)/v.perChunk:
		v.chunks = (v.sectors + v.perChunk - 1) / v.perChunk // the sectors say how large the disk is
	}
	if v.sectors == 0 {
		return bad("sectors", 0)
	}
	return v, nil
}

// maxBad bounds the entries of an error2 section.
const maxBad = 1 << 20

// parseErrors reads the content of an error2 section: the ranges that could not be read, as bytes of the disk. Of a list
// that is cut or does not fit its check nothing is taken, since a wrong entry would hide what can be read.
func parseErrors(b []byte, off, sectorSize int64) (block.Set, error) {
	var out block.Set
	c := cursor.New("ewf: error2", off, b)
	n := int64(c.Uint32())
	c.Seek(516)
	head := c.Uint32()
	if c.Err() == nil && head != adler32.Checksum(b[:516]) {
		return out, cursor.Corrupt("ewf: error2", off, "an Adler-32 that fits", fmt.Sprintf("%#x", head))
	}
	if n > maxBad {
		return out, cursor.Corrupt("ewf: error2", off, fmt.Sprintf("at most %d entries", maxBad), n)
	}
	list := c.Bytes(int(n) * 8)
	sum := c.Uint32()
	if err := c.Err(); err != nil {
		return out, err
	}
	if sum != adler32.Checksum(list) {
		return out, cursor.Corrupt("ewf: error2", off, "an Adler-32 that fits", fmt.Sprintf("%#x", sum))
	}
	entries := cursor.New("ewf: error2", off+520, list)
	extents := make([]block.Extent, 0, n)
	for range n {
		first, count := int64(entries.Uint32()), int64(entries.Uint32())
		extents = append(extents, block.Extent{Offset: first * sectorSize, Length: count * sectorSize})
	}
	return block.SetOf(extents...), nil
}
