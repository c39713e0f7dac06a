package layers

import (
	"context"
	"fmt"
	"slices"

	"salvor/block"
	"salvor/filesystem"
	"salvor/finding"
)

// build makes the tree out of what was accepted.
func (r *resolver) build(ctx context.Context) error {
	r.tableLayers()
	r.volumeLayers()
	r.rivalLayers()
	r.partStates()
	r.freeLayers()
	r.known()
	r.summary()
	if r.chosen == nil && len(r.accepted) == 0 {
		if word, n := r.blank(block.Extent{Length: r.size}); word != "" {
			r.root.State = Damaged
			r.add(erased.New(finding.At(0, r.size), finding.Expected(n, word)))
		} else if r.size > 0 {
			r.root.State = Damaged
			r.add(nothing.New(finding.At(0, r.size)))
		}
	}
	sortTree(r.root)
	r.number()
	return ctx.Err()
}

func attach(parent, child *Layer) {
	child.Parent = parent
	parent.Children = append(parent.Children, child)
}

// tableLayers adds the tables and their partitions.
func (r *resolver) tableLayers() {
	rivals := 0
	for _, t := range r.tabs {
		chosen := t == r.chosen || t.parent != nil && t.parent.inner == t
		if !chosen && t.rival {
			if rivals >= maxTables || r.insideVolume(t) {
				r.insideTables++
				continue
			}
			rivals++
		}
		l := &Layer{
			ID: t.id, Kind: t.Scheme, Extent: block.Extent{Offset: t.Offset, Length: t.SectorSize},
			Label: t.Copy, UUID: t.UUID, State: Good, Score: t.score, Rival: t.rival, Table: &t.Table,
			Findings: slices.Clone(t.Findings),
		}
		if !t.Valid {
			l.State = Damaged
		}
		parent := r.root
		if t.parent != nil {
			parent = t.parent.layer
		}
		if chosen && t.Copy == "backup" {
			l.Findings = append(l.Findings, tableBackup.New(finding.At(t.Offset, t.SectorSize)))
		}
		if t.rival {
			best := "the volumes themselves"
			if r.chosen != nil {
				best = r.chosen.id
			}
			l.Findings = append(l.Findings, tableRival.New(finding.At(t.Offset, t.SectorSize), finding.Expected(best, nil)))
		}
		attach(parent, l)
		if t.same {
			continue
		}
		for _, p := range t.parts {
			p.layer = r.partLayer(p, t)
			attach(l, p.layer)
		}
	}
}

// insideVolume reports whether t stands inside of an accepted volume that can be read.
func (r *resolver) insideVolume(t *table) bool {
	return slices.ContainsFunc(r.accepted, func(v *candidate) bool {
		return v.healthy() && v.Extent.Has(t.Offset) && t.Offset-v.Extent.Offset >= mib
	})
}

func (r *resolver) partLayer(p *part, t *table) *Layer {
	l := &Layer{
		ID: p.id, Kind: "partition", Extent: p.Extent, Label: orElse(p.Name, p.TypeName), UUID: p.UUID,
		State: Good, Score: t.score, Rival: t.rival, Findings: slices.Clone(p.Findings),
		Source: block.Section(r.src, p.Extent), Entry: &p.Entry,
	}
	if p.Runs != nil {
		l.Source = block.Join(r.src, p.Runs, p.Extent.Length)
	}
	missing := int64(0)
	for _, e := range p.pieces() {
		missing += r.missing(e)
	}
	switch {
	case p.Extent.Length == 0:
		l.State = Damaged
	case missing == p.Extent.Length:
		l.State = Missing
		l.Findings = append(l.Findings, partitionOutside.New(finding.At(p.Extent.Offset, p.Extent.Length)))
	case missing > 0:
		l.State = Damaged
		l.Findings = append(l.Findings, partitionCut.New(finding.At(p.Extent.Offset, p.Extent.Length),
			finding.Expected(p.Extent.Length, missing)))
	}
	for _, o := range t.parts {
		if o != p && !o.Container && !p.Container && o.overlaps(p) {
			l.State = Damaged
			l.Findings = append(l.Findings, partitionOverlap.New(finding.At(p.Extent.Offset, p.Extent.Length), finding.Expected(nil, o.Number)))
		}
	}
	return l
}

