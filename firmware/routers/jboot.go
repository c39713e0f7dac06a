package routers

import (
	"context"
	"fmt"
	"hash/crc32"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/fsimage"
	"salvor/firmware/internal/region"
	"salvor/firmware/internal/vendor"
)

const (
	auh      = "D-Link update for JBOOT"
	auhHead  = 80
	auhID    = 0x4842
	stag     = "D-Link JBOOT image"
	stagHead = 16
	stagID   = 0x2B24
	sch2Head = 40
	sch2ID   = 0x2124
	jbootSum = "16-bit sum of JBOOT"
)

// ways are the ways in which a kernel can be packed, by their numbers; JBOOT's own has no name that is known.
var ways = map[byte]string{2: "gzip", 3: "lzma"}

// jbootAdder adds up words of 16 bits, little-endian. A last byte that stands alone counts less 0xFF, and carries are
// added again.
type jbootAdder struct {
	sum  uint32
	odd  byte
	half bool
}

func (s *jbootAdder) add(p []byte) error {
	for _, c := range p {
		if !s.half {
			s.odd, s.half = c, true
			continue
		}
		s.sum += uint32(s.odd) | uint32(c)<<8
		s.sum = s.sum&0xFFFF + s.sum>>16
		s.half = false
	}
	return nil
}

func (s *jbootAdder) value() uint16 {
	v := s.sum
	if s.half {
		v += uint32(s.odd)
		v -= 0xFF
	}
	for v>>16 != 0 {
		v = v&0xFFFF + v>>16
	}
	return uint16(v)
}

func jbootOf(p []byte) uint16 {
	var s jbootAdder
	s.add(p)
	return s.value()
}

// jbootCheck checks a sum over a region.
func jbootCheck(ctx context.Context, src block.Source, what string, e block.Extent, want uint16) firmware.Check {
	var s jbootAdder
	if err := region.Scan(ctx, src, e, s.add); err != nil {
		return region.Unread(what, jbootSum, e, fmt.Sprintf("%x", want), src.Size(), err)
	}
	return weak(what, jbootSum, e, uint64(want), uint64(s.value()))
}

func readAUH(src block.Source) ([]byte, error) {
	p, err := cursor.Read(src, auh, 0, auhHead, auhHead)
	if err != nil {
		return nil, region.NotHere(err)
	}
	c := cursor.New(auh, 64, p[64:])
	if id := c.Uint16(); id != auhID || c.Uint16() != 2 || p[26] != 1 || p[27] != 0 || !plain(string(p[:12])) {
		return nil, cursor.ErrNot
	}
	return p, nil
}

