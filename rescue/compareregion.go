package rescue

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"salvor/block"
	"salvor/compare"
	"salvor/compare/boot"
	"salvor/compare/ubi"
	"salvor/cursor"
	"salvor/filesystem"
	"salvor/host"
	"salvor/imaging"
	"salvor/layers"
)

const (
	// leastGap is the shortest stretch between partitions that is looked at, in bytes.
	leastGap = 4096
	espTable = 0x8000
	// ubiVolume is the kind of regions that are volumes of UBI.
	ubiVolume = "UBI volume"
)

// device is the storage that a package is held against.
type device struct {
	*mendable
	regions []compare.Region
	numbers []int // of each region's partition or volume; 0 for none
	kinds   []regionKind
	notes   []string
	volumes map[string]flashVolume // of UBI, by name
}

// flashVolume is a volume of UBI, with the image that it stands in and where that begins on the medium.
type flashVolume struct {
	image  *ubi.Image
	volume *ubi.Volume
	at     int64
}

// regionKind says how a region is named by the system of the device.
type regionKind uint8

const (
	onDisk regionKind = iota
	onUBI
	raw
)

// findRegions lists partitions, volumes of UBI and what no table names.
func (d *device) findRegions(ctx context.Context) error {
	var taken block.Set
	var failed error
	d.tree.Walk(func(l *layers.Layer, _ int) bool {
		if failed != nil || l.Rival || l.Medium > firstSource {
			return !l.Rival
		}
		switch {
		case l.Kind == "ubi":
			var e block.Extent
			if e, failed = d.addUBI(ctx, l); failed == nil {
				taken.Add(e)
			}
			return false
		case l.Kind != "partition" || l.Entry == nil || l.Entry.Container:
			return true
		case slices.ContainsFunc(l.Children, func(c *layers.Layer) bool { return c.Kind == "ubi" || c.Table != nil && !c.Rival }):
			return true // what stands inside is told instead
		}
		src := l.Source
		if src == nil {
			src = block.Section(d.source, l.Extent)
		}
		name := l.Label
		if name == "" {
			name = fmt.Sprintf("partition %d", l.Entry.Number)
		}
		d.add(compare.Region{Name: name, Kind: "partition", Place: l.Extent, Source: src}, l.Entry.Number, onDisk)
		taken.Add(l.Extent)
		return true
	})
	if failed != nil {
		return failed
	}
	if len(d.regions) == 0 {
		d.addESP(&taken)
	}
	for e := range taken.Complement(block.Extent{Length: d.size}).All() {
		if e.Length < leastGap {
			continue
		}
		name := fmt.Sprintf("unnamed from 0x%X", e.Offset)
		if e.Length == d.size {
			name = "whole medium"
		}
		d.add(compare.Region{Name: name, Kind: "raw", Place: e, Source: block.Section(d.source, e), Anywhere: true}, 0, raw)
	}
	return nil
}

func (d *device) add(r compare.Region, number int, kind regionKind) {
	r.Number = number
	r.Medium = firstSource
	d.regions, d.numbers, d.kinds = append(d.regions, r), append(d.numbers, number), append(d.kinds, kind)
}

// addUBI adds the volumes of UBI, and returns what of the medium is theirs: with the free blocks of the partition.
func (d *device) addUBI(ctx context.Context, l *layers.Layer) (block.Extent, error) {
	e := l.Extent
	if l.Parent != nil && l.Parent.Kind == "partition" && l.Parent.Extent.Contains(e) {
		e = block.Between(e.Offset, min(l.Parent.Extent.End(), d.size))
	}
	img, err := ubi.Attach(ctx, block.Section(d.source, e))
	if _, broken := cursor.IsCorrupt(err); broken {
		d.notes = append(d.notes, fmt.Sprintf("the volumes of UBI at %d cannot be read: %v", l.Extent.Offset, err))
		return e, nil
	}
	if err != nil {
		return e, err
	}
	for i, v := range img.Volumes {
		if d.volumes == nil {
			d.volumes = map[string]flashVolume{}
		}
		d.volumes[v.Name] = flashVolume{img, &img.Volumes[i], e.Offset}
		if v.Updating {
			d.notes = append(d.notes, fmt.Sprintf("UBI itself marks its volume %s: an update of it was begun and not ended", v.Name))
		}
		place := e
		if runs := block.Places(block.Origin(v.Source, block.Extent{Length: v.Source.Size()})).Extents(); len(runs) > 0 {
			place = block.Between(runs[0].Offset, runs[len(runs)-1].End())
		}
		d.add(compare.Region{Name: v.Name, Kind: ubiVolume, Place: place, Source: v.Source, EraseSize: v.BlockSize}, v.ID, onUBI)
	}
	return e, nil
}