// volumeLayers adds the accepted volumes to the innermost layer that holds them.
func (r *resolver) volumeLayers() {
	// Wrappers come before what they hold.
	slices.SortStableFunc(r.accepted, func(a, b *candidate) int {
		if d := cmpInt(a.Extent.Offset, b.Extent.Offset); d != 0 {
			return d
		}
		if d := cmpInt(b.Extent.Length, a.Extent.Length); d != 0 {
			return d
		}
		if wrappers[a.row.Name] != wrappers[b.row.Name] {
			if wrappers[a.row.Name] {
				return -1
			}
			return 1
		}
		return 0
	})
	leaves := r.leaves()
	for i, v := range r.accepted {
		v.layer = r.volumeLayer(v)
		var outer *candidate
		for _, o := range r.accepted[:i] {
			if o.fs == nil && o.Extent.Contains(v.Extent) {
				outer = o
			}
		}
		if h := r.holder(v); h != nil && h.layer != nil {
			outer = h
		}
		var home *part
		for _, p := range leaves {
			if p == v.part || v.part == nil && p.Extent.Contains(v.Extent) {
				home = p
			}
		}
		if home != nil && outer != nil && outer.Extent.Contains(home.Extent) && outer.Extent != home.Extent {
			outer = nil // a partition inside of it stands between
		}
		switch {
		case outer != nil:
			def := volumeInside
			if outer.overlay {
				def = volumeOverlay
			}
			v.layer.Findings = append(v.layer.Findings, def.New(finding.At(v.Extent.Offset, v.Extent.Length), finding.Expected(outer, nil)))
			attach(outer.layer, v.layer)
		case home != nil:
			if v.part == nil {
				v.layer.Findings = append(v.layer.Findings, volumeLost.New(finding.At(v.Extent.Offset, v.Extent.Length)))
			}
			attach(home.layer, v.layer)
		default:
			if v.Extent.Offset != 0 {
				v.layer.Findings = append(v.layer.Findings, volumeLost.New(finding.At(v.Extent.Offset, v.Extent.Length)))
			}
			attach(r.root, v.layer)
		}
	}
}

// volumeLayer makes the layer of one volume.
func (r *resolver) volumeLayer(v *candidate) *Layer {
	where := finding.At(v.Extent.Offset, v.Extent.Length)
	l := &Layer{
		Kind: v.kind(), Extent: v.Extent, Label: v.Label, UUID: v.UUID, State: Good, Score: v.score,
		Findings: slices.Clone(v.Findings), Source: block.Section(r.src, v.Extent), Member: v.member, Lock: v.lock,
	}
	if v.row != nil {
		l.Row = v.row.Name
	}
	if v.fs != nil {
		info := v.fs.Info()
		l.FS, l.Readable = v.fs, !v.Locked
		l.Label, l.UUID = orElse(info.Label, l.Label), orElse(info.UUID, l.UUID)
		l.Findings = append(l.Findings, shift(info.Findings, v.Extent.Offset)...)
		if info.State == filesystem.Damaged {
			l.State = Damaged
		}
		if !v.rooted {
			l.State = Damaged
			l.Findings = append(l.Findings, volumeErrors.New(where, finding.Expected(nil, v.rootErr)))
		}
	} else if v.asked {
		l.State = Damaged
		l.Findings = append(l.Findings, volumeOpen.New(where, finding.Arg("kind", v.Kind), finding.Expected(nil, v.openErr)))
	}
	l.Findings = append(l.Findings, shift(v.guardFindings(), v.Extent.Offset)...)
	if v.FromBackup {
		l.State = Damaged
		l.Findings = append(l.Findings, volumeBackup.New(where))
	}
	if v.own > v.Extent.Length || v.part != nil && v.Extent.Length > v.part.Extent.Length {
		l.State = Damaged
		l.Findings = append(l.Findings, volumeLarger.New(where, finding.Expected(v.part.Extent.Length, max(v.own, v.Extent.Length))))
	}
	if missing := r.missing(v.Extent); missing > 0 {
		l.State = Damaged
		l.Findings = append(l.Findings, volumeMissing.New(where, finding.Expected(v.Extent.Length, missing)))
	}
	if v.Locked {
		l.State = Locked
	}
	l.claimed()
	return l
}

// rivalLayers adds the readings that lost, below what they lost against.
func (r *resolver) rivalLayers() {
	for _, v := range r.rivals {
		l := r.volumeLayer(v)
		l.Rival, l.FS, l.Readable = true, nil, false
		parent := r.root
		where := finding.At(v.Extent.Offset, v.Extent.Length)
		switch {
		case v.old:
			parent = v.outer.layer
			l.Findings = append(l.Findings, volumeOlder.New(where, finding.Expected(v.outer, nil)))
		case v.outer != nil:
			if v.outer.layer != nil {
				parent = v.outer.layer
			}
			l.Findings = append(l.Findings, volumeRival.New(where, finding.Expected(v.outer, nil)))
		default:
			l.Findings = append(l.Findings, volumeWeak.New(where, finding.Expected(nil, v.score)))
		}
		l.ID = fmt.Sprintf("%s.%s@0x%x+0x%x", r.root.ID, v.Kind, v.Extent.Offset, v.Extent.Length)
		attach(parent, l)
	}
}

