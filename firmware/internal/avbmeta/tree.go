package avbmeta

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"math/bits"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/region"
)

// hasher returns the hash of a name; nil for one that cannot be computed.
func hasher(name string) hash.Hash {
	switch name {
	case "sha1":
		return sha1.New()
	case "sha256":
		return sha256.New()
	case "sha512":
		return sha512.New()
	}
	return nil
}

// CheckHash holds an image against a descriptor of kind Hash.
func CheckHash(ctx context.Context, image block.Source, d *Descriptor) firmware.Check {
	e := block.Extent{Length: d.ImageSize}
	h := hasher(d.Method)
	switch {
	case h == nil || len(d.Digest) == 0:
		return firmware.Check{What: "image", Method: "AVB " + d.Method, State: firmware.Cannot, Extent: e, Why: "its hash is not one that can be computed"}
	case d.ImageSize > image.Size():
		return firmware.Cut("image", d.ImageSize, image.Size())
	}
	h.Write(d.Salt)
	return region.Digest(ctx, image, "image", "AVB "+d.Method, e, h, d.Digest)
}

// level is one of a hash tree: what fills a block, and where the next block is stored.
type level struct {
	buf []byte
	at  int64 // in the tree
}

// tree builds a hash tree from the data, and holds every block of it against the stored one.
type tree struct {
	sum    hash.Hash
	salt   []byte
	each   int // bytes that a hash takes in the tree
	block  int
	levels []level
	root   []byte
	stored func(at int64, b []byte) error
}

// levelSizes are the sizes of the levels of a tree over size bytes, from the leaves up.
func levelSizes(size, data, hash, each int64) (out []int64) {
	unit := data
	for n := size; n > unit; unit = hash {
		n = (n + unit - 1) / unit * each
		n = (n + hash - 1) / hash * hash
		out = append(out, n)
	}
	return out
}

// add puts the hash of b into level i, and what that fills into the next ones.
func (t *tree) add(i int, b []byte) error {
	t.sum.Reset()
	t.sum.Write(t.salt)
	t.sum.Write(b)
	sum := t.sum.Sum(nil)
	if i == len(t.levels) {
		t.root = sum
		return nil
	}
	l := &t.levels[i]
	l.buf = append(l.buf, sum...)
	l.buf = append(l.buf, make([]byte, t.each-len(sum))...)
	if len(l.buf) == t.block {
		return t.flush(i)
	}
	return nil
}

// flush ends a block of level i.
func (t *tree) flush(i int) error {
	l := &t.levels[i]
	l.buf = append(l.buf, make([]byte, t.block-len(l.buf))...)
	if err := t.stored(l.at, l.buf); err != nil {
		return err
	}
	l.at += int64(t.block)
	err := t.add(i+1, l.buf)
	l.buf = l.buf[:0]
	return err
}

// CheckTree recomputes the hash tree of a descriptor of kind Hashtree, and what its Reed-Solomon code makes. The checks
// cover the data, the tree and the code.
func CheckTree(ctx context.Context, image block.Source, d *Descriptor) []firmware.Check {
	data := block.Extent{Length: d.ImageSize}
	root := firmware.Check{What: "data", Method: "AVB hash tree, " + d.Method, State: firmware.Cannot, Extent: data, Strong: true}
	h := hasher(d.Method)
	power := func(n int64) bool { return n >= 512 && n <= 1<<20 && n&(n-1) == 0 }
	switch {
	case h == nil || len(d.Digest) == 0:
		root.Why = "its hash is not one that can be computed"
	case !power(d.DataBlock) || !power(d.HashBlock) || d.ImageSize%d.DataBlock != 0:
		root.State, root.Expected, root.Found = firmware.Failed, "blocks that the image consists of", fmt.Sprintf("blocks of %d and %d bytes in %d", d.DataBlock, d.HashBlock, d.ImageSize)
	case max(d.ImageSize, d.Tree.End(), d.FEC.End()) > image.Size():
		return []firmware.Check{firmware.Cut("image with its hash tree", max(d.ImageSize, d.Tree.End(), d.FEC.End()), image.Size())}
	}
	if root.Why != "" || root.State == firmware.Failed {
		return []firmware.Check{root}
	}
	t := &tree{sum: h, salt: d.Salt, each: 1 << bits.Len(uint(h.Size()-1)), block: int(d.HashBlock)}
	sizes := levelSizes(d.ImageSize, d.DataBlock, d.HashBlock, int64(t.each))
	var all int64
	for _, n := range sizes {
		all += n
	}
	stored := firmware.Check{What: "hash tree", Method: "AVB hash tree, " + d.Method, State: firmware.Passed, Extent: d.Tree, Strong: true,
		Expected: fmt.Sprintf("%d bytes over the data", all), Found: fmt.Sprintf("%d bytes that fit", d.Tree.Length)}
	if all != d.Tree.Length {
		stored.State, stored.Found = firmware.Failed, fmt.Sprintf("%d bytes", d.Tree.Length)
	}
	at := all
	for _, n := range sizes { // the leaves stand last
		at -= n
		t.levels = append(t.levels, level{at: at})
	}
	other := int64(0)
	t.stored = func(at int64, b []byte) error {
		if stored.State == firmware.Failed && other == 0 {
			return nil // another size: nothing stands where it should
		}
		p, err := cursor.Read(image, "AVB: hash tree", d.Tree.Offset+at, int64(len(b)), maxBlock)
		if err != nil {
			return err
		}
		if !bytes.Equal(p, b) {
			if other++; other == 1 {
				stored.State, stored.Found = firmware.Failed, fmt.Sprintf("another block at %d", d.Tree.Offset+at)
			}
		}
		return nil
	}
	if err := t.build(ctx, image, d); err != nil {
		return []firmware.Check{region.Unread(root.What, root.Method, data, "", image.Size(), err)}
	}
	checks := []firmware.Check{firmware.Digest(root.What, root.Method, data, d.Digest, t.root)}
	if d.Tree.Length > 0 || all > 0 {
		checks = append(checks, stored)
	}
	if d.FEC.Length > 0 {
		checks = append(checks, checkFEC(ctx, image, d))
	}
	return checks
}

// build goes through the data once.
func (t *tree) build(ctx context.Context, image block.Source, d *Descriptor) error {
	var rest []byte
	err := region.Scan(ctx, image, block.Extent{Length: d.ImageSize}, func(p []byte) error {
		for len(p) > 0 {
			n := min(len(p), int(d.DataBlock)-len(rest))
			if len(rest) == 0 && n == int(d.DataBlock) {
				if err := t.add(0, p[:n]); err != nil {
					return err
				}
			} else if rest = append(rest, p[:n]...); len(rest) == int(d.DataBlock) {
				if err := t.add(0, rest); err != nil {
					return err
				}
				rest = rest[:0]
			}
			p = p[n:]
		}
		return nil
	})
	for i := range t.levels {
		if err == nil && len(t.levels[i].buf) > 0 {
			err = t.flush(i)
		}
	}
	return err
}