// addESP takes the partition table of an ESP chip where the medium has no other one.
func (d *device) addESP(taken *block.Set) {
	b := make([]byte, 0xC00)
	n, _ := d.source.ReadAt(b, espTable) // without it there is none
	for i, p := range boot.ESPTable(b[:n]) {
		e := block.Extent{Offset: p.Offset, Length: p.Size}
		if e.End() > d.size || taken.Overlaps(e) {
			continue
		}
		d.add(compare.Region{Name: p.Name, Kind: "partition", Place: e, Source: block.Section(d.source, e), EraseSize: 4096}, i+1, onDisk)
		taken.Add(e)
	}
}

// nameSlots finds what there is twice: by hand, by RAUC's configuration, by the names.
func (d *device) nameSlots(byHand []string) error {
	for _, text := range byHand {
		if err := d.slotByHand(text); err != nil {
			return err
		}
	}
	for _, v := range d.tree.Volumes() {
		if v.FS == nil {
			continue
		}
		files, err := filesystem.Tree(v.FS, func(f *filesystem.File) bool {
			return f.Path == raucConfig || f.Mode.IsDir() && (f.Path == "etc" || f.Path == path.Dir(raucConfig))
		})
		if err != nil {
			continue // a volume that cannot be listed names no slot
		}
		if data, err := readFact(files, raucConfig); err == nil {
			d.raucSlots(string(data))
		}
	}
	for i := range d.regions {
		r := &d.regions[i]
		if group, slot, ok := compare.SlotName(r.Name); ok && r.Group == "" && d.kinds[i] != raw {
			r.Group, r.Slot = group, slot
		}
	}
	// A plain name beside one with an ending is the other slot; a slot alone is none.
	for i := range d.regions {
		r := &d.regions[i]
		if r.Group == "" && slices.ContainsFunc(d.regions, func(o compare.Region) bool { return o.Group == strings.ToLower(r.Name) }) {
			r.Group, r.Slot = strings.ToLower(r.Name), "first"
		}
	}
	count := map[string]int{}
	for _, r := range d.regions {
		count[r.Group]++
	}
	for i := range d.regions {
		if r := &d.regions[i]; count[r.Group] < 2 || count[r.Group] > 4 {
			r.Group, r.Slot = "", ""
		}
	}
	return nil
}

const raucConfig = "etc/rauc/system.conf"

// raucSlots reads the slots of RAUC's system.conf: [slot.rootfs.0] with device= and bootname=.
func (d *device) raucSlots(text string) {
	class, index := "", ""
	for _, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			f := strings.Split(strings.Trim(line, "[]"), ".")
			class, index = "", ""
			if len(f) == 3 && f[0] == "slot" {
				class, index = strings.ToLower(f[1]), f[2]
			}
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || class == "" {
			continue
		}
		switch i := d.byDevice(value); {
		case name == "device" && i >= 0:
			d.regions[i].Group, d.regions[i].Slot = class, index
		case name == "bootname":
			for k := range d.regions {
				if d.regions[k].Group == class && d.regions[k].Slot == index {
					d.regions[k].Slot = strings.ToLower(value)
				}
			}
		}
	}
}

// byDevice finds the region of a device's path, such as /dev/mmcblk0p2, /dev/ubi0_1 or /dev/disk/by-partlabel/rootfs_b;
// -1 for none.
func (d *device) byDevice(name string) int {
	base := path.Base(name)
	if i := slices.IndexFunc(d.regions, func(r compare.Region) bool { return strings.EqualFold(r.Name, base) }); i >= 0 {
		return i
	}
	digits := len(base)
	for digits > 0 && base[digits-1] >= '0' && base[digits-1] <= '9' {
		digits--
	}
	n, err := strconv.Atoi(base[digits:])
	if err != nil {
		return -1
	}
	kind := onDisk
	switch {
	case strings.HasPrefix(base, "ubi"):
		kind = onUBI
	case strings.HasPrefix(base, "mtd"):
		n++ // they are counted from 0
	case strings.HasPrefix(base, "mmcblk") && !strings.Contains(base, "p"), strings.HasPrefix(base, "loop"):
		return -1
	}
	for i, k := range d.numbers {
		if k == n && d.kinds[i] == kind {
			return i
		}
	}
	return -1
}

// resolve adds to the places that a package names by the paths of devices the regions that these are.
func (d *device) resolve(contents []compare.Content) {
	for _, c := range contents {
		for i := range c.Pieces {
			p := &c.Pieces[i]
			for _, w := range p.Where {
				if k := d.byDevice(w); strings.HasPrefix(w, "/dev/") && k >= 0 {
					p.Where = append(p.Where, d.regions[k].Name)
				}
			}
		}
	}
}

