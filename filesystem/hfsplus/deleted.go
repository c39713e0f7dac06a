package hfsplus

import (
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"salvor/block"
	"salvor/filesystem"
	"salvor/finding"
)

// maxDeleted bounds the deleted records that are kept to be sorted.
const maxDeleted = 1 << 20

// remains is a record of something that the catalogue does not name any more.
type remains struct {
	*object
	from string // where it was found
}

// deleted lists what was deleted: records in leaves that the tree has given up, behind the last record of leaves, and
// in older copies of leaves that the journal holds.
func (w *walker) deleted() {
	found := map[uint32]remains{}
	take := func(o *object, from string) bool {
		if len(found) >= maxDeleted || w.over() {
			return false
		}
		if !w.v.plausible(o) || w.v.isLive(o) {
			return true
		}
		if old, ok := found[o.id]; !ok || old.changed < o.changed || old.changed == o.changed && old.data.size < o.data.size {
			found[o.id] = remains{o, from}
		}
		return true
	}
	w.v.staleLeaves(take)
	w.v.slack(take)
	w.v.journalLeaves(take)
	list := make([]remains, 0, len(found))
	for _, r := range found {
		list = append(list, r)
	}
	type placed struct {
		remains
		path string
	}
	var all []placed
	lost := map[string]uint32{}
	for _, r := range list {
		dir := w.pathOf(r.parent, found, lost)
		all = append(all, placed{r, join(dir, filesystem.EscapeName(r.name))})
	}
	for _, path := range slices.Sorted(maps.Keys(lost)) {
		w.emit(&filesystem.File{ID: fmt.Sprintf("lost%d", lost[path]), Path: path, State: filesystem.Orphan, Mode: fs.ModeDir | 0o755,
			Findings: []finding.Finding{folderOrphan.New(finding.Expected(nil, lost[path]))}})
	}
	slices.SortFunc(all, func(a, b placed) int {
		return cmp.Or(cmp.Compare(strings.Count(a.path, "/"), strings.Count(b.path, "/")), cmp.Compare(a.path, b.path), cmp.Compare(a.id, b.id))
	})
	for _, p := range all {
		if len(p.path) > maxPath {
			continue
		}
		f := w.file(p.object, p.path, fmt.Sprintf("d%d", p.id), filesystem.Deleted)
		f.Sound = false
		f.Findings = append([]finding.Finding{deletedFrom.New(finding.Expected(nil, p.from))}, f.Findings...)
		if !w.emit(f) {
			return
		}
	}
}

// plausible reports whether a record that no leaf vouches for can be one.
func (v *volume) plausible(o *object) bool {
	if o.id < idFirstUser || o.name == "" || o.odd() != "" || o.parent != idRoot && o.parent < idFirstUser || o.parent == o.id {
		return false
	}
	if o.folder {
		return true
	}
	for _, k := range []*fork{&o.data, &o.resource} {
		blocks := uint64(0)
		for _, e := range k.extents {
			blocks += uint64(e.count)
		}
		if !v.h.valid(k) || k.size > v.h.size() || v.needed(k.size) > int64(k.blocks) || k.blocks > v.h.blocks || blocks > uint64(k.blocks) {
			return false
		}
	}
	return true
}

// isLive reports whether the catalogue still knows the object.
func (v *volume) isLive(o *object) bool {
	live := false
	v.catalog.records(o.id, func(r record) bool {
		id, _, _, ok := parseThread(r)
		live = ok && id == o.id
		return !live
	}, func(error) {})
	if live {
		return true
	}
	v.catalog.records(o.parent, func(r record) bool {
		other, ok := parseObject(r)
		live = ok && other.id == o.id
		return !live
	}, func(error) {})
	return live
}

// staleLeaves gives the records of leaves that are not part of the tree.
func (v *volume) staleLeaves(take func(*object, string) bool) {
	for _, i := range v.catalog.stale {
		if !v.catalog.leaf(i, func(r record) bool {
			o, ok := parseObject(r)
			return !ok || take(o, "a leaf that the catalogue has given up")
		}, func(error) {}) {
			return
		}
	}
}

