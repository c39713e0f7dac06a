package rauc

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"salvor/block"
	"salvor/firmware"
	"salvor/firmware/internal/region"
)

const (
	hashBlock = 4096
	perBlock  = hashBlock / sha256.Size
	maxLevels = 10
)

// verity is a payload with its tree of hashes behind it.
type verity struct {
	src           block.Source
	payload, tree block.Extent
	salt, root    []byte
	levels        []block.Extent // of the tree, the lowest first
}

// newVerity works out where the levels of the tree stand. The sizes must be those of a tree over the payload.
func newVerity(src block.Source, payload, tree block.Extent, salt, root []byte) (*verity, error) {
	v := &verity{src: src, payload: payload, tree: tree, salt: salt, root: root}
	if payload.Length <= 0 || payload.Length%hashBlock != 0 {
		return nil, fmt.Errorf("a payload of %d bytes, which are no whole blocks", payload.Length)
	}
	total := int64(0)
	for n := payload.Length / hashBlock; n > 1 && len(v.levels) < maxLevels; {
		n = (n + perBlock - 1) / perBlock
		v.levels = append(v.levels, block.Extent{Length: n * hashBlock})
		total += n * hashBlock
	}
	if total != tree.Length {
		return nil, fmt.Errorf("a tree of %d bytes; that of a payload of %d bytes has %d", tree.Length, payload.Length, total)
	}
	at := tree.Offset
	for i := len(v.levels) - 1; i >= 0; i-- {
		v.levels[i].Offset = at
		at += v.levels[i].Length
	}
	return v, nil
}

func (v *verity) hash(p []byte) [sha256.Size]byte {
	x := sha256.New()
	x.Write(v.salt)
	x.Write(p)
	return [sha256.Size]byte(x.Sum(nil))
}

// check hashes the payload and compares each hash with that of the tree; the tree is held against itself.
func (v *verity) check(ctx context.Context) []firmware.Check {
	payload := firmware.Check{What: "payload", Method: "dm-verity SHA-256", State: firmware.Passed, Extent: v.payload, Strong: true, Expected: hex.EncodeToString(v.root)}
	b := &builder{v: v, full: make([][]byte, len(v.levels)+1), bad: -1}
	err := v.blocks(ctx, v.payload, func(i int64, p []byte) error { return b.add(0, i, v.hash(p)) })
	if err != nil {
		return []firmware.Check{region.Unread(payload.What, payload.Method, v.payload, payload.Expected, v.src.Size(), err)}
	}
	root, err := b.finish()
	if err != nil {
		return []firmware.Check{region.Unread(payload.What, payload.Method, v.payload, payload.Expected, v.src.Size(), err)}
	}
	payload.Found = hex.EncodeToString(root[:])
	if payload.Found != payload.Expected {
		payload.State = firmware.Failed
		payload.Why = "the hashes of all blocks fit the tree, and the tree is another"
		if b.bad >= 0 {
			payload.Why = fmt.Sprintf("the first of %d blocks that are not what they were is at %d", b.count, v.payload.Offset+b.bad*hashBlock)
		}
	}
	out := []firmware.Check{payload}
	if v.tree.Length > 0 {
		out = append(out, v.own(ctx))
	}
	return out
}

// blocks reads the blocks of an extent.
func (v *verity) blocks(ctx context.Context, e block.Extent, visit func(i int64, p []byte) error) error {
	i := int64(0)
	return region.Scan(ctx, v.src, e, func(p []byte) error {
		for len(p) >= hashBlock {
			if err := visit(i, p[:hashBlock]); err != nil {
				return err
			}
			p, i = p[hashBlock:], i+1
		}
		if len(p) > 0 {
			return io.ErrUnexpectedEOF
		}
		return nil
	})
}

// builder makes the tree anew, with one block of each level in memory.
type builder struct {
	v     *verity
	full  [][]byte
	bad   int64 // the first block of the payload whose hash is not that of the tree
	count int
	root  [sha256.Size]byte
	leaf  []byte // the block of the stored tree with the hash that comes next
	leafs int64
}

// add takes the hash of block i of a level: 0 for the payload, 1 for the lowest of the tree.
func (b *builder) add(level int, i int64, h [sha256.Size]byte) error {
	if level == len(b.v.levels) {
		b.root = h
		return nil
	}
	if level == 0 {
		if err := b.compare(i, h); err != nil {
			return err
		}
	}
	b.full[level] = append(b.full[level], h[:]...)
	if len(b.full[level]) < hashBlock {
		return nil
	}
	return b.flush(level, i/perBlock)
}

func (b *builder) flush(level int, i int64) error {
	p := b.full[level]
	p = append(p, make([]byte, hashBlock-len(p))...)
	h := b.v.hash(p)
	b.full[level] = p[:0]
	return b.add(level+1, i, h)
}

// compare holds the hash of a block of the payload against the tree that is stored.
func (b *builder) compare(i int64, h [sha256.Size]byte) error {
	at := i / perBlock
	if b.leaf == nil || b.leafs != at {
		if b.leaf == nil {
			b.leaf = make([]byte, hashBlock)
		}
		if _, err := b.v.src.ReadAt(b.leaf, b.v.levels[0].Offset+at*hashBlock); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		b.leafs = at
	}
	if j := i % perBlock * sha256.Size; [sha256.Size]byte(b.leaf[j:j+sha256.Size]) != h {
		if b.count++; b.bad < 0 {
			b.bad = i
		}
	}
	return nil
}

// finish fills up what is begun, and returns the root.
func (b *builder) finish() ([sha256.Size]byte, error) {
	for level := range b.v.levels {
		if len(b.full[level]) == 0 {
			continue
		}
		// The index matters on the lowest level only, where flush does not come back to.
		if err := b.flush(level, 0); err != nil {
			return b.root, err
		}
	}
	return b.root, nil
}

// own holds the stored tree against itself and its root.
func (v *verity) own(ctx context.Context) firmware.Check {
	c := firmware.Check{What: "tree of hashes", Method: "SHA-256", State: firmware.Passed, Extent: v.tree, Strong: true, Expected: hex.EncodeToString(v.root)}
	above := make([]byte, sha256.Size)
	for level, e := range v.levels {
		err := v.blocks(ctx, e, func(i int64, p []byte) error {
			h := v.hash(p)
			if level == len(v.levels)-1 {
				if c.Found = hex.EncodeToString(h[:]); c.Found != c.Expected {
					c.State = firmware.Failed
				}
				return nil
			}
			if _, err := v.src.ReadAt(above, v.levels[level+1].Offset+i*sha256.Size); err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			if [sha256.Size]byte(above) != h && c.Why == "" {
				c.State, c.Why = firmware.Failed, fmt.Sprintf("the first block that is not what it was, or the hash of it, is at %d", e.Offset+i*hashBlock)
			}
			return nil
		})
		if err != nil {
			return region.Unread(c.What, c.Method, v.tree, c.Expected, v.src.Size(), err)
		}
	}
	return c
}
