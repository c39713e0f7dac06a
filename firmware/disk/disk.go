package disk

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/android"
	"salvor/firmware/internal/fsimage"
	"salvor/firmware/internal/region"
)

// Format is the row of this package in the table of firmware formats. It is not looked for in dumps: tables of a case are
// found without it.
func Format() firmware.Format {
	return firmware.Format{Name: "disk", Title: "disk image", Look: look, Open: open}
}

// tables are what an image begins with, and ends with.
type tables struct {
	record        []partition
	records       []block.Extent // of extended partitions
	protective    bool
	first, second *gpt
}

func read(src block.Source) (*tables, error) {
	t := &tables{}
	var err error
	t.record, t.records, t.protective, err = readRecord(src)
	for _, size := range []int64{512, 4096} {
		if g, e := readGPT(src, size, size); e == nil && t.first == nil {
			t.first = g
		}
	}
	if t.first != nil {
		t.second, _ = readGPT(src, t.first.other, t.first.sector) // what is missing is told below
	}
	if t.second == nil && (t.first == nil || !t.first.valid()) && t.protective {
		for _, size := range []int64{512, 4096} {
			if g, e := readGPT(src, src.Size()/size*size-size, size); e == nil && t.second == nil {
				t.second = g
			}
		}
	}
	switch {
	case t.first != nil && (t.first.valid() || t.protective):
		return t, nil
	case t.second != nil && t.second.valid():
		return t, nil
	case err != nil:
		return nil, cursor.ErrNot
	case t.protective && len(t.record) == 1:
		return t, nil
	}
	if t.record[0].Offset > src.Size() {
		return nil, cursor.ErrNot // not one byte of what it promises
	}
	return t, nil
}

// size is how long the disk is by its tables' word, in bytes.
func (t *tables) size() (end int64) {
	if t.first != nil && t.first.valid() {
		return t.first.other + t.first.sector
	}
	if t.second != nil && t.second.valid() {
		return t.second.at + t.second.sector
	}
	for _, p := range t.partitions() {
		end = max(end, p.End())
	}
	return end
}

// partitions are those of the better table, in the order in which they stand.
func (t *tables) partitions() []partition {
	out := t.record
	good := func(g *gpt) bool { return g != nil && g.valid() && g.listed && g.listSum == g.haveList }
	switch {
	case good(t.first), t.first != nil && !good(t.second):
		out = t.first.partitions
	case t.second != nil:
		out = t.second.partitions
	case t.protective:
		out = nil
	}
	out = slices.Clone(out)
	slices.SortStableFunc(out, func(a, b partition) int { return cmp.Compare(a.Offset, b.Offset) })
	return out
}

func (t *tables) title() string {
	kind := "MBR"
	if t.first != nil || t.second != nil || t.protective {
		kind = "GPT"
	}
	return fmt.Sprintf("disk image, %s, %d partitions", kind, len(t.partitions()))
}

func look(_ context.Context, src block.Source) (firmware.Sighting, error) {
	t, err := read(src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: t.title(), Size: t.size()}, nil
}

func open(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	t, err := read(src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: t.title(), Role: firmware.Table, Announced: t.size()}
	d := &image{ctx: ctx, src: src, part: part, o: o}
	if t.first != nil || t.second != nil || t.protective {
		d.copies(t)
	}
	d.used.Add(block.Extent{Offset: 440, Length: sector - 440}) // signature and entries of the record
	for _, e := range t.records {
		d.used.Add(e)
	}
	all := t.partitions()
	if size := t.size(); size > src.Size() {
		var regions []fsimage.Region
		complete := true
		for _, p := range all {
			regions = append(regions, fsimage.Region{Name: "partition " + p.words(), Extent: p.Extent})
			complete = complete && p.End() <= src.Size()
		}
		c := fsimage.Cut(size, src.Size(), append([]fsimage.Region{{Name: "space between partitions", Extent: block.Extent{Length: size}}}, regions...)...)
		if complete {
			// Makers leave the end away, on purpose.
			c.State, c.Why = firmware.Cannot, fmt.Sprintf("%d of %d bytes are there: all partitions, and not the end with the second table", src.Size(), size)
		}
		part.Checks = append(part.Checks, c)
	}
	at := int64(0)
	for _, p := range all {
		if ctx.Err() != nil {
			break
		}
		d.between(at, p.Offset)
		d.partition(p)
		at = max(at, p.End())
	}
	d.between(at, src.Size())
	return part, ctx.Err()
}

// image is one while it is read.
type image struct {
	ctx  context.Context
	src  block.Source
	part *firmware.Part
	o    *firmware.Opening
	used block.Set // bytes of tables
}

