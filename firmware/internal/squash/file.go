package squash

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"salvor/block"
	"salvor/cursor"
)

// kept is how many blocks of a file stay unpacked.
const kept = 2

// Content returns the bytes of a regular file. Blocks are decompressed as they are asked for. It is safe for concurrent
// use, as all sources are; a file that is no regular one is empty.
func (f *FS) Content(file File) block.Source {
	c := &content{f: f, node: file.node, path: file.Path}
	if file.node == nil || file.node.kind != Regular {
		c.node = &inode{}
		return c
	}
	// Where a block stands follows from the sizes of those before it.
	at := c.node.start
	for p := c.node.blocks; len(p) >= 4; p = p[4:] {
		c.at = append(c.at, at)
		at += int64(le.Uint32(p) &^ packedBit)
	}
	return c
}

type content struct {
	f    *FS
	node *inode
	path string
	at   []int64
	mu   sync.Mutex
	kept [kept]struct {
		number int64 // and one, so that the zero value is none
		data   []byte
	}
	next int
}

func (c *content) Size() int64 { return c.node.size }

func (c *content) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, block.ErrNegativeOffset
	}
	n := 0
	for n < len(p) {
		at := off + int64(n)
		if at >= c.node.size {
			return n, io.EOF
		}
		i := at / c.f.BlockSize
		data, err := c.block(i)
		if err != nil {
			e := block.Between(i*c.f.BlockSize, min((i+1)*c.f.BlockSize, c.node.size))
			return n, block.NewUnreadable(e, block.Absent, fmt.Errorf("%s: %w", c.path, err))
		}
		n += copy(p[n:], data[at-i*c.f.BlockSize:])
	}
	return n, nil
}

// block returns the content of one block of the file.
func (c *content) block(i int64) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.kept {
		if k.number == i+1 {
			return k.data, nil
		}
	}
	data, err := c.read(i)
	if err != nil {
		return nil, err
	}
	k := &c.kept[c.next]
	k.number, k.data = i+1, data
	c.next = (c.next + 1) % kept
	return data, nil
}

func (c *content) read(i int64) ([]byte, error) {
	want := min(c.f.BlockSize, c.node.size-i*c.f.BlockSize)
	if i < int64(len(c.at)) {
		word := le.Uint32(c.node.blocks[4*i:])
		if word&^packedBit == 0 {
			return make([]byte, want), nil // a hole
		}
		data, _, err := c.f.dataBlock(c.at[i], word, nil)
		if err != nil {
			return nil, err
		}
		if int64(len(data)) != want {
			return nil, cursor.Corrupt("squashfs: data block", c.at[i], fmt.Sprintf("%d bytes of content", want), len(data))
		}
		return data, nil
	}
	if c.f.broken != nil {
		return nil, c.f.broken
	}
	if int64(c.node.fragment) >= int64(len(c.f.frags)) {
		return nil, cursor.Corrupt("squashfs: inode", -1, fmt.Sprintf("a fragment below %d", len(c.f.frags)), c.node.fragment)
	}
	g := c.f.frags[c.node.fragment]
	data, _, err := c.f.dataBlock(g.at, g.word, nil)
	if err != nil {
		return nil, err
	}
	if off := int64(c.node.fragOff); off+want <= int64(len(data)) {
		return data[off : off+want : off+want], nil
	}
	return nil, cursor.Corrupt("squashfs: fragment", g.at, fmt.Sprintf("%d bytes from %d on", want, c.node.fragOff), fmt.Sprintf("%d bytes", len(data)))
}

// dataBlock reads the block at the place at, whose word holds its size and whether it is packed. It says whether a sum
// over the content was checked. dst is used where it is large enough.
func (f *FS) dataBlock(at int64, word uint32, dst []byte) ([]byte, bool, error) {
	size := int64(word &^ packedBit)
	if at < SuperSize || size <= 0 || size > f.BlockSize || at+size > f.Used {
		return nil, false, cursor.Corrupt("squashfs: data block", at, fmt.Sprintf("a block of up to %d bytes before %d", f.BlockSize, f.Used), fmt.Sprintf("%d bytes", size))
	}
	raw, err := cursor.Read(f.src, "squashfs: data block", at, size, f.BlockSize)
	if err != nil || word&packedBit != 0 {
		return raw, false, err
	}
	out, err := f.packed.unpack(raw, dst, int(f.BlockSize))
	if err != nil {
		return nil, false, cursor.Corrupt("squashfs: data block", at, "a block of "+f.Compression, err)
	}
	return out, f.packed.summed(raw), nil
}

// Unreadable reports whether err says that the medium could not be read, and not that the image is broken.
func Unreadable(err error) bool {
	_, broken := cursor.IsCorrupt(err)
	return err != nil && !broken && !errors.Is(err, cursor.ErrNot)
}