func lookAUH(_ context.Context, src block.Source) (firmware.Sighting, error) {
	p, err := readAUH(src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	c := cursor.New(auh, 44, p[44:])
	return firmware.Sighting{Title: auh, Name: string(p[:12]), Size: auhHead + int64(c.Uint32())}, nil
}

func openAUH(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	p, err := readAUH(src)
	if err != nil {
		return nil, err
	}
	c := cursor.New(auh, 0, p)
	name := string(c.Bytes(12))
	c.Skip(2)
	imageSum := c.Uint16()
	c.Skip(20)
	room, to, size := int64(c.Uint32()), c.Uint32(), int64(c.Uint32())
	c.Seek(76)
	family, headSum := c.Uint16(), c.Uint16()
	data := block.Extent{Offset: auhHead, Length: size}
	part := &firmware.Part{Title: auh, Name: name, Role: firmware.Package, Announced: data.End()}
	claim(part, firmware.Board, name)
	claim(part, firmware.Product, fmt.Sprintf("0x%04x", family))
	part.Checks = append(part.Checks, weak("header", jbootSum, block.Extent{Length: auhHead}, uint64(headSum), uint64(^jbootOf(p[:78]))), jbootCheck(ctx, src, "image", data, imageSum))
	child := vendor.Inside(ctx, src, o, part, "image", firmware.Data, data)
	child.Installs = []firmware.Install{{Where: fmt.Sprintf("%#x", to), Needs: size}}
	if size > room {
		child.Checks = append(child.Checks, firmware.Check{What: "room that it erases", Method: "size", State: firmware.Failed, Extent: block.Extent{Length: child.Size},
			Expected: fmt.Sprintf("at most %d bytes", room), Found: fmt.Sprintf("%d bytes", size)})
	}
	fsimage.Behind(ctx, src, data.End(), part, o)
	return part, ctx.Err()
}

func readSTAG(src block.Source) ([]byte, error) {
	p, err := cursor.Read(src, stag, 0, stagHead+sch2Head, stagHead+sch2Head)
	if err != nil {
		return nil, region.NotHere(err)
	}
	c := cursor.New(stag, 2, p[2:])
	if p[1] != 4 || p[0] != 4 && p[0] != 0xFF || c.Uint16() != stagID {
		return nil, cursor.ErrNot
	}
	c = cursor.New(stag, stagHead, p[stagHead:])
	if c.Uint16() != sch2ID || p[stagHead+3] != 2 || p[stagHead+36] != sch2Head || p[stagHead+37] != 0 {
		return nil, cursor.ErrNot
	}
	return p, nil
}

func lookSTAG(_ context.Context, src block.Source) (firmware.Sighting, error) {
	if _, err := readSTAG(src); err != nil {
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: stag}, nil
}

func openSTAG(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	p, err := readSTAG(src)
	if err != nil {
		return nil, err
	}
	c := cursor.New(stag, 8, p[8:])
	size, imageSum, tagSum := int64(c.Uint32()), c.Uint16(), c.Uint16()
	part := &firmware.Part{Title: stag, Role: firmware.Package}
	tag := append([]byte{4}, p[1:14]...) // the mark changes when the image is written
	part.Checks = append(part.Checks, weak("header", jbootSum, block.Extent{Length: stagHead}, uint64(tagSum), uint64(^jbootOf(tag))),
		jbootCheck(ctx, src, "kernel with header", block.Extent{Offset: stagHead, Length: size}, imageSum))
	h := p[stagHead:]
	c = cursor.New(stag, stagHead+8, h[8:])
	kernelSize, kernelSum := int64(c.Uint32()), c.Uint32()
	c.Skip(8)
	rootSize, rootSum, headSum := int64(c.Uint32()), c.Uint32(), c.Uint32()
	clear := append([]byte(nil), h...)
	copy(clear[32:36], make([]byte, 4))
	part.Checks = append(part.Checks, firmware.Sum32("kernel header", "CRC-32", block.Extent{Offset: stagHead, Length: sch2Head}, headSum, crc32.ChecksumIEEE(clear)))
	kernel := block.Extent{Offset: stagHead + sch2Head, Length: kernelSize}
	part.Checks = append(part.Checks, plainCRC(ctx, src, "kernel", "CRC-32", kernel, kernelSum, false))
	if kernel.End() > src.Size() {
		part.Checks = append(part.Checks, firmware.Cut("kernel", kernel.End(), src.Size()))
	}
	child := region.Part(src, "kernel", firmware.Kernel, kernel)
	if way := ways[h[2]]; child.Size > 0 && way != "" {
		o.Unpack(ctx, child, way)
	} else if child.Size > 0 {
		o.Inner(ctx, child)
	}
	part.Children = append(part.Children, child)
	end := kernel.End()
	if rootSize > 0 {
		root := block.Extent{Offset: end, Length: rootSize}
		check := plainCRC(ctx, src, "root file system", "CRC-32", root, rootSum, false)
		if check.State == firmware.Failed && vendor.Role(src, end) != firmware.RootFS {
			check.State, check.Why = firmware.Cannot, "it does not stand behind the kernel, and the header has its address in the flash only"
		} else {
			vendor.Inside(ctx, src, o, part, "root file system", firmware.RootFS, root)
			end = root.End()
		}
		part.Checks = append(part.Checks, check)
	}
	part.Announced = end
	fsimage.Behind(ctx, src, end, part, o)
	return part, ctx.Err()
}