// copies checks both copies of a GPT.
func (d *image) copies(t *tables) {
	for i, g := range []*gpt{t.first, t.second} {
		name := []string{"GPT", "second GPT"}[i]
		if g == nil {
			c := firmware.Check{What: name, Method: "CRC-32", State: firmware.Failed, Extent: block.Extent{Length: d.src.Size()}, Expected: "a header", Found: "none"}
			if i == 1 && t.first != nil && t.first.other+t.first.sector > d.src.Size() {
				c.State, c.Why = firmware.Cannot, "its place lies behind the end of the file"
			}
			d.part.Checks = append(d.part.Checks, c)
			continue
		}
		head := block.Extent{Offset: g.at, Length: g.size}
		d.part.Checks = append(d.part.Checks, firmware.Sum32(name, "CRC-32", head, g.sum, g.have))
		d.used.Add(head)
		if fill, known := fsimage.Filling(d.ctx, d.src, "rest of the sector of the "+name, block.Between(head.End(), g.at+g.sector), 0); known {
			d.part.Checks = append(d.part.Checks, fill)
			d.used.Add(fill.Extent)
		}
		switch {
		case g.listed:
			d.part.Checks = append(d.part.Checks, firmware.Sum32("entries of the "+name, "CRC-32", g.list, g.listSum, g.haveList))
		default:
			d.part.Checks = append(d.part.Checks, firmware.Check{What: "entries of the " + name, Method: "CRC-32", State: firmware.Failed, Extent: g.list, Expected: "a list that can be read", Found: "none"})
		}
		d.used.Add(g.list)
	}
	if a, b := t.first, t.second; a != nil && b != nil && a.valid() && b.valid() && a.listSum != b.listSum {
		d.part.Checks = append(d.part.Checks, firmware.Check{What: "copies of the GPT", Method: "comparison", State: firmware.Failed, Extent: b.list, Expected: fmt.Sprintf("%08x, as the first", a.listSum), Found: fmt.Sprintf("%08x", b.listSum)})
	}
}

func (p partition) words() string {
	if p.name == "" {
		return fmt.Sprint(p.number)
	}
	return fmt.Sprintf("%d (%s)", p.number, p.name)
}

// units are names of partitions with data of one unit on devices that are no phones.
var units = []string{"art", "factory", "factory_data", "calibration", "caldata", "wifi-cal", "eeprom", "mfg", "provisioning"}

// role says what a partition is for, by its name.
func role(name string) firmware.Role {
	plain := android.Plain(name)
	switch r := android.Role(name); {
	case r != firmware.Data && r != "":
		return r
	case slices.Contains(units, plain):
		return firmware.Unique
	case strings.Contains(plain, "root") || plain == "system":
		return firmware.RootFS
	case strings.Contains(plain, "kernel"):
		return firmware.Kernel
	}
	return firmware.Data
}

// partition opens what stands in one.
func (d *image) partition(p partition) {
	child := region.Part(d.src, p.name, role(p.name), p.Extent)
	if p.name == "" {
		child.Name = fmt.Sprintf("partition %d", p.number)
	}
	if p.loader {
		child.Role = firmware.BootLoader
	}
	child.Installs = []firmware.Install{{Where: child.Name, Needs: p.Length, Loader: p.loader || android.Loader(p.name), Unique: child.Role == firmware.Unique}}
	if child.Size > 0 {
		d.o.Inner(d.ctx, child)
	}
	d.part.Children = append(d.part.Children, child)
}

// between tells what no partition holds: filling, or a part, as a boot loader in front of the first.
func (d *image) between(from, to int64) {
	gap := block.Between(from, min(to, d.src.Size()))
	if gap.Length <= 0 {
		return
	}
	for e := range d.used.Complement(gap).All() {
		fill := fsimage.Fill(d.ctx, d.src, e)
		if fill.Length < e.Length { // what begins with such bytes itself begins with a sector
			fill.Length = max(fill.End()/sector*sector-fill.Offset, 0)
		}
		value := []byte{0}
		if _, err := d.src.ReadAt(value, e.Offset); err == nil && fill.Length > 0 {
			d.part.Checks = append(d.part.Checks, region.Padding(d.ctx, d.src, "space between partitions", fill, value[0]))
		}
		rest := block.Between(fill.End(), e.End())
		if rest.Length == 0 || rest.Offset == 0 {
			continue // the boot code of the record, which nothing covers
		}
		child := region.Part(d.src, fmt.Sprintf("bytes at %d, in no partition", rest.Offset), firmware.Data, rest)
		d.o.Inner(d.ctx, child)
		d.part.Children = append(d.part.Children, child)
	}
}
