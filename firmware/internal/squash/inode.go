package squash

import (
	"fmt"

	"salvor/cursor"
)

// Kind says what a file is.
type Kind uint8

// The kinds of files, by the numbers of squashfs.
const (
	Directory Kind = iota + 1
	Regular
	Symlink
	BlockDevice
	CharDevice
	FIFO
	Socket
)

const (
	extended   = 7 // what the number of an extended inode's type is larger by
	packedBit  = 1 << 24
	maxTarget  = 65536
	commonSize = 16
	maxBlocks  = 8 << 20 // of one file
)

// inode is one of any kind.
type inode struct {
	kind   Kind
	mode   uint16
	number uint32
	size   int64
	target string
	// of files
	start    int64
	fragment uint32
	fragOff  uint32
	blocks   []byte // words of four bytes, one for each block
	// of directories
	dirBlock  uint32
	dirOffset uint16
}

// readInode reads the next inode of a chain.
func (f *FS) readInode(c *chain) (*inode, error) {
	p, err := c.bytes(commonSize)
	if err != nil {
		return nil, err
	}
	n := &inode{mode: le.Uint16(p[2:]), number: le.Uint32(p[12:])}
	kind := le.Uint16(p)
	if kind == 0 || kind > 14 {
		return nil, cursor.Corrupt("squashfs: "+c.what, c.here, "an inode of type 1 to 14", kind)
	}
	ext := kind > extended
	n.kind = Kind(kind)
	if ext {
		n.kind -= extended
	}
	switch n.kind {
	case Directory:
		return n, f.readDirInode(c, n, ext)
	case Regular:
		return n, f.readFileInode(c, n, ext)
	case Symlink:
		if p, err = c.bytes(8); err != nil {
			return nil, err
		}
		size := le.Uint32(p[4:])
		if size > maxTarget {
			return nil, cursor.Corrupt("squashfs: "+c.what, c.here, fmt.Sprintf("a link of at most %d bytes", maxTarget), size)
		}
		if p, err = c.bytes(int(size)); err != nil {
			return nil, err
		}
		n.target, n.size = string(p), int64(size)
		if ext {
			_, err = c.bytes(4)
		}
		return n, err
	}
	rest := 8
	if n.kind >= FIFO {
		rest = 4
	}
	if ext {
		rest += 4
	}
	_, err = c.bytes(rest)
	return n, err
}

func (f *FS) readDirInode(c *chain, n *inode, ext bool) error {
	if !ext {
		p, err := c.bytes(16)
		if err != nil {
			return err
		}
		n.dirBlock, n.size, n.dirOffset = le.Uint32(p), int64(le.Uint16(p[8:])), le.Uint16(p[10:])
		return nil
	}
	p, err := c.bytes(24)
	if err != nil {
		return err
	}
	n.size, n.dirBlock, n.dirOffset = int64(le.Uint32(p[4:])), le.Uint32(p[8:]), le.Uint16(p[18:])
	for range le.Uint16(p[16:]) {
		if p, err = c.bytes(12); err != nil {
			return err
		}
		size := le.Uint32(p[8:])
		if size >= 256 {
			return cursor.Corrupt("squashfs: "+c.what, c.here, "a name of at most 256 bytes in a directory's index", size)
		}
		if _, err = c.bytes(int(size) + 1); err != nil {
			return err
		}
	}
	return nil
}

func (f *FS) readFileInode(c *chain, n *inode, ext bool) error {
	head := 16
	if ext {
		head = 40
	}
	p, err := c.bytes(head)
	if err != nil {
		return err
	}
	var start, size uint64
	if ext {
		start, size = le.Uint64(p), le.Uint64(p[8:])
		n.fragment, n.fragOff = le.Uint32(p[28:]), le.Uint32(p[32:])
	} else {
		start, size = uint64(le.Uint32(p)), uint64(le.Uint32(p[12:]))
		n.fragment, n.fragOff = le.Uint32(p[4:]), le.Uint32(p[8:])
	}
	if size > 1<<48 || start > uint64(f.Used) {
		return cursor.Corrupt("squashfs: "+c.what, c.here, "a file inside of the image", fmt.Sprintf("%d bytes from %d on", size, start))
	}
	n.start, n.size = int64(start), int64(size)
	count := n.size / f.BlockSize
	if n.fragment == none32 && n.size%f.BlockSize != 0 {
		count++
	}
	if count > maxBlocks {
		return cursor.Corrupt("squashfs: "+c.what, c.here, fmt.Sprintf("at most %d blocks", maxBlocks), count)
	}
	for left := count * 4; left > 0; {
		k := min(left, 1<<20)
		if p, err = c.bytes(int(k)); err != nil {
			return err
		}
		if left -= k; n.blocks == nil && left == 0 {
			n.blocks = p
		} else {
			n.blocks = append(n.blocks, p...)
		}
	}
	return nil
}

// inodeAt reads the inode of a reference: its block, counted from the start of the table, and its place in there.
func (f *FS) inodeAt(ref uint64) (*inode, error) {
	at, off := ref>>16, int(ref&0xFFFF)
	if at >= f.dirTable-f.inodeTable {
		return nil, cursor.Corrupt("squashfs: inode table", int64(f.inodeTable), "a block inside of the table", at)
	}
	c, err := f.chainAt("inode table", int64(f.inodeTable+at), off)
	if err != nil {
		return nil, err
	}
	return f.readInode(c)
}