// slack gives the records behind the last one of each leaf.
func (v *volume) slack(take func(*object, string) bool) {
	for _, s := range v.catalog.live {
		p, err := v.catalog.node(s.node)
		if err != nil {
			continue
		}
		d := parseDescriptor(p)
		offsets, limit := offsetTable(p, d.records)
		if offsets == nil || offsets[d.records] < descriptorSize {
			continue
		}
		for at := offsets[d.records] &^ 1; at+2+6+folderSize <= limit; at += 2 {
			r, ok := splitRecord(p[at:limit])
			if !ok || len(r.key) < 6 || len(r.key) != 6+2*int(be.Uint16(r.key[4:])) {
				continue
			}
			r.at = int64(s.node)*v.catalog.size + int64(at)
			if o, ok := parseObject(r); ok && !take(o, "the unused part of a leaf") {
				return
			}
		}
	}
}

// journalLeaves gives the records of older copies of leaves.
func (v *volume) journalLeaves(take func(*object, string) bool) {
	if v.journal == nil {
		return
	}
	node := make([]byte, v.catalog.size)
	for _, b := range v.journal.blocks {
		if b.length < v.catalog.size || b.length%v.catalog.size != 0 || !slices.ContainsFunc(v.catalog.runs, func(r block.Run) bool {
			return r.Kind == block.Data && r.PhysicalExtent().Has(b.target) && (r.Logical+b.target-r.Physical)%v.catalog.size == 0
		}) {
			continue
		}
		for at := b.at; at < b.at+b.length; at += v.catalog.size {
			if n, _ := v.src.ReadAt(node, at); n < len(node) || parseDescriptor(node).kind != nodeLeaf {
				continue
			}
			on := true
			_ = leafRecords(node, at, func(r record) bool {
				if o, ok := parseObject(r); ok {
					on = take(o, "an older copy in the journal")
				}
				return on
			})
			if !on {
				return
			}
		}
	}
}

// pathOf returns the path of a folder: of one that was listed, of one that was deleted, or of a folder for what has
// none, which is noted in lost.
func (w *walker) pathOf(id uint32, deleted map[uint32]remains, lost map[string]uint32) string {
	var names []string
	base := ""
	for depth := 0; ; depth++ {
		if id == idRoot || depth > maxDepth {
			break
		}
		if top, ok := w.tops[id]; ok {
			base = top
			break
		}
		parent, name := uint32(0), ""
		if w.folders.Has(id) {
			w.v.catalog.records(id, func(r record) bool {
				if n, p, s, ok := parseThread(r); ok && n == id {
					parent, name = p, s
					return false
				}
				return true
			}, func(error) {})
		} else if r, ok := deleted[id]; ok && r.folder {
			parent, name = r.parent, r.name
		}
		if parent == 0 || name == "" {
			base = fmt.Sprintf("%sfolder-%d", orphanFolder, id)
			lost[base] = id
			break
		}
		names = append(names, filesystem.EscapeName(name))
		id = parent
	}
	if base != "" {
		names = append(names, base)
	}
	slices.Reverse(names)
	return strings.Join(names, "/")
}

// split cuts the extents of a deleted file where the volume's map of blocks changes.
func (v *volume) split(l []extentDescriptor, deleted bool) []extentDescriptor {
	if !deleted {
		return l
	}
	var out []extentDescriptor
	var cut func(e extentDescriptor)
	cut = func(e extentDescriptor) {
		n, known := v.allocation.count(e)
		if e.count <= 1 || known && (n == 0 || n == e.count) || !known && v.allocation == nil || len(out) >= maxPieces {
			out = append(out, e)
			return
		}
		half := e.count / 2
		cut(extentDescriptor{e.start, half})
		cut(extentDescriptor{e.start + half, e.count - half})
	}
	for _, e := range l {
		cut(e)
	}
	return out
}

// deletedKind returns what the extents of a deleted file stand on by now, and tells of it.
func (v *volume) deletedKind(f *filesystem.File) func(extentDescriptor) block.RunKind {
	guessed := false
	return func(e extentDescriptor) block.RunKind {
		n, known := v.allocation.count(e)
		switch {
		case !known:
			if !guessed {
				guessed = true
				f.Findings = append(f.Findings, deletedGuessed.New())
			}
			return block.Guessed
		case n > 0:
			f.Findings = append(f.Findings, deletedForeign.New(finding.At(v.place(e.start), int64(e.count)*v.h.blockSize), finding.Expected(0, n)))
			return block.Foreign
		}
		return block.Data
	}
}
