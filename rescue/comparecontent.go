package rescue

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"salvor/block"
	"salvor/compare"
	"salvor/firmware"
	fwall "salvor/firmware/all"
	"salvor/firmware/payload"
	"salvor/host"
	"salvor/unpack"
)

// maxContents is how many rows of bytes of one package are looked for at the same time.
const maxContents = 256

// openedPackage is a package with all that a device may hold of it.
type openedPackage struct {
	path     string
	part     *firmware.Part
	contents []compare.Content
	deltas   []*delta
	room     *scratchRoom
	opened   *host.Opened
}

func (p *openedPackage) close() error {
	if p == nil {
		return nil
	}
	return errors.Join(p.opened.Close(), p.room.close())
}

// openPackage opens a package, and what it holds at every depth: as it stands there, and unpacked.
func openPackage(ctx context.Context, path string) (p *openedPackage, err error) {
	opened, err := host.Open(ctx, path, host.OpenOptions{})
	if err != nil {
		return nil, err
	}
	p = &openedPackage{path: path, room: &scratchRoom{}, opened: opened}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	p.part, err = firmware.Open(ctx, opened.Source, filepath.Base(path), firmware.Options{Formats: fwall.Table(), Scratch: p.room.make})
	if err != nil {
		return nil, err
	}
	if p.part.Format == "" {
		if err := p.unpackFile(ctx); err != nil {
			return nil, err
		}
	}
	p.add(ctx, p.part, "0", "as the file", block.Set{})
	return p, errors.Join(ctx.Err(), p.findDeltas())
}

// unpackFile takes the image out of a file that is nothing but compressed.
func (p *openedPackage) unpackFile(ctx context.Context) error {
	head := make([]byte, unpack.HeadSize)
	n, _ := p.part.Source.ReadAt(head, 0) // a file that cannot be read is no compressed one; comparing tells of it
	kind, _ := unpack.Recognise(p.path, head[:n])
	if kind == nil {
		return nil
	}
	s, err := p.room.make()
	if err != nil {
		return err
	}
	r, err := kind.Run(ctx, p.part.Source, s, maxUnpackedPackage)
	if err != nil {
		return err
	}
	inner, err := firmware.Open(ctx, s, kind.ImageName(filepath.Base(p.path)), firmware.Options{Formats: fwall.Table(), Scratch: p.room.make})
	if err != nil {
		return err
	}
	inner.Unpacked, inner.Size = true, r.Size
	p.part.Compression = kind.Name
	p.part.Children = append(p.part.Children, inner)
	return nil
}

// maxUnpackedPackage bounds what comes out of a compressed file.
const maxUnpackedPackage = 64 << 30

// add makes a content of a part, and of each part below it whose bytes do not stand in it.
func (p *openedPackage) add(ctx context.Context, part *firmware.Part, id, how string, skipped block.Set) {
	if part.Source == nil || part.Source.Size() < sectorSize || len(p.contents) >= maxContents {
		return
	}
	at := len(p.contents)
	p.contents = append(p.contents, compare.Content{Name: contentName(part), Source: part.Source, Skipped: skipped})
	var visit func(x *firmware.Part, id, how string, base int64)
	visit = func(x *firmware.Part, id, how string, base int64) {
		c := &p.contents[at]
		if n := x.Source.Size(); n >= sectorSize {
			piece := compare.Piece{ID: id, Name: x.Name, Title: x.Title, Extent: block.Extent{Offset: base, Length: n}, How: how}
			for _, i := range x.Installs {
				piece.Where = append(piece.Where, i.Where)
			}
			c.Pieces = append(c.Pieces, piece)
		}
		for k, child := range x.Children {
			childID := fmt.Sprintf("%s.%d", id, k)
			switch {
			case child.Source == nil:
			case child.Unpacked:
				how := "unpacked"
				if x.Compression != "" {
					how += " (" + x.Compression + ")"
				}
				if x.Format != "" && x.Format != x.Compression {
					how += " from the " + x.Format
				}
				p.inherit(child, x)
				skipped, _ := compare.Skipped(ctx, x.Source) // that the work was stopped is told by openPackage
				p.add(ctx, child, childID, how, skipped)
			case child.Source.Size() < sectorSize:
			case p.standsAt(at, child, base+child.Offset):
				visit(child, childID, "as it stands in the package", base+child.Offset)
			default:
				p.add(ctx, child, childID, "put together from its pieces", block.Set{})
			}
		}
	}
	visit(part, id, how, 0)
}

// inherit gives what was unpacked the places that its packed part goes to.
func (p *openedPackage) inherit(child, packed *firmware.Part) {
	if len(child.Installs) == 0 {
		child.Installs = packed.Installs
	}
}

