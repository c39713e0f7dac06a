package routers

import (
	"context"
	"crypto/md5"
	"fmt"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/fsimage"
	"salvor/firmware/internal/region"
	"salvor/firmware/internal/vendor"
)

const (
	senao       = "Senao image"
	senaoHead   = 96
	senaoCapwap = 40 // and the model behind
	senaoModel  = 256
	senaoTypes  = 0x0c
)

// senaoKinds are what an image is for, by its number; makers differ in the later ones.
var senaoKinds = map[uint32]firmware.Role{1: firmware.BootLoader, 2: firmware.Kernel, 3: firmware.Package, 4: firmware.RootFS}

// senaoHeader is what the header says.
type senaoHeader struct {
	vendor, product, kind uint32
	version, model        string
	size                  int64 // of the content
	begin                 int64 // where it stands
	sum                   []byte
	want                  uint32 // sum of the header
	found                 uint64
	key                   [8]byte
}

func readSenao(src block.Source) (*senaoHeader, error) {
	p, err := cursor.Read(src, senao, 0, senaoHead, senaoHead)
	if err != nil {
		return nil, region.NotHere(err)
	}
	c := cursor.New(senao, 0, p)
	c.Skip(4)
	h := &senaoHeader{vendor: c.Uint32BE(), product: c.Uint32BE(), version: vendor.Text(c.Bytes(16)), kind: c.Uint32BE(), size: int64(c.Uint32BE()), begin: senaoHead}
	zero := c.Uint32BE()
	h.sum = c.Bytes(md5.Size)
	c.Skip(32)
	h.want = c.Uint32BE()
	key := c.Uint32BE()
	for i := range h.key {
		h.key[i] = byte(uint64(key) >> i)
	}
	var s additive
	s.Write(p[:88])
	s.Write(p[92:])
	if h.found = s.sum; h.kind == 0 {
		if err := h.capwap(src); err != nil {
			return nil, err
		}
	}
	if c.Err() != nil || h.vendor == 0 || h.product == 0 || zero != 0 || h.size == 0 || h.kind > senaoTypes || !plain(h.version) || h.found != uint64(h.want) {
		return nil, cursor.ErrNot
	}
	return h, nil
}

// capwap reads the second header of newer images, with the model.
func (h *senaoHeader) capwap(src block.Source) error {
	p, err := cursor.Read(src, senao, senaoHead, senaoCapwap, senaoCapwap)
	if err != nil {
		return region.NotHere(err)
	}
	c := cursor.New(senao, senaoHead+36, p[36:])
	n := int64(c.Uint32BE())
	if n == 0 || n > senaoModel {
		return cursor.ErrNot
	}
	model, err := cursor.Read(src, senao, senaoHead+senaoCapwap, n, senaoModel)
	if err != nil {
		return region.NotHere(err)
	}
	var s additive
	s.Write(p)
	s.Write(model)
	h.found += s.sum
	h.model, h.begin = vendor.Text(model), senaoHead+senaoCapwap+n
	return nil
}

func lookSenao(_ context.Context, src block.Source) (firmware.Sighting, error) {
	h, err := readSenao(src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: senao, Name: h.model, Version: h.version, Size: h.begin + h.size}, nil
}

func openSenao(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	h, err := readSenao(src)
	if err != nil {
		return nil, err
	}
	end := h.begin + h.size
	part := &firmware.Part{Title: senao, Name: h.model, Version: h.version, Role: firmware.Package, Announced: end}
	claim(part, firmware.Board, h.model)
	claim(part, firmware.Product, fmt.Sprintf("0x%x", h.product))
	part.Checks = append(part.Checks, weak("header", "sum of its bytes", block.Extent{Length: h.begin}, uint64(h.want), h.found))
	if end > src.Size() {
		part.Checks = append(part.Checks, firmware.Cut("image", end, src.Size()))
	}
	stored := block.Between(h.begin, end)
	content := &masked{src: block.Section(src, stored.Intersect(block.Extent{Length: src.Size()})), key: h.key}
	check := region.Digest(ctx, content, "image", "MD5", block.Extent{Length: h.size}, md5.New(), h.sum)
	check.Extent = stored // the bytes that it proves are those behind the mask
	part.Checks = append(part.Checks, check)
	role, ok := senaoKinds[h.kind]
	if !ok {
		role = firmware.Data
	}
	child := &firmware.Part{Name: "image", Role: role, Size: content.Size(), Source: content, Unpacked: true}
	if role == firmware.BootLoader {
		child.Installs = []firmware.Install{{Where: "u-boot", Needs: h.size, Loader: true}}
	}
	if child.Size > 0 {
		o.Inner(ctx, child)
	}
	part.Children = append(part.Children, child)
	fsimage.Behind(ctx, src, end, part, o)
	return part, ctx.Err()
}

// masked is a source whose bytes are XORed with a key of 8 bytes, over and over.
type masked struct {
	src block.Source
	key [8]byte
}

func (m *masked) Size() int64 { return m.src.Size() }

func (m *masked) ReadAt(p []byte, off int64) (int, error) {
	n, err := m.src.ReadAt(p, off)
	for i := range p[:max(n, 0)] {
		p[i] ^= m.key[(off+int64(i))&7]
	}
	return n, err
}
