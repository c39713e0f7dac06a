package squash

import (
	"context"
	"fmt"
	"sync"

	"salvor/block"
	"salvor/cursor"
)

// unpacked is the bit of a metadata block's size that says that it is not packed.
const unpacked = 0x8000

// metaBlock is one that was read.
type metaBlock struct {
	data   []byte
	next   int64 // where the next one begins
	summed bool  // a sum over the content was checked
}

// meta reads the metadata block at the place at.
func (f *FS) meta(at int64, what string) (*metaBlock, error) {
	if b, ok := f.metas.get(at); ok {
		return b, nil
	}
	b, err := f.readMeta(at, what)
	if err == nil {
		f.metas.put(at, b)
	}
	return b, err
}

func (f *FS) readMeta(at int64, what string) (*metaBlock, error) {
	name := "squashfs: " + what
	if at < SuperSize || at+2 > f.Used {
		return nil, cursor.Corrupt(name, at, fmt.Sprintf("a place up to %d", f.Used), at)
	}
	p, err := cursor.Read(f.src, name, at, 2, 2)
	if err != nil {
		return nil, err
	}
	word := le.Uint16(p)
	size := int64(word &^ unpacked)
	if size == 0 || size > metaSize || at+2+size > f.Used {
		return nil, cursor.Corrupt(name, at, fmt.Sprintf("a block of 1 to %d bytes", metaSize), size)
	}
	raw, err := cursor.Read(f.src, name, at+2, size, metaSize)
	if err != nil {
		return nil, err
	}
	b := &metaBlock{data: raw, next: at + 2 + size}
	if word&unpacked == 0 {
		if b.data, err = f.packed.unpack(raw, nil, metaSize); err != nil {
			return nil, cursor.Corrupt(name, at, "a block of "+f.Compression, err)
		}
		b.summed = f.packed.summed(raw)
	}
	return b, nil
}

// cache keeps the last metadata blocks that were used.
type cache struct {
	mu    sync.Mutex
	limit int
	b     map[int64]*metaBlock
	order []int64
}

func newCache(limit int) *cache { return &cache{limit: limit, b: map[int64]*metaBlock{}} }

func (c *cache) get(at int64) (*metaBlock, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b, ok := c.b[at]
	return b, ok
}

func (c *cache) put(at int64, b *metaBlock) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.b[at]; ok {
		return
	}
	if len(c.order) >= c.limit {
		delete(c.b, c.order[0])
		c.order = append(c.order[:0], c.order[1:]...)
	}
	c.b[at] = b
	c.order = append(c.order, at)
}

// chain reads a table: the content of metadata blocks that stand one behind the other.
type chain struct {
	f    *FS
	what string
	at   int64 // of the next block
	here int64 // of the block that is read, for errors
	rest []byte
}

// chainAt begins at a place inside of a block's content.
func (f *FS) chainAt(what string, at int64, skip int) (*chain, error) {
	c := &chain{f: f, what: what, at: at}
	if err := c.more(); err != nil {
		return nil, err
	}
	if skip > len(c.rest) {
		return nil, cursor.Corrupt("squashfs: "+what, at, fmt.Sprintf("a place up to %d in the block", len(c.rest)), skip)
	}
	c.rest = c.rest[skip:]
	return c, nil
}

func (c *chain) more() error {
	b, err := c.f.meta(c.at, c.what)
	if err != nil {
		return err
	}
	c.here, c.at, c.rest = c.at, b.next, b.data
	return nil
}

// bytes returns the next n bytes, at most 1 MiB.
func (c *chain) bytes(n int) ([]byte, error) {
	if n > 1<<20 {
		return nil, cursor.Corrupt("squashfs: "+c.what, c.here, "a structure of at most 1 MiB", n)
	}
	if n <= len(c.rest) {
		p := c.rest[:n:n]
		c.rest = c.rest[n:]
		return p, nil
	}
	p := make([]byte, 0, n)
	for len(p) < n {
		if len(c.rest) == 0 {
			if err := c.more(); err != nil {
				return nil, err
			}
		}
		k := min(n-len(p), len(c.rest))
		p = append(p, c.rest[:k]...)
		c.rest = c.rest[k:]
	}
	return p, nil
}

// readTable reads a table of count entries of width bytes whose list stands at the place at, behind a head of some bytes,
// and checks that block follows block without a gap up to there, as the kernel asks for.
func (f *FS) readTable(ctx context.Context, what string, at uint64, head, count, width int64, each func(p []byte, summed bool, e block.Extent)) (block.Extent, error) {
	name := "squashfs: " + what
	size := count * width
	n := (size + metaSize - 1) / metaSize
	if at >= uint64(f.Used) || int64(at)+head+8*n > f.Used {
		return block.Extent{}, cursor.Corrupt(name, int64(at), fmt.Sprintf("a list of %d places inside of %d bytes", n, f.Used), "its end behind them")
	}
	p, err := cursor.Read(f.src, name, int64(at)+head, 8*n, 8*(maxInodes*8/metaSize+1))
	if err != nil {
		return block.Extent{}, err
	}
	first := int64(at)
	for i := range n {
		if err := ctx.Err(); err != nil {
			return block.Extent{}, err
		}
		place := le.Uint64(p[8*i:])
		if place >= at {
			return block.Extent{}, cursor.Corrupt(name, int64(at)+8*i, fmt.Sprintf("a place before %d", at), place)
		}
		b, err := f.readMeta(int64(place), what)
		if err != nil {
			return block.Extent{}, err
		}
		if i == 0 {
			first = int64(place)
		}
		next := int64(at)
		if i+1 < n {
			next = int64(le.Uint64(p[8*(i+1):]))
		}
		if b.next != next {
			return block.Extent{}, cursor.Corrupt(name, int64(at)+8*i, fmt.Sprintf("the next block at %d", b.next), next)
		}
		if want := min(metaSize, size-i*metaSize); int64(len(b.data)) != want {
			return block.Extent{}, cursor.Corrupt(name, int64(place), fmt.Sprintf("%d bytes of content", want), len(b.data))
		}
		if each != nil {
			each(b.data, b.summed, block.Between(int64(place), b.next))
		}
	}
	return block.Between(first, int64(at)+head+8*n), nil
}

func (f *FS) readFragments(ctx context.Context) ([]fragment, error) {
	if f.Fragments == 0 || f.fragTable == none64 {
		return nil, nil
	}
	var out []fragment
	_, err := f.readTable(ctx, "fragment table", f.fragTable, 0, int64(f.Fragments), 16, func(p []byte, _ bool, _ block.Extent) {
		for ; len(p) >= 16; p = p[16:] {
			at := le.Uint64(p)
			if at > uint64(f.Used) {
				at = uint64(f.Used) // told where it is read
			}
			out = append(out, fragment{int64(at), le.Uint32(p[8:])})
		}
	})
	return out, err
}
