package diskfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/fsimage"
	"salvor/firmware/internal/region"
)

const fatHead = 512

// fat is a boot sector.
type fat struct {
	size   int64 // bytes, as all below
	table  int64
	first  int64 // where the first table stands
	tables int64
	bits   int
	name   string
}

func readFAT(src block.Source) (*fat, error) {
	p, err := cursor.Read(src, "fat: boot sector", 0, fatHead, fatHead)
	if err != nil {
		return nil, region.NotHere(err)
	}
	sector, cluster, reserved, tables := int64(le.Uint16(p[11:])), int64(p[13]), int64(le.Uint16(p[14:])), int64(p[16])
	root, sectors, length := int64(le.Uint16(p[17:])), int64(le.Uint16(p[19:])), int64(le.Uint16(p[22:]))
	f := &fat{tables: tables, bits: 16}
	label := p[43:54]
	if length == 0 {
		length, f.bits, label = int64(le.Uint32(p[36:])), 32, p[71:82]
	}
	if sectors == 0 {
		sectors = int64(le.Uint32(p[32:]))
	}
	jump := p[0] == 0xEB && p[2] == 0x90 || p[0] == 0xE9
	even := func(n int64) bool { return n > 0 && n&(n-1) == 0 }
	if p[510] != 0x55 || p[511] != 0xAA || !jump || sector < 512 || sector > 4096 || !even(sector) || !even(cluster) || reserved == 0 || tables < 1 || tables > 2 ||
		p[21] != 0xF0 && p[21] < 0xF8 || length == 0 || sectors <= reserved+tables*length || (f.bits == 32) != (root == 0) {
		return nil, cursor.ErrNot
	}
	clusters := (sectors - reserved - tables*length - (root*32+sector-1)/sector) / cluster
	if f.bits == 16 && clusters < 4085 {
		f.bits = 12
	}
	if (clusters+2)*int64(f.bits)/8 > length*sector+8 {
		return nil, cursor.ErrNot // the table is too short for what it should describe
	}
	f.size, f.first, f.table = sectors*sector, reserved*sector, length*sector
	if s := strings.TrimSpace(string(label)); s != "NO NAME" {
		f.name = s
	}
	return f, nil
}

func (f *fat) title() string { return fmt.Sprintf("FAT%d", f.bits) }

func lookFAT(_ context.Context, src block.Source) (firmware.Sighting, error) {
	f, err := readFAT(src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: f.title(), Name: f.name, Size: f.size}, nil
}

var errOther = errors.New("other bytes")

func openFAT(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	f, err := readFAT(src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: f.title(), Name: f.name, Role: firmware.Data, Announced: f.size}
	if f.size > src.Size() {
		part.Checks = append(part.Checks, fsimage.Cut(f.size, src.Size(), fsimage.Region{Name: "file system", Extent: block.Extent{Length: f.size}}))
	}
	both := block.Extent{Offset: f.first, Length: f.table * f.tables}
	if f.tables == 2 && both.End() <= src.Size() {
		c := firmware.Check{What: "two copies of the table", Method: "comparison", State: firmware.Passed, Extent: both, Strong: true, Expected: "the same bytes", Found: "the same bytes"}
		at := int64(0)
		second := make([]byte, 1<<20)
		err := region.Scan(ctx, src, block.Extent{Offset: f.first, Length: f.table}, func(p []byte) error {
			n, err := src.ReadAt(second[:len(p)], f.first+f.table+at)
			if n < len(p) {
				return err
			}
			if !bytes.Equal(p, second[:n]) {
				for i := range p {
					if p[i] != second[i] {
						at += int64(i)
						break
					}
				}
				return errOther
			}
			at += int64(n)
			return nil
		})
		switch {
		case errors.Is(err, errOther):
			c.State, c.Found, c.Why = firmware.Failed, fmt.Sprintf("other bytes from %d on", at), "one of them is damaged, or was not written"
		case err != nil:
			c.State, c.Why = firmware.Cannot, err.Error()
		}
		part.Checks = append(part.Checks, c)
	} else {
		part.Checks = append(part.Checks, firmware.Check{What: "content", Method: "sum", State: firmware.Cannot, Extent: block.Extent{Length: f.size}, Why: "FAT carries no checksums"})
	}
	fsimage.Behind(ctx, src, f.size, part, o)
	return part, ctx.Err()
}
