package dmg

import (
	"bytes"
	"fmt"

	"salvor/block"
	"salvor/cursor"
)

const (
	sector      = 512
	trailerSize = 512
	maxList     = 64 << 20 // bytes of the list: a million chunks
)

// magic begins the trailer: its name, version 4, its size.
var magic = []byte("koly\x00\x00\x00\x04\x00\x00\x02\x00")

// trailer says where the parts of an image stand.
type trailer struct {
	data      block.Extent // what chunks count from
	resources block.Extent
	list      block.Extent
	segments  uint32
	sectors   int64
}

func parseTrailer(b []byte, off int64) (*trailer, error) {
	if !bytes.HasPrefix(b, magic) {
		return nil, cursor.ErrNot
	}
	c := cursor.New("dmg: trailer", off, b)
	c.Skip(24)
	extent := func() block.Extent { return block.Extent{Offset: int64(c.Uint64BE()), Length: int64(c.Uint64BE())} }
	t := &trailer{data: extent(), resources: extent()}
	c.Skip(4)
	t.segments = c.Uint32BE()
	c.Seek(216)
	t.list = extent()
	c.Seek(492)
	t.sectors = int64(c.Uint64BE())
	if err := c.Err(); err != nil {
		return nil, err
	}
	if !t.data.Valid() || t.sectors <= 0 || t.sectors > 1<<45 {
		return nil, cursor.Corrupt("dmg: trailer", off, "a size that can be", fmt.Sprintf("%d sectors", t.sectors))
	}
	return t, nil
}

// Kinds of chunks.
const (
	zero    = 0
	raw     = 1
	unused  = 2
	comment = 0x7ffffffe
	adc     = 0x80000004
	deflate = 0x80000005
	bzip    = 0x80000006
	apple   = 0x80000007
	lzma    = 0x80000008
	end     = 0xffffffff
)

// chunk is a piece of the disk. Its first sector and its place are those of the disk and of the file.
type chunk struct {
	kind           uint32
	first, sectors int64
	at, size       int64
}

func (c chunk) extent() block.Extent {
	return block.Extent{Offset: c.first * sector, Length: c.sectors * sector}
}

// table is that of a part of the disk.
type table struct {
	name   string
	chunks []chunk
	sum    uint32
	hasSum bool
}

// parseTable reads a table ("mish"). data is where the chunks count from. Of one that breaks off, or holds a chunk that
// cannot be, the good chunks are returned beside the error.
func parseTable(b []byte, name string, data int64) (*table, error) {
	c := cursor.New("dmg: table", -1, b)
	if string(c.Bytes(4)) != "mish" {
		return nil, cursor.Corrupt("dmg: table", -1, "mish", fmt.Sprintf("%q", b[:min(4, len(b))]))
	}
	c.Skip(4)
	t := &table{name: name}
	start := int64(c.Uint64BE())
	c.Skip(8)
	data += int64(c.Uint64BE())
	c.Skip(4 + 4 + 24)
	kind, size := c.Uint32BE(), c.Uint32BE()
	t.sum = c.Uint32BE()
	t.hasSum = kind == 2 && size == 32
	c.Skip(124)
	n := c.Uint32BE()
	if err := c.Err(); err != nil {
		return t, err
	}
	var wrong error
	for i := range n {
		x := chunk{kind: c.Uint32BE()}
		c.Skip(4)
		x.first, x.sectors = int64(c.Uint64BE()), int64(c.Uint64BE())
		x.at, x.size = int64(c.Uint64BE()), int64(c.Uint64BE())
		if err := c.Err(); err != nil {
			return t, err
		}
		if x.kind == end {
			break
		}
		if x.kind == comment || x.sectors == 0 {
			continue
		}
		const limit = 1 << 45
		if start < 0 || start > limit || x.first < 0 || x.first > limit || x.sectors < 0 || x.sectors > limit || x.at < 0 || x.at > 1<<60 || x.size < 0 || data < 0 || data > 1<<60 {
			wrong = cursor.Corrupt("dmg: table", -1, "places that can be", fmt.Sprintf("chunk %d at sector %d", i, x.first))
			continue
		}
		x.first += start
		x.at += data
		t.chunks = append(t.chunks, x)
	}
	return t, wrong
}