// Types of partitions that never hold a file system.
var bare = map[string]bool{
	"21686148-6449-6E6F-744E-656564454649": true, // BIOS boot
	"9E1A2D38-C612-4316-AA26-8B49521E5A8B": true, // PowerPC PReP boot
	"E3C9E316-0B5C-4DB8-817D-F92DF00215AE": true, // Microsoft reserved
}

// partStates says of partitions without a volume what they hold.
func (r *resolver) partStates() {
	for _, p := range r.leaves() {
		l := p.layer
		if l == nil || l.State == Missing || bare[p.Type] ||
			slices.ContainsFunc(r.accepted, func(v *candidate) bool { return v.Extent.Overlaps(p.Extent) }) {
			continue
		}
		where := finding.At(p.Extent.Offset, p.Extent.Length)
		if word, _ := r.blank(p.Extent); word != "" {
			l.Findings = append(l.Findings, partitionBlank.New(where, finding.Expected(nil, word)))
			continue
		}
		l.State = Damaged
		l.Findings = append(l.Findings, partitionUnknown.New(where))
	}
}

// freeLayers adds the gaps that no partition and no volume covers.
func (r *resolver) freeLayers() {
	var used block.Set
	for _, t := range r.tabs {
		for _, p := range t.parts {
			if p.Runs != nil && !t.rival && !t.same {
				used = used.Union(block.SetOf(p.pieces()...))
			}
		}
	}
	for _, p := range r.leaves() {
		used.Add(p.Extent)
	}
	for _, v := range r.accepted {
		used.Add(v.Extent)
	}
	if used.Empty() && r.chosen == nil {
		return
	}
	parent := r.root
	usable := block.Extent{Length: r.size}
	if r.chosen != nil {
		for _, c := range r.root.Children {
			if c.ID == r.chosen.id {
				parent = c
			}
		}
		reserved := r.chosen.SectorSize
		if r.chosen.Scheme == "gpt" {
			reserved = 2*r.chosen.SectorSize + 16<<10
		}
		usable = block.Between(reserved, r.size)
	}
	for gap := range used.Complement(usable).All() {
		if gap.Length < minGap {
			continue
		}
		attach(parent, &Layer{
			ID: fmt.Sprintf("%s.free@0x%x", r.root.ID, gap.Offset), Kind: "free", Extent: gap, State: Good, Score: parent.Score,
			Source: block.Section(r.src, gap),
		})
	}
}

// summary tells on the disk what was left out, and how the volumes were found.
func (r *resolver) summary() {
	if r.chosen == nil && slices.ContainsFunc(r.accepted, func(v *candidate) bool {
		return v.Extent.Offset != 0 && !slices.ContainsFunc(r.accepted, func(o *candidate) bool { return o.member != nil && o != v && o.Extent.Contains(v.Extent) })
	}) {
		r.add(tablesLost.New())
	}
	for _, c := range []struct {
		def *finding.Def
		n   int
	}{{candidatesInside, r.inside}, {candidatesDropped, r.dropped}, {candidatesUnopened, r.unopened}, {tableDropped, r.insideTables}} {
		if c.n > 0 {
			r.add(c.def.New(finding.Expected(nil, c.n)))
		}
	}
}

// samples is how many places are read to judge whether a range is blank.
const samples = 128

// blank returns the one byte that all samples of e hold, as text, and how many were read; "" when they
// differ or none could be read.
func (r *resolver) blank(e block.Extent) (string, int) {
	e = e.Intersect(block.Extent{Length: r.size})
	const size = 4096
	n := 0
	word := byte(0)
	buf := make([]byte, size)
	for i := range int64(samples) {
		at := e.Offset
		if e.Length > size {
			at += (e.Length - size) / (samples - 1) * i
			if i == samples-1 {
				at = e.End() - size
			}
		} else if i > 0 {
			break
		}
		m, _ := r.src.ReadAt(buf[:min(size, e.Length)], at)
		if m == 0 {
			continue
		}
		if n == 0 {
			word = buf[0]
		}
		n++
		if word != 0 && word != 0xff {
			return "", n
		}
		for _, b := range buf[:m] {
			if b != word {
				return "", n
			}
		}
	}
	if n == 0 {
		return "", 0
	}
	return fmt.Sprintf("0x%02x", word), n
}

func sortTree(l *Layer) {
	slices.SortStableFunc(l.Children, func(a, b *Layer) int {
		if a.Rival != b.Rival {
			if a.Rival {
				return 1
			}
			return -1
		}
		return cmpInt(a.Extent.Offset, b.Extent.Offset)
	})
	for _, c := range l.Children {
		sortTree(c)
	}
}

// number gives the accepted volumes their numbers, by offset; a wrapper comes before what it holds.
func (r *resolver) number() {
	for i, v := range r.accepted { // sorted by volumeLayers
		v.layer.Volume = r.before + i + 1
		v.layer.ID = fmt.Sprintf("v%d", v.layer.Volume)
	}
}
