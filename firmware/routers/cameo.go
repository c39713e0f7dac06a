package routers

import (
	"context"
	"fmt"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/fsimage"
	"salvor/firmware/internal/region"
	"salvor/firmware/internal/vendor"
)

const (
	cameo       = "Cameo image"
	cameoHead   = 84
	buffalo     = "Buffalo image"
	buffaloHead = 160
	buffaloSum  = 140 // where the sum stands
)

// cameoHeader is what the header of a Cameo image (D-Link, Trendnet) says.
type cameoHeader struct {
	sum                     uint32
	size, kernel            int64
	model, region, firmware string
}

func readCameo(src block.Source) (*cameoHeader, error) {
	p, err := cursor.Read(src, cameo, 0, cameoHead, cameoHead)
	if err != nil {
		return nil, region.NotHere(err)
	}
	c := cursor.New(cameo, 0, p)
	h := &cameoHeader{sum: c.Uint32BE(), size: int64(c.Uint32BE()), kernel: int64(c.Uint32BE()), model: vendor.Text(c.Bytes(20))}
	signature := vendor.Text(c.Bytes(30))
	h.region, h.firmware = vendor.Text(c.Bytes(4)), vendor.Text(c.Bytes(12))
	if c.Uint8() != cameoHead || c.Uint8() > 1 || c.Uint32() != 0 || c.Err() != nil || p[31] != 0 || p[61] != 0 || len(h.model) < 2 || len(signature) < 2 || h.size == 0 || h.kernel > h.size ||
		!plain(h.model) || !plain(signature) || !plain(h.region) || !plain(h.firmware) {
		return nil, cursor.ErrNot
	}
	return h, nil
}

func lookCameo(_ context.Context, src block.Source) (firmware.Sighting, error) {
	h, err := readCameo(src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: cameo, Name: h.model, Version: h.firmware, Size: cameoHead + h.size}, nil
}

func openCameo(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	h, err := readCameo(src)
	if err != nil {
		return nil, err
	}
	data := block.Extent{Offset: cameoHead, Length: h.size}
	part := &firmware.Part{Title: cameo + " for " + h.model, Name: h.model, Version: h.firmware, Role: firmware.Package, Announced: data.End()}
	claim(part, firmware.Board, h.model)
	if h.region != "DEF" {
		claim(part, firmware.Region, h.region)
	}
	if data.End() > src.Size() {
		part.Checks = append(part.Checks, firmware.Cut("image", data.End(), src.Size()))
	}
	const method = "32-bit sum"
	if sum, err := sumOf(ctx, src, data); err != nil {
		part.Checks = append(part.Checks, region.Unread("image", method, data, fmt.Sprintf("%08x", h.sum), src.Size(), err))
	} else {
		part.Checks = append(part.Checks, firmware.Sum32("image", method, data, h.sum, uint32(sum)))
	}
	kernel := block.Extent{Offset: cameoHead, Length: h.kernel}
	for _, x := range []struct {
		name string
		role firmware.Role
		e    block.Extent
	}{{"kernel", firmware.Kernel, kernel}, {"root file system", firmware.RootFS, block.Between(kernel.End(), data.End())}} {
		if x.e.Length == 0 || x.e.Offset >= src.Size() {
			continue
		}
		child := region.Part(src, x.name, x.role, x.e)
		o.Inner(ctx, child)
		part.Children = append(part.Children, child)
	}
	fsimage.Behind(ctx, src, data.End(), part, o)
	return part, ctx.Err()
}

// buffaloTag is the header of a Buffalo image.
type buffaloTag struct {
	product, brand, major, minor, region, platform, hardware string
	size, data                                               int64
	sum                                                      uint32
}

