package hfsplus

import (
	"context"
	"fmt"

	"salvor/block"
	"salvor/cursor"
	"salvor/mend"
)

// Fields of a volume header that the copy at the end does not follow, in bytes.
const (
	filesAt   = 32
	foldersAt = 36
	freeAt    = 48
	nextAt    = 64
)

// Mend gives back the volume header from its copy before the end of the volume, with counts taken from the catalogue and
// the allocation file, and the copy from the header. Without both the trees are still read; nothing then says where the
// allocation file stands, so that no header is made.
func Mend(ctx context.Context, vol block.Source, _ int64) (mend.List, error) {
	var list mend.List
	fsys, err := Open(ctx, vol)
	if err != nil {
		return list, err
	}
	v := fsys.(*volume)
	if v.searched {
		list.Note("The volume header and its copy are both gone. The files are read by the catalogue; the place of the allocation file stands nowhere else, so that no header is made.")
		return list, nil
	}
	inner := block.Section(vol, block.Between(v.base, vol.Size()))
	end := v.copyPlace(inner)
	if v.h.at == headerAt {
		if other, err := readHeader(inner, end); err == nil && other.blockSize == v.h.blockSize && other.blocks == v.h.blocks {
			return list, nil
		}
		p, err := cursor.Read(inner, "hfsplus: volume header", headerAt, headerSize, headerSize)
		if err != nil {
			return list, err
		}
		if end < headerAt+headerSize || end+headerSize > inner.Size() {
			list.Note("The copy of the volume header belongs behind the end of what is here, at %d.", v.base+end)
			return list, nil
		}
		err = list.Add(vol, "HFS+ volume header, copy", v.base+end, p, "the volume header at its start")
		return list, err
	}
	if grown := v.grown(); grown != "" {
		list.Note("The copy of the volume header is older than the %s, which has grown since: a header made of it would cut that file. The files are read as far as it leads.", grown)
		return list, nil
	}
	p, err := cursor.Read(inner, "hfsplus: copy of the volume header", v.h.at, headerSize, headerSize)
	if err != nil {
		return list, err
	}
	why := []string{fmt.Sprintf("the copy of the volume header at %d, whose trees have the size that their own headers say", v.base+v.h.at)}
	if c, ok := v.count(ctx); ok {
		be.PutUint32(p[filesAt:], c.files)
		be.PutUint32(p[foldersAt:], c.folders)
		be.PutUint32(p[nextAt:], max(c.next, be.Uint32(p[nextAt:])))
		why = append(why, fmt.Sprintf("counted in the catalogue: %d files, %d folders, the next number is %d", c.files, c.folders, c.next))
	}
	if used, known := v.allocation.count(extentDescriptor{0, v.h.blocks}); known {
		be.PutUint32(p[freeAt:], v.h.blocks-used)
		why = append(why, fmt.Sprintf("counted in the allocation file: %d free blocks", v.h.blocks-used))
	}
	err = list.Add(vol, "HFS+ volume header", v.base+headerAt, p, why...)
	return list, err
}

// copyPlace returns where the copy of the header belongs: as far before the end of the partition as the header stands
// behind its start, or before the end of the volume, where that is not the end of the partition.
func (v *volume) copyPlace(inner block.Source) int64 {
	if v.h.at != headerAt {
		return v.h.at
	}
	end := v.h.size()
	if rest := inner.Size() - end; rest > 0 && rest < v.h.blockSize {
		end = inner.Size() / 512 * 512
	}
	return end - headerAt
}

// grown names a tree that is larger, by its own header, than the volume header says; "" when there is none.
func (v *volume) grown() string {
	for _, t := range []struct {
		tree *tree
		f    *fork
	}{{v.catalog, &v.h.catalog}, {v.overflow, &v.h.extents}, {v.attributes, &v.h.attributesFile}} {
		if t.tree == nil {
			continue
		}
		p, err := t.tree.node(0)
		if err != nil {
			return t.tree.name
		}
		if h, err := parseTreeHeader(p, 0); err != nil || int64(h.totalNodes)*h.nodeSize > t.f.size {
			return t.tree.name
		}
	}
	return ""
}

// counts are what a header says of the catalogue.
type counts struct{ files, folders, next uint32 }

// count counts the objects of the catalogue; ok is false when it is not whole.
func (v *volume) count(ctx context.Context) (c counts, ok bool) {
	if v.catalog == nil || !v.catalog.chained || v.catalog.broken > 0 {
		return c, false
	}
	ok = true
	c.next = idFirstUser
	for _, s := range v.catalog.live {
		if ctx.Err() != nil {
			return c, false
		}
		v.catalog.leaf(s.node, func(r record) bool {
			if o, is := parseObject(r); is {
				c.next = max(c.next, o.id+1)
				switch {
				case !o.folder:
					c.files++
				case o.id != idRoot:
					c.folders++
				}
			}
			return true
		}, func(error) { ok = false })
	}
	return c, ok && c.next != 0
}
