package squash

import (
	"context"
	"fmt"

	"salvor/cursor"
)

// Bounds of a walk.
const (
	maxEntries = 16 << 20
	maxDirs    = 4 << 20
	maxPath    = 64 << 10
)

// File is one name of a file.
type File struct {
	Path   string // from the root on, "/" between names, without one at the start; hostile text
	Kind   Kind
	Mode   uint16 // permission bits
	Size   int64  // bytes
	Target string // of a symbolic link
	Inode  uint32 // its number: the same for two names of one file
	node   *inode
}

type pending struct {
	path string
	node *inode
}

// Walk calls visit for each file, directories included, until it returns false. What is broken is given to visit with
// its error; its siblings come all the same. The error that Walk returns is that of ctx, or of the root.
func (f *FS) Walk(ctx context.Context, visit func(File, error) bool) error {
	root, err := f.inodeAt(f.root)
	if err != nil {
		return err
	}
	if root.kind != Directory {
		return cursor.Corrupt("squashfs: superblock", 32, "the root to be a directory", fmt.Sprintf("an inode of type %d", root.kind))
	}
	seen := cursor.NewVisited(maxDirs)
	seen.Enter(int64(root.number))
	stack := []pending{{"", root}}
	left := maxEntries
	for len(stack) > 0 {
		d := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		first := len(stack)
		more, err := f.list(ctx, d, &left, func(file File, err error) bool {
			if err == nil && file.Kind == Directory {
				if !seen.Enter(int64(file.Inode)) {
					err = cursor.Corrupt("squashfs: directory "+d.path, -1, "each directory in one place", "a directory that stands in another place too")
				} else {
					stack = append(stack, pending{file.Path, file.node})
				}
			}
			return visit(file, err)
		})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && !visit(File{Path: d.path, Kind: Directory, Inode: d.node.number}, err) || !more {
			return nil
		}
		for i, j := first, len(stack)-1; i < j; i, j = i+1, j-1 {
			stack[i], stack[j] = stack[j], stack[i]
		}
	}
	return nil
}

// list gives the entries of one directory. It returns false when visit wanted no more.
func (f *FS) list(ctx context.Context, d pending, left *int, visit func(File, error) bool) (bool, error) {
	size := d.node.size - 3 // the two names that are not written
	if size <= 0 {
		return true, nil
	}
	name := "directory " + d.path
	if uint64(d.node.dirBlock) >= uint64(f.Used)-f.dirTable {
		return true, cursor.Corrupt("squashfs: "+name, int64(f.dirTable), "a block inside of the table", d.node.dirBlock)
	}
	c, err := f.chainAt("directory table", int64(f.dirTable)+int64(d.node.dirBlock), int(d.node.dirOffset))
	if err != nil {
		return true, err
	}
	for size > 0 {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		p, err := c.bytes(12)
		if err != nil {
			return true, err
		}
		count, start, number := le.Uint32(p), le.Uint32(p[4:]), le.Uint32(p[8:])
		if size -= 12; count >= 256 {
			return true, cursor.Corrupt("squashfs: "+name, c.here, "at most 256 names behind a header", count)
		}
		for range count + 1 {
			if p, err = c.bytes(8); err != nil {
				return true, err
			}
			off, delta, long := le.Uint16(p), int16(le.Uint16(p[2:])), int(le.Uint16(p[6:]))+1
			if size -= int64(8 + long); long > 256 || size < 0 {
				return true, cursor.Corrupt("squashfs: "+name, c.here, "a name of at most 256 bytes inside of the directory", fmt.Sprintf("%d bytes", long))
			}
			entry, err := c.bytes(long)
			if err != nil {
				return true, err
			}
			if *left--; *left < 0 || len(d.path)+long > maxPath {
				return true, cursor.Corrupt("squashfs: "+name, c.here, fmt.Sprintf("at most %d names, paths of at most %d bytes", maxEntries, maxPath), "more")
			}
			file := File{Path: string(entry), Inode: number + uint32(int32(delta))}
			if d.path != "" {
				file.Path = d.path + "/" + file.Path
			}
			n, err := f.inodeAt(uint64(start)<<16 | uint64(off))
			if err == nil && n.number != file.Inode {
				err = cursor.Corrupt("squashfs: "+name, c.here, fmt.Sprintf("inode %d of %q", file.Inode, entry), n.number)
			}
			if err == nil {
				file.Kind, file.Mode, file.Size, file.Target, file.node = n.kind, n.mode&0o7777, n.size, n.target, n
			}
			if !visit(file, err) {
				return false, nil
			}
		}
	}
	return true, nil
}
