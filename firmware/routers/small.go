package routers

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/fsimage"
	"salvor/firmware/internal/region"
	"salvor/firmware/internal/vendor"
)

const (
	dni        = "Netgear DNI image"
	dniHead    = 128
	edimax     = "Edimax image"
	edimaxHead = 94
	edimaxKey  = 0xB9
	ras        = "ZyXEL RAS image"
	rasHead    = 2048
	rasBlock   = 64 << 10
	rasFree    = 116 // from here on 0xFF
)

// dniText reads the lines of a header.
func dniText(src block.Source) (map[string]string, error) {
	p, err := cursor.Read(src, dni, 0, dniHead, dniHead)
	if err != nil {
		return nil, region.NotHere(err)
	}
	text, rest, _ := bytes.Cut(p, []byte{0})
	if !bytes.HasPrefix(text, []byte("device:")) || !bytes.Contains(text, []byte("\nversion:")) || len(bytes.Trim(rest, "\x00")) > 0 {
		return nil, cursor.ErrNot
	}
	said := map[string]string{}
	for line := range strings.Lines(string(text)) {
		key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		if !ok || !plain(line[:len(line)-1]) {
			return nil, cursor.ErrNot
		}
		said[key] = value
	}
	return said, nil
}

func lookDNI(_ context.Context, src block.Source) (firmware.Sighting, error) {
	said, err := dniText(src)
	return firmware.Sighting{Title: dni, Name: said["device"], Version: said["version"]}, err
}

func openDNI(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	said, err := dniText(src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: dni, Name: said["device"], Version: strings.TrimPrefix(said["version"], "V"), Role: firmware.Package}
	claim(part, firmware.Board, said["device"])
	claim(part, firmware.Region, said["region"])
	claim(part, firmware.Hardware, said["hd_id"])
	whole := block.Extent{Length: src.Size()}
	if src.Size() <= dniHead+1 {
		part.Checks = append(part.Checks, firmware.Cut("image", dniHead+2, src.Size()))
		return part, nil
	}
	if sum, err := sumOf(ctx, src, whole); err != nil {
		part.Checks = append(part.Checks, region.Unread("image", "8-bit sum", whole, "ff", src.Size(), err))
	} else {
		part.Checks = append(part.Checks, weak("image", "8-bit sum", whole, 0xFF, sum&0xFF))
	}
	vendor.Inside(ctx, src, o, part, "image", firmware.Data, block.Between(dniHead, src.Size()-1))
	return part, ctx.Err()
}

func lookEdimax(_ context.Context, src block.Source) (firmware.Sighting, error) {
	p, err := cursor.Read(src, edimax, 0, edimaxHead, edimaxHead)
	if err != nil {
		return firmware.Sighting{}, region.NotHere(err)
	}
	model := vendor.Text(p[16:48])
	if !bytes.HasPrefix(p, []byte("eDiMaX\x00")) || len(model) < 2 || !plain(model) || len(bytes.TrimRight(p[16:48], "\x00")) != len(model) {
		return firmware.Sighting{}, cursor.ErrNot
	}
	c := cursor.New(edimax, 51, p[51:])
	return firmware.Sighting{Title: edimax, Name: model, Version: vendor.Text(p[63:77]), Size: edimaxHead + int64(c.Uint32BE())}, c.Err()
}

func openEdimax(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	s, err := lookEdimax(ctx, src)
	if err != nil {
		return nil, err
	}
	p, err := cursor.Read(src, edimax, 0, edimaxHead, edimaxHead)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: edimax, Name: s.Name, Version: s.Version, Role: firmware.Package, Announced: s.Size}
	claim(part, firmware.Board, s.Name)
	var head additive
	head.Write(p[:49])
	head.Write(p[50:])
	part.Checks = append(part.Checks, weak("header", "8-bit sum", block.Extent{Length: edimaxHead}, uint64(p[49]), (head.sum&0xFF)^edimaxKey))
	data := block.Between(edimaxHead, s.Size)
	child := vendor.Inside(ctx, src, o, part, "image", firmware.Data, data)
	if where := vendor.Text(p[78:94]); where != "" {
		child.Installs = []firmware.Install{{Where: where, Needs: data.Length}}
	}
	if sum, err := sumOf(ctx, src, data); err != nil {
		part.Checks = append(part.Checks, region.Unread("data", "8-bit sum", data, fmt.Sprintf("%x", p[50]), src.Size(), err))
	} else {
		part.Checks = append(part.Checks, weak("data", "8-bit sum", data, uint64(p[50]), (sum&0xFF)^edimaxKey))
	}
	fsimage.Behind(ctx, src, s.Size, part, o)
	return part, ctx.Err()
}