// standsAt reports whether a part's bytes are those of the content at that place, by its beginning and its end.
func (p *openedPackage) standsAt(content int, part *firmware.Part, at int64) bool {
	src, n := p.contents[content].Source, part.Source.Size()
	if at < 0 || at+n > src.Size() {
		return false
	}
	a, b := make([]byte, min(n, 4096)), make([]byte, min(n, 4096))
	for _, off := range []int64{0, n - int64(len(a)), (n - int64(len(a))) / 2} {
		k, _ := part.Source.ReadAt(a, off)
		m, _ := src.ReadAt(b, at+off)
		if k < len(a) || m < len(b) || !bytes.Equal(a, b) {
			return false
		}
	}
	return true
}

func contentName(p *firmware.Part) string {
	for _, s := range []string{p.Name, p.Title, p.Format} {
		if s != "" {
			return s
		}
	}
	return string(p.Role)
}

// delta is a partition that a payload makes from its old content.
type delta struct {
	payload *payload.Payload
	name    string
	index   int
}

// findDeltas looks for payloads among the parts.
func (p *openedPackage) findDeltas() error {
	var err error
	p.part.Walk(func(x *firmware.Part, _ int) bool {
		if x.Format != payload.Format().Name || x.Source == nil {
			return true
		}
		var y *payload.Payload
		if y, err = payload.Read(x.Source); err != nil {
			err = nil // what is broken in it stands in its checks
			return true
		}
		for i := range y.Partitions {
			if y.Partitions[i].NeedsOld() {
				p.deltas = append(p.deltas, &delta{payload: y, name: y.Partitions[i].Name, index: i})
			}
		}
		return true
	})
	return err
}

// apply makes the new content of each delta from the region that holds its old content, which is the one with the hash
// that the manifest names, or else the slot that carries its name and makes every operation's hash fit.
func (p *openedPackage) apply(ctx context.Context, regions []compare.Region) (notes []string, err error) {
	for _, d := range p.deltas {
		part := &d.payload.Partitions[d.index]
		made := false
		var why []string
		for _, r := range regions {
			name := strings.ToLower(d.name)
			if strings.ToLower(r.Name) != name && r.Group != name || r.Source.Size() < part.OldSize {
				continue
			}
			content, err := p.applyTo(ctx, d, part, r)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err != nil {
				why = append(why, fmt.Sprintf("%s: %v", r.Name, err))
				continue
			}
			p.contents = append(p.contents, content)
			made = true
			break
		}
		if !made {
			if len(why) == 0 {
				why = []string{"no slot of that name was found"}
			}
			notes = append(notes, fmt.Sprintf("%s needs its old content, and no slot has it: %s", d.name, strings.Join(why, "; ")))
		}
	}
	return notes, nil
}

// applyTo makes the new content with r as the old one. What operations make stands one after the other in a scratch
// file, and is read in the order of the partition.
func (p *openedPackage) applyTo(ctx context.Context, d *delta, part *payload.Partition, r compare.Region) (compare.Content, error) {
	s, err := p.room.make()
	if err != nil {
		return compare.Content{}, err
	}
	old := block.Section(r.Source, block.Extent{Length: part.OldSize})
	var runs []block.Run
	at := int64(0)
	for i := range part.Operations {
		op := &part.Operations[i]
		if op.Type == payload.Move || op.Type == payload.Bsdiff {
			return compare.Content{}, errors.New("an operation writes over what others read")
		}
		if err := d.payload.Apply(ctx, old, op, s); err != nil {
			return compare.Content{}, fmt.Errorf("operation %d: %w", i, err)
		}
		for _, e := range op.Dst {
			runs = append(runs, block.Run{Logical: e.Offset, Physical: at, Length: e.Length})
			at += e.Length
		}
	}
	slices.SortFunc(runs, func(a, b block.Run) int {
		switch {
		case a.Logical < b.Logical:
			return -1
		case a.Logical > b.Logical:
			return 1
		}
		return 0
	})
	size := part.NewSize
	made := block.Join(s, runs, size)
	if len(part.NewHash) > 0 {
		h := sha256.New()
		if _, err := io.Copy(h, block.Reader(block.WithContext(ctx, made))); err != nil {
			return compare.Content{}, err
		}
		if got := h.Sum(nil); !bytes.Equal(got, part.NewHash) {
			return compare.Content{}, fmt.Errorf("what comes out has the SHA-256 %x, the payload says %x", got, part.NewHash)
		}
	}
	return compare.Content{Name: d.name, Source: made, Pieces: []compare.Piece{{
		ID: fmt.Sprintf("delta.%d", d.index), Name: d.name, Title: "partition made from its old content", Extent: block.Extent{Length: size},
		Where: []string{d.name}, How: "the delta applied to " + r.Name,
	}}}, nil
}