func readBuffaloTag(src block.Source) (*buffaloTag, error) {
	p, err := cursor.Read(src, buffalo, 0, buffaloHead, buffaloHead)
	if err != nil {
		return nil, region.NotHere(err)
	}
	c := cursor.New(buffalo, 0, p)
	t := &buffaloTag{product: vendor.Text(c.Bytes(32)), brand: vendor.Text(c.Bytes(32)), major: vendor.Text(c.Bytes(8)), minor: vendor.Text(c.Bytes(8)), region: vendor.Text(c.Bytes(2))}
	c.Skip(6 + 8)
	t.platform = vendor.Text(c.Bytes(8))
	if vendor.Text(c.Bytes(4)) == "hwv" {
		t.hardware = vendor.Text(c.Bytes(4))
	} else {
		c.Skip(4)
	}
	c.Skip(24)
	t.size, t.sum = int64(c.Uint32BE()), c.Uint32BE()
	c.Skip(8)
	t.data = int64(c.Uint32BE())
	for _, text := range []string{t.product, t.brand, t.major, t.minor, t.region, t.platform, t.hardware} {
		if !plain(text) {
			return nil, cursor.ErrNot
		}
	}
	if c.Err() != nil || t.size != t.data+buffaloHead || t.data == 0 || len(t.product) < 2 || len(t.brand) < 2 || t.major == "" {
		return nil, cursor.ErrNot
	}
	return t, nil
}

func lookBuffalo(_ context.Context, src block.Source) (firmware.Sighting, error) {
	t, err := readBuffaloTag(src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: buffalo, Name: t.product, Version: t.major, Size: t.size}, nil
}

func openBuffalo(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	t, err := readBuffaloTag(src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: buffalo + " for " + t.product, Name: t.product, Version: t.major, Role: firmware.Package, Announced: t.size}
	claim(part, firmware.Board, t.product)
	claim(part, firmware.Hardware, t.hardware)
	if t.region != "M_" {
		claim(part, firmware.Region, t.region)
	}
	if t.size > src.Size() {
		part.Checks = append(part.Checks, firmware.Cut("image", t.size, src.Size()))
	}
	const method = "CRC-32 of cksum"
	whole := block.Extent{Length: t.size}
	sum, err := posixSum(ctx, src, block.Extent{Length: t.size}, block.Extent{Offset: buffaloSum, Length: 4})
	switch {
	case t.sum == 0:
		part.Checks = append(part.Checks, firmware.Check{What: "image", Method: method, State: firmware.Cannot, Extent: whole, Why: "its place is empty: the image has no sum"})
	case err != nil:
		part.Checks = append(part.Checks, region.Unread("image", method, whole, fmt.Sprintf("%08x", t.sum), src.Size(), err))
	default:
		part.Checks = append(part.Checks, firmware.Sum32("image", method, whole, t.sum, sum))
	}
	vendor.Inside(ctx, src, o, part, "image", firmware.Data, block.Between(buffaloHead, t.size))
	fsimage.Behind(ctx, src, t.size, part, o)
	return part, ctx.Err()
}

// posixTable has the steps of the CRC of cksum(1), the highest bit first.
var posixTable = func() (t [256]uint32) {
	for i := range t {
		v := uint32(i) << 24
		for range 8 {
			if v&0x80000000 != 0 {
				v = v<<1 ^ 0x04C11DB7
			} else {
				v <<= 1
			}
		}
		t[i] = v
	}
	return t
}()

// posixSum computes the sum of cksum(1) over e, with zeros in a part of it.
func posixSum(ctx context.Context, src block.Source, e, zeros block.Extent) (uint32, error) {
	sum := uint32(0)
	add := func(p []byte) error {
		v := sum
		for _, c := range p {
			v = v<<8 ^ posixTable[byte(v>>24)^c]
		}
		sum = v
		return nil
	}
	if err := region.Scan(ctx, src, block.Between(e.Offset, zeros.Offset), add); err != nil {
		return 0, err
	}
	if err := add(make([]byte, zeros.Length)); err != nil {
		return 0, err
	}
	if err := region.Scan(ctx, src, block.Between(zeros.End(), e.End()), add); err != nil {
		return 0, err
	}
	for n := e.Length; n > 0; n >>= 8 {
		sum = sum<<8 ^ posixTable[byte(sum>>24)^byte(n)]
	}
	return ^sum, nil
}
