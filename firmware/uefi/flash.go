package uefi

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/region"
)

// kinds are the regions of Intel's descriptor, by their numbers.
var regionKinds = []struct {
	name string
	role firmware.Role
}{
	{"descriptor", firmware.Table}, {"BIOS", firmware.BootLoader}, {"management engine", firmware.Program}, {"network settings (GbE)", firmware.Unique}, {"platform data", firmware.Data},
	{"device expansion", firmware.Data}, {"second BIOS", firmware.BootLoader}, {"microcode", firmware.Data}, {"embedded controller", firmware.Program}, {"second device expansion", firmware.Data},
	{"innovation engine", firmware.Program}, {"network settings (10 GbE)", firmware.Unique}, {"second network settings (10 GbE)", firmware.Unique},
}

// flashRegion is one of a descriptor.
type flashRegion struct {
	kind   int
	extent block.Extent
}

// descriptor is Intel's, at the beginning of a flash.
type descriptor struct {
	regions []flashRegion
	end     int64
}

func parseDescriptor(p []byte) (*descriptor, error) {
	le := binary.LittleEndian
	if len(p) < pageSize || le.Uint32(p[16:]) != 0x0FF0A55A {
		return nil, cursor.ErrNot
	}
	list, masters := int(le.Uint32(p[20:])>>16&0xFF)<<4, int(le.Uint32(p[24:])&0xFF)<<4
	if list < 0x30 || list+4*len(regionKinds) > pageSize {
		return nil, cursor.ErrNot
	}
	count := len(regionKinds)
	if masters > list { // older ones have fewer, and something else behind them
		count = min(count, (masters-list)/4)
	}
	d := &descriptor{}
	for i := range count {
		v := le.Uint32(p[list+4*i:])
		base, limit := int64(v&0x7FFF)<<12, int64(v>>16&0x7FFF)<<12|0xFFF
		if v == 0xFFFFFFFF || v == 0 && i > 0 || limit < base {
			continue // not there
		}
		d.regions = append(d.regions, flashRegion{i, block.Between(base, limit+1)})
		d.end = max(d.end, limit+1)
	}
	if len(d.regions) < 2 || d.regions[0].kind != 0 || d.regions[0].extent.Offset != 0 {
		return nil, cursor.ErrNot
	}
	slices.SortStableFunc(d.regions, func(a, b flashRegion) int { return cmp.Compare(a.extent.Offset, b.extent.Offset) })
	for i := 1; i < len(d.regions); i++ {
		if d.regions[i].extent.Overlaps(d.regions[i-1].extent) {
			return nil, cursor.Corrupt("Intel descriptor: regions", int64(list), "regions that do not overlap", fmt.Sprintf("%s and %s", regionKinds[d.regions[i-1].kind].name, regionKinds[d.regions[i].kind].name))
		}
	}
	return d, nil
}

func readDescriptor(src block.Source) (*descriptor, error) {
	p, err := cursor.Read(src, "Intel descriptor", 0, pageSize, pageSize)
	if err != nil {
		return nil, region.NotHere(err)
	}
	return parseDescriptor(p)
}

func lookFlash(_ context.Context, src block.Source) (firmware.Sighting, error) {
	d, err := readDescriptor(src)
	if err != nil {
		return firmware.Sighting{}, region.NotHere(err)
	}
	return firmware.Sighting{Title: "flash image with Intel's descriptor", Size: d.end}, nil
}

func openFlash(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	d, err := readDescriptor(src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: "flash image with Intel's descriptor", Role: firmware.Package, Announced: d.end, Installs: []firmware.Install{{Where: "flash", Needs: max(d.end, src.Size()), Loader: true}}}
	at, in := int64(0), ""
	for _, r := range d.regions {
		kind := regionKinds[r.kind]
		gap(ctx, src, part, block.Between(at, min(r.extent.Offset, src.Size())))
		at = r.extent.End()
		if r.extent.End() > src.Size() && in == "" {
			in = kind.name
		}
		if r.extent.Offset >= src.Size() {
			continue
		}
		child := region.Part(src, kind.name, kind.role, r.extent)
		child.Title = "region"
		switch {
		case r.kind == 1 || r.kind == 6:
			volumes(ctx, child.Source, child, o)
		case kind.role == firmware.Unique:
			network(child)
		case r.kind == 2:
			engine(child)
		}
		part.Children = append(part.Children, child)
	}
	if in != "" {
		part.Checks = append(part.Checks, firmware.Cut(in, d.end, src.Size()))
	}
	gap(ctx, src, part, block.Between(at, src.Size()))
	return part, ctx.Err()
}

// gap is what stands in no region.
func gap(ctx context.Context, src block.Source, part *firmware.Part, e block.Extent) {
	if e.Length <= 0 {
		return
	}
	if c, ok := region.Filled(ctx, src, "between regions", e); ok {
		part.Checks = append(part.Checks, c)
		return
	}
	part.Children = append(part.Children, region.Part(src, "between regions", firmware.Data, e))
}

// network checks the settings of Intel's network: two copies of 64 words, each with its sum. They hold the address of this
// one unit.
func network(part *firmware.Part) {
	part.Installs = append(part.Installs, firmware.Install{Where: part.Name, Unique: true})
	for _, at := range []int64{0, 0x1000} {
		p, err := cursor.Read(part.Source, "GbE region", at, 128, 128)
		if err != nil {
			continue
		}
		erased := true
		var sum uint16
		for i := 0; i < len(p); i += 2 {
			w := binary.LittleEndian.Uint16(p[i:])
			sum += w
			erased = erased && w == 0xFFFF
		}
		if erased {
			continue
		}
		c := firmware.Check{What: "settings", Method: "sum of 16 bits", State: firmware.Passed, Extent: block.Extent{Offset: at, Length: 128}, Expected: "baba", Found: fmt.Sprintf("%04x", sum)}
		if sum != 0xBABA {
			c.State = firmware.Failed
		}
		part.Checks = append(part.Checks, c)
	}
}

// engine says which layout the region of the management engine has.
func engine(part *firmware.Part) {
	p, err := cursor.Read(part.Source, "management engine", 0, 32, 32)
	switch {
	case err != nil:
	case string(p[16:20]) == "$FPT" || string(p[:4]) == "$FPT":
		part.Title = "region, with a table of partitions ($FPT)"
	}
}
