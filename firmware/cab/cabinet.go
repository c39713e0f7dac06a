package cab

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"

	"salvor/block"
	"salvor/cursor"
)

const (
	headerSize = 36
	fileSize   = 16 // without the name
	// maxLists is the most that header, folders and files take, in bytes.
	maxLists = 4 << 20
)

// The ways of packing.
const (
	packedNot     = 0
	packedMSZIP   = 1
	packedQuantum = 2
	packedLZX     = 3
)

// cabinet is one, by its lists.
type cabinet struct {
	size     int64
	filesAt  int64
	flags    uint16
	perBlock int // bytes of reserved room
	folders  []folder
	files    []file
	lists    block.Extent
	unused   block.Set
	certain  bool // the lists were read to their ends
}

type folder struct {
	start  int64
	blocks int
	kind   uint16
	at     int64 // of its entry
}

type file struct {
	name      string
	size, off int64
	folder    int
	entry     block.Extent
	nameAt    block.Extent
}

func parseHeader(p []byte) (*cursor.Cursor, *cabinet, error) {
	c := cursor.New("cabinet: header", 0, p)
	if !bytes.Equal(c.Bytes(4), []byte("MSCF")) {
		return nil, nil, cursor.ErrNot
	}
	zero := c.Uint32()
	k := &cabinet{size: int64(c.Uint32())}
	zero |= c.Uint32()
	k.filesAt = int64(c.Uint32())
	zero |= c.Uint32()
	version := c.Uint16()
	folders, files := int(c.Uint16()), int(c.Uint16())
	k.flags = c.Uint16()
	if err := c.Err(); err != nil {
		return nil, nil, err
	}
	if zero != 0 || version != 0x0103 || folders == 0 || k.filesAt < headerSize+8 || k.filesAt > maxLists || k.size <= k.filesAt || k.flags&^7 != 0 {
		return nil, nil, cursor.ErrNot
	}
	k.folders, k.files = make([]folder, folders), make([]file, files)
	return c, k, nil
}

// read reads the lists of a cabinet, as far as they are there. The error is the first thing that cannot be.
func read(src block.Source) (*cabinet, error) {
	head, err := cursor.Read(src, "cabinet: header", 0, headerSize, headerSize)
	if err != nil {
		return nil, err
	}
	if _, k, err := parseHeader(head); err != nil {
		return k, err
	}
	p, err := cursor.Read(src, "cabinet: lists", 0, min(src.Size(), maxLists), maxLists)
	if err != nil {
		return nil, err
	}
	c, k, err := parseHeader(p)
	if err != nil {
		return nil, err
	}
	k.unused.Add(block.Extent{Offset: 32, Length: 4}) // the set and the number in it
	c.Skip(4)
	perFolder := 0
	if k.flags&4 != 0 {
		n := int(c.Uint16())
		perFolder, k.perBlock = int(c.Uint8()), int(c.Uint8())
		k.unused.Add(block.Extent{Offset: c.Offset(), Length: int64(n)})
		c.Skip(n)
	}
	for _, bit := range []uint16{1, 2} { // a cabinet and a disk each
		if k.flags&bit != 0 {
			from := c.Offset()
			text(c)
			text(c)
			k.unused.Add(block.Between(from, c.Offset()))
		}
	}
	for i := range k.folders {
		f := &k.folders[i]
		f.at = c.Offset()
		f.start, f.blocks, f.kind = int64(c.Uint32()), int(c.Uint16()), c.Uint16()
		k.unused.Add(block.Extent{Offset: c.Offset(), Length: int64(perFolder)})
		c.Skip(perFolder)
	}
	if err := c.Err(); err != nil {
		return k, err
	}
	if c.Offset() != k.filesAt {
		return k, cursor.Corrupt("cabinet: header", 16, fmt.Sprintf("files at %d, behind the folders", c.Offset()), k.filesAt)
	}
	for i := range k.files {
		f := &k.files[i]
		from := c.Offset()
		f.size, f.off, f.folder = int64(c.Uint32()), int64(c.Uint32()), int(c.Uint16())
		k.unused.Add(block.Extent{Offset: c.Offset(), Length: 6})
		c.Skip(6)
		at := c.Offset()
		f.name = text(c)
		if err := c.Err(); err != nil {
			k.files = k.files[:i]
			return k, err
		}
		f.entry, f.nameAt = block.Between(from, c.Offset()), block.Between(at, c.Offset()-1)
	}
	k.lists = block.Extent{Length: c.Offset()}
	k.certain = true
	return k, c.Err()
}