// slotByHand takes NAME=PARTITION: the name or number of a partition, or OFFSET+SIZE.
func (d *device) slotByHand(text string) error {
	name, where, ok := strings.Cut(text, "=")
	refuse := func(why string) error {
		return &host.RefusedError{Exit: host.ExitUsage, Code: "rescue.compare.slot", Why: fmt.Sprintf("--slot %s: %s.", text, why),
			Next: "Write NAME=PARTITION, as rootfs_b=3, rootfs_b=system2 or rootfs_b=0x600000+4Mi; `salvor look` shows what there is."}
	}
	if !ok || name == "" || where == "" {
		return refuse("a name and a partition are expected")
	}
	at := slices.IndexFunc(d.regions, func(r compare.Region) bool { return strings.EqualFold(r.Name, where) })
	if n, err := strconv.Atoi(where); at < 0 && err == nil {
		at = slices.Index(d.numbers, n)
		if n <= 0 {
			at = -1
		}
	}
	if from, size, found := strings.Cut(where, "+"); at < 0 && found {
		offset, err1 := imaging.ParseSize(from, sectorSize)
		length, err2 := imaging.ParseSize(size, sectorSize)
		e := block.Extent{Offset: offset, Length: length}
		if err1 != nil || err2 != nil || length <= 0 || e.End() > d.size {
			return refuse("such a place is not on the medium")
		}
		d.add(compare.Region{Name: name, Kind: "by hand", Place: e, Source: block.Section(d.source, e)}, 0, onDisk)
		at = len(d.regions) - 1
		d.cutRaw(e)
	}
	if at < 0 {
		return refuse("there is no such partition")
	}
	d.regions[at].Name = name
	return nil
}

// cutRaw takes a place that was named by hand out of what no table names, which is read but once.
func (d *device) cutRaw(e block.Extent) {
	for i := len(d.regions) - 1; i >= 0; i-- {
		r := d.regions[i]
		if d.kinds[i] != raw || !r.Place.Overlaps(e) {
			continue
		}
		d.regions, d.numbers, d.kinds = slices.Delete(d.regions, i, i+1), slices.Delete(d.numbers, i, i+1), slices.Delete(d.kinds, i, i+1)
		rest := block.SetOf(r.Place)
		rest.Remove(e)
		for x := range rest.All() {
			if x.Length >= leastGap {
				d.add(compare.Region{Name: fmt.Sprintf("unnamed from 0x%X", x.Offset), Kind: "raw", Place: x, Source: block.Section(d.source, x), Anywhere: true}, 0, raw)
			}
		}
	}
}

// bootInput gathers what boot loaders read.
func (d *device) bootInput() boot.Input {
	var in boot.Input
	for i, r := range d.regions {
		in.Areas = append(in.Areas, boot.Area{Name: r.Name, Loose: d.kinds[i] == raw, Source: r.Source})
	}
	for _, v := range d.tree.Volumes() {
		if v.FS == nil {
			continue
		}
		places := map[string]int64{}
		files, err := filesystem.Tree(v.FS, func(f *filesystem.File) bool {
			wanted := boot.WantedFile(f.Path)
			if wanted && len(f.Streams) > 0 && len(f.Streams[0].Runs) > 0 && f.Streams[0].Runs[0].Kind.Stands() {
				places[f.Path] = v.Extent.Offset + f.Streams[0].Runs[0].Physical
			}
			return wanted
		})
		if err != nil {
			continue // a volume that cannot be listed holds no choice that is known
		}
		in.Volumes = append(in.Volumes, boot.Volume{Name: fmt.Sprintf("volume %d", v.Volume), FS: files, Place: func(name string) int64 {
			if at, ok := places[name]; ok {
				return at
			}
			return -1
		}})
	}
	d.tree.Walk(func(l *layers.Layer, _ int) bool {
		if l.Kind == "partition" && !l.Rival && l.Entry != nil && l.Parent != nil && l.Parent.Kind == "gpt" && l.Parent.Table != nil {
			in.Entries = append(in.Entries, boot.Entry{Name: l.Entry.Name, Type: l.Entry.Type, Attributes: l.Entry.Flags, Offset: d.entryPlace(l)})
		}
		return true
	})
	return in
}

// entryPlace is where the attributes of a partition's GPT entry stand; -1 where the header does not say.
func (d *device) entryPlace(l *layers.Layer) int64 {
	t := l.Parent.Table
	b := make([]byte, 92)
	if n, _ := d.source.ReadAt(b, t.Offset); n < len(b) || string(b[:8]) != "EFI PART" {
		return -1
	}
	c := cursor.New("GPT header", t.Offset, b)
	c.Seek(72)
	first := int64(c.Uint64())
	c.Skip(4)
	return first*t.SectorSize + int64(l.Entry.Number-1)*int64(c.Uint32()) + 48
}
