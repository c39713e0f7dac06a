package bootimg

import (
	"bytes"
	"context"
	"fmt"

	"salvor/block"
	"salvor/cursor"
	"salvor/finding"
	"salvor/firmware"
	"salvor/firmware/internal/region"
)

const (
	vendorMagic  = "VNDRBOOT"
	vendorHeader = 2128
	vendorEntry  = 108
	maxRamdisks  = 256
)

// vendor is the header of a vendor_boot image.
type vendor struct {
	version               uint32
	page, size            int64
	ramdisk, tree         int64
	table, entries, entry int64
	config                int64
	line, name            string
}

func parseVendor(p []byte) (*vendor, error) {
	if !bytes.HasPrefix(p, []byte(vendorMagic)) {
		return nil, cursor.ErrNot
	}
	c := cursor.New("Android vendor boot image: header", 0, p)
	c.Skip(8)
	v := &vendor{version: c.Uint32(), page: int64(c.Uint32()), size: 2112}
	c.Skip(8)
	v.ramdisk = int64(c.Uint32())
	v.line = text(c.Bytes(2048))
	c.Skip(4)
	v.name = text(c.Bytes(16))
	said := c.Uint32()
	v.tree = int64(c.Uint32())
	c.Skip(8)
	if v.version == newest {
		v.table, v.entries, v.entry, v.config = int64(c.Uint32()), int64(c.Uint32()), int64(c.Uint32()), int64(c.Uint32())
		v.size = vendorHeader
	}
	switch {
	case v.version != 3 && v.version != newest || said < 2108 || said > vendorHeader: // mkbootimg of Android 11 says 2108
		return nil, cursor.ErrNot
	case v.page < 2048 || v.page > 128<<10 || v.page&(v.page-1) != 0:
		return nil, cursor.ErrNot
	}
	return v, c.Err()
}

func readVendor(src block.Source) (*vendor, error) {
	p, err := cursor.Read(src, "Android vendor boot image: header", 0, vendorHeader, vendorHeader)
	if err != nil {
		return nil, region.NotHere(err)
	}
	v, err := parseVendor(p)
	return v, region.NotHere(err)
}

func (v *vendor) title() string {
	return fmt.Sprintf("Android vendor_boot image, version %d", v.version)
}

func (v *vendor) total() int64 {
	n := pages(v.size, v.page)
	for _, s := range []int64{v.ramdisk, v.tree, v.table, v.config} {
		n += pages(s, v.page)
	}
	return n
}

func lookVendor(_ context.Context, src block.Source) (firmware.Sighting, error) {
	v, err := readVendor(src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: v.title(), Name: v.name, Size: v.total()}, nil
}

func openVendor(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	v, err := readVendor(src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: v.title(), Name: v.name, Role: firmware.Ramdisk, Installs: []firmware.Install{{Where: "vendor_boot", Needs: v.total()}}}
	if v.line != "" {
		part.Findings = append(part.Findings, commandLine.New(finding.Arg("line", v.line)))
	}
	l := &layout{ctx: ctx, src: src, part: part, page: v.page}
	l.header(v.size)
	ramdisks := block.Extent{Offset: l.end, Length: v.ramdisk}
	// The ramdisks of version 4 are told one by one, in place of the section that they are in.
	first := len(l.list)
	section := l.add("vendor ramdisk", firmware.Ramdisk, v.ramdisk)
	l.add("device tree", firmware.DeviceTree, v.tree)
	table := block.Extent{Offset: l.end, Length: v.table}
	l.add("table of ramdisks", firmware.Table, v.table)
	config := block.Extent{Offset: l.end, Length: v.config}
	l.add("bootconfig", firmware.Settings, v.config)
	if p, err := cursor.Read(src, "Android vendor boot image: bootconfig", config.Offset, config.Length, 1<<20); err == nil && len(p) > 0 {
		part.Findings = append(part.Findings, bootConfig.New(finding.Arg("line", text(p))))
	}
	if v.entries > 0 && section != nil && !l.cut {
		list, check := v.ramdisks(src, table, ramdisks)
		part.Checks = append(part.Checks, check)
		if check.State == firmware.Passed && len(list) > 1 {
			for _, x := range list {
				section.Children = append(section.Children, x)
				o.Inner(ctx, x)
			}
			l.list = append(l.list[:first], l.list[first+1:]...)
		}
	}
	l.finish(o)
	return part, ctx.Err()
}

// kinds are the types of ramdisks.
var kinds = []string{"ramdisk", "platform ramdisk", "recovery ramdisk", "ramdisk of kernel modules"}

// ramdisks reads the table of ramdisks. Their places are those on the section, as parts of it.
func (v *vendor) ramdisks(src block.Source, table, section block.Extent) ([]*firmware.Part, firmware.Check) {
	check := firmware.Check{What: "table of ramdisks", Method: "structure", State: firmware.Passed, Extent: table,
		Expected: fmt.Sprintf("%d ramdisks inside of %d bytes", v.entries, section.Length), Found: fmt.Sprintf("%d ramdisks", v.entries)}
	fail := func(found string) ([]*firmware.Part, firmware.Check) {
		check.State, check.Found = firmware.Failed, found
		return nil, check
	}
	if v.entry < vendorEntry || v.entries > maxRamdisks || v.entry*v.entries != v.table {
		return fail(fmt.Sprintf("%d entries of %d bytes in a table of %d", v.entries, v.entry, v.table))
	}
	p, err := cursor.Read(src, "Android vendor boot image: table of ramdisks", table.Offset, table.Length, maxRamdisks*4096)
	if err != nil {
		return fail(err.Error())
	}
	var out []*firmware.Part
	for i := range v.entries {
		c := cursor.New("Android vendor boot image: ramdisk", table.Offset+i*v.entry, p[i*v.entry:(i+1)*v.entry])
		size, at, kind := int64(c.Uint32()), int64(c.Uint32()), c.Uint32()
		name := text(c.Bytes(32))
		e := block.Extent{Offset: at, Length: size}
		if !(block.Extent{Length: section.Length}).Contains(e) {
			return fail(fmt.Sprintf("ramdisk %d at %d with %d bytes", i+1, at, size))
		}
		if int(kind) < len(kinds) && name == "" {
			name = kinds[kind]
		}
		out = append(out, region.Part(block.Section(src, section), name, firmware.Ramdisk, e))
	}
	return out, check
}