// text reads a name up to its 0.
func text(c *cursor.Cursor) string {
	n := bytes.IndexByte(c.Rest(), 0)
	if n < 0 {
		n = c.Len()
	}
	s := string(c.Bytes(n))
	c.Skip(1)
	return s
}

// agree holds the lists against each other: "" when each file stands behind the one before, and folders where they can.
func (k *cabinet) agree() error {
	ends := make([]int64, len(k.folders))
	for i, f := range k.files {
		if f.folder >= 0xFFFD {
			continue // it goes on in another cabinet
		}
		if f.folder >= len(k.folders) {
			return cursor.Corrupt("cabinet: file", f.entry.Offset+8, fmt.Sprintf("one of %d folders", len(k.folders)), f.folder)
		}
		if f.off != ends[f.folder] {
			return cursor.Corrupt(fmt.Sprintf("cabinet: file %d", i), f.entry.Offset+4, fmt.Sprintf("a place of %d in the folder", ends[f.folder]), f.off)
		}
		ends[f.folder] += f.size
	}
	for _, f := range k.folders {
		way := f.kind & 15
		level := f.kind >> 8
		if way > packedLZX || way <= packedMSZIP && f.kind>>4 != 0 || way == packedLZX && (level < 15 || level > 21 || f.kind>>4&15 != 0) || way == packedQuantum && level < 10 {
			return cursor.Corrupt("cabinet: folder", f.at+6, "a way of packing", fmt.Sprintf("0x%04x", f.kind))
		}
		if f.start < k.lists.Length || f.start > k.size {
			return cursor.Corrupt("cabinet: folder", f.at, "data behind the lists", f.start)
		}
	}
	return nil
}

// checksum folds the words of p on top of seed.
func checksum(p []byte, seed uint32) uint32 {
	whole := len(p) &^ 3
	for i := 0; i < whole; i += 4 {
		seed ^= binary.LittleEndian.Uint32(p[i:])
	}
	var rest uint32
	for _, b := range p[whole:] { // what is left, the first byte highest
		rest = rest<<8 | uint32(b)
	}
	return seed ^ rest
}

// blocks calls visit for each block of a folder, with its data and the sizes that it gives, until visit returns false. The
// data is only valid until it returns.
func (k *cabinet) blocks(ctx context.Context, src block.Source, f *folder, visit func(e block.Extent, sum, got uint32, data []byte, unpacked int) bool) error {
	at := f.start
	head := make([]byte, 8+k.perBlock)
	buf := make([]byte, 1<<16)
	for i := range f.blocks {
		if err := ctx.Err(); err != nil {
			return err
		}
		name := fmt.Sprintf("cabinet: block %d", i)
		h, err := cursor.Read(src, name, at, int64(len(head)), int64(len(head)))
		if err != nil {
			return err
		}
		n, unpacked := int(binary.LittleEndian.Uint16(h[4:])), int(binary.LittleEndian.Uint16(h[6:]))
		data := buf[:n]
		if at+int64(len(h)+n) > src.Size() {
			return cursor.Corrupt(name, at, fmt.Sprintf("%d bytes", len(h)+n), "the end of the file")
		}
		if _, err := src.ReadAt(data, at+int64(len(h))); err != nil {
			return err
		}
		e := block.Extent{Offset: at, Length: int64(len(h) + n)}
		if !visit(e, binary.LittleEndian.Uint32(h), checksum(h[4:8], checksum(data, 0)), data, unpacked) {
			return nil
		}
		at = e.End()
	}
	return nil
}
