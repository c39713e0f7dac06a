package routers

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/fsimage"
	"salvor/firmware/internal/region"
	"salvor/firmware/internal/vendor"
)

const (
	ubiquiti     = "Ubiquiti image"
	ubntHead     = 268
	ubntPart     = 56
	ubntMaxParts = 64
	ubntRSA      = 256
)

// ubntLoaders are the names of parts with a boot loader.
var ubntLoaders = []string{"u-boot", "uboot", "bootloader", "boot"}

func readUbiquiti(src block.Source) (version string, sum, pad uint32, err error) {
	p, err := cursor.Read(src, ubiquiti, 0, ubntHead, ubntHead)
	if err != nil {
		return "", 0, 0, region.NotHere(err)
	}
	if !slices.Contains([]string{"UBNT", "OPEN", "GEOS"}, string(p[:4])) {
		return "", 0, 0, cursor.ErrNot
	}
	version = vendor.Text(p[4:260])
	if len(version) < 2 || !plain(version) || len(bytes.TrimRight(p[4:260], "\x00")) != len(version) {
		return "", 0, 0, cursor.ErrNot
	}
	c := cursor.New(ubiquiti, 260, p[260:])
	return version, c.Uint32BE(), c.Uint32BE(), nil
}

func lookUbiquiti(_ context.Context, src block.Source) (firmware.Sighting, error) {
	version, _, _, err := readUbiquiti(src)
	return firmware.Sighting{Title: ubiquiti, Version: version}, err
}

func openUbiquiti(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	version, sum, pad, err := readUbiquiti(src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: ubiquiti, Name: version, Version: version, Role: firmware.Package}
	part.Checks = append(part.Checks, plainCRC(ctx, src, "header", "CRC-32", block.Extent{Length: 260}, sum, false), zero("header", 264, pad))
	part.Checks[0].Extent.Length = 264 // its own field holds it
	board, _, _ := strings.Cut(version, ".")
	claim(part, firmware.Board, board)
	at := int64(ubntHead)
	for range ubntMaxParts {
		p, err := cursor.Read(src, ubiquiti, at, 4, 4)
		if err != nil {
			part.Checks = append(part.Checks, firmware.Cut("list of parts", at+12, src.Size()))
			return part, ctx.Err()
		}
		var end int64
		switch string(p) {
		case "PART":
			if end = ubntAdd(ctx, src, o, part, at); end > src.Size() {
				return part, ctx.Err()
			}
			at = end
			continue
		case "END.":
			end = ubntEnd(ctx, src, part, at)
		case "ENDS":
			end = at + 4 + ubntRSA + 4
			if end > src.Size() {
				part.Checks = append(part.Checks, firmware.Cut("signature", end, src.Size()))
			}
			part.Signatures = append(part.Signatures, firmware.Signature{What: "image", Method: "RSA-2048", State: firmware.Cannot, Why: "Ubiquiti has not said what is signed, and how"})
		default:
			c := firmware.Check{What: "list of parts", Method: "structure", State: firmware.Failed, Extent: block.Extent{Offset: at, Length: 4}, Expected: "PART, END. or ENDS", Found: fmt.Sprintf("%q", p)}
			if strings.Trim(string(p), "ABCDEFGHIJKLMNOPQRSTUVWXYZ.") == "" {
				c.State, c.Why = firmware.Cannot, "a part of another kind"
			}
			part.Checks = append(part.Checks, c)
			return part, ctx.Err()
		}
		part.Announced = end
		fsimage.Behind(ctx, src, end, part, o)
		return part, ctx.Err()
	}
	part.Checks = append(part.Checks, firmware.Check{What: "list of parts", Method: "structure", State: firmware.Failed, Extent: block.Extent{Offset: at, Length: 4}, Expected: fmt.Sprintf("at most %d parts", ubntMaxParts), Found: "more"})
	return part, ctx.Err()
}

// ubntAdd adds the part at a place, and returns where it ends.
func ubntAdd(ctx context.Context, src block.Source, o *firmware.Opening, part *firmware.Part, at int64) int64 {
	p, err := cursor.Read(src, ubiquiti, at, ubntPart, ubntPart)
	if err != nil {
		part.Checks = append(part.Checks, firmware.Cut("header of a part", at+ubntPart, src.Size()))
		return src.Size() + 1
	}
	name := vendor.Text(p[4:20])
	c := cursor.New(ubiquiti, at+48, p[48:])
	size, room := int64(c.Uint32BE()), int64(c.Uint32BE())
	data := block.Extent{Offset: at + ubntPart, Length: size}
	child := vendor.Inside(ctx, src, o, part, name, firmware.Data, data)
	isLoader := slices.Contains(ubntLoaders, strings.ToLower(name))
	if isLoader {
		child.Role = firmware.BootLoader
	}
	child.Installs = []firmware.Install{{Where: name, Needs: size, Loader: isLoader}}
	if size > room {
		child.Checks = append(child.Checks, firmware.Check{What: "room in its partition", Method: "size", State: firmware.Failed, Extent: block.Extent{Length: child.Size},
			Expected: fmt.Sprintf("at most %d bytes", room), Found: fmt.Sprintf("%d bytes", size)})
	}
	end := data.End() + 8
	sums, err := cursor.Read(src, ubiquiti, data.End(), 8, 8)
	if err != nil {
		if data.End() <= src.Size() {
			part.Checks = append(part.Checks, firmware.Cut("sum of "+name, end, src.Size()))
		}
		return src.Size() + 1
	}
	c = cursor.New(ubiquiti, data.End(), sums)
	check := plainCRC(ctx, src, name, "CRC-32", block.Between(at, data.End()), c.Uint32BE(), false)
	check.Extent = block.Between(at, data.End()+4)
	part.Checks = append(part.Checks, check, zero(name, data.End()+4, c.Uint32BE()))
	return end
}

// ubntEnd checks the sum over all, and returns where the image ends.
func ubntEnd(ctx context.Context, src block.Source, part *firmware.Part, at int64) int64 {
	end := at + 12
	p, err := cursor.Read(src, ubiquiti, at, 12, 12)
	if err != nil {
		part.Checks = append(part.Checks, firmware.Cut("end of the image", end, src.Size()))
		return end
	}
	c := cursor.New(ubiquiti, at, p)
	c.Skip(4)
	check := plainCRC(ctx, src, "image", "CRC-32", block.Extent{Length: at}, c.Uint32BE(), false)
	check.Extent.Length = at + 8
	part.Checks = append(part.Checks, check, zero("end of the image", at+8, c.Uint32BE()))
	return end
}