// rasHeader is what the header of a RAS image says.
type rasHeader struct {
	root, kernel             int64 // bytes; 0 for no kernel
	rootSum, kernelSum, head uint32
	version, model           string
	found                    uint64 // sum of the header
}

// systemV is the sum of sum(1) -s.
func systemV(sum uint64) uint64 {
	r := sum&0xFFFF + sum&0xFFFFFFFF>>16
	return r&0xFFFF + r>>16
}

func readRAS(src block.Source) (*rasHeader, error) {
	p, err := cursor.Read(src, ras, 0, rasHead, rasHead)
	if err != nil {
		return nil, region.NotHere(err)
	}
	c := cursor.New(ras, 0, p)
	h := &rasHeader{rootSum: c.Uint32BE(), root: int64(c.Uint32BE()), version: vendor.Text(c.Bytes(32)), head: c.Uint32BE(), model: vendor.Text(c.Bytes(64)), kernelSum: c.Uint32BE(), kernel: int64(c.Uint32BE())}
	if h.kernel == 0xFFFFFFFF {
		h.kernel = 0
	}
	if c.Err() != nil || h.rootSum > 0xFFFF || h.head > 0xFFFF || len(h.model) < 2 || !plain(h.model) || !plain(h.version) || h.root == 0 || len(bytes.Trim(p[rasFree:], "\xff")) > 0 {
		return nil, cursor.ErrNot
	}
	var s additive
	s.Write(p[:40])
	s.Write(p[:4]) // in the place of the header's own sum
	s.Write(p[44:])
	h.found = systemV(s.sum)
	return h, nil
}

func lookRAS(_ context.Context, src block.Source) (firmware.Sighting, error) {
	h, err := readRAS(src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: ras, Name: h.model, Version: h.version}, nil
}

func openRAS(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	h, err := readRAS(src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: ras + " for " + h.model, Name: h.model, Version: h.version, Role: firmware.Package}
	claim(part, firmware.Board, h.model)
	part.Checks = append(part.Checks, weak("header", "16-bit sum", block.Extent{Length: rasHead}, uint64(h.head), h.found))
	// The header fills an erase block, which the file does not say the size of; what is behind it does.
	begin := src.Size() - h.root - h.kernel
	if begin < rasHead || begin%rasHead != 0 {
		begin = rasBlock
	}
	part.Announced = begin + h.root + h.kernel
	part.Checks = append(part.Checks, region.Padding(ctx, src, "filling behind the header", block.Between(rasFree, min(begin, src.Size())), 0xFF))
	at := begin
	for _, x := range []struct {
		name string
		role firmware.Role
		size int64
		sum  uint32
	}{{"root file system", firmware.RootFS, h.root, h.rootSum}, {"kernel", firmware.Kernel, h.kernel, h.kernelSum}} {
		if x.size == 0 {
			continue
		}
		e := block.Extent{Offset: at, Length: x.size}
		if sum, err := sumOf(ctx, src, e); err != nil {
			part.Checks = append(part.Checks, region.Unread(x.name, "16-bit sum", e, fmt.Sprintf("%x", x.sum), src.Size(), err))
		} else {
			part.Checks = append(part.Checks, weak(x.name, "16-bit sum", e, uint64(x.sum), systemV(sum)))
		}
		child := vendor.Inside(ctx, src, o, part, x.name, x.role, e)
		child.Role = x.role
		child.Installs = []firmware.Install{{Where: x.name, Needs: x.size}}
		at = e.End()
	}
	fsimage.Behind(ctx, src, at, part, o)
	return part, ctx.Err()
}
