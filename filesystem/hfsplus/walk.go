package hfsplus

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"strings"

	"salvor/block"
	"salvor/filesystem"
	"salvor/filesystem/internal/cluster"
	"salvor/finding"
)

const (
	// maxDepth is the deepest that folders are walked.
	maxDepth = 512
	// maxPath is the longest path that is built, in bytes.
	maxPath = 32 << 10
	// orphanFolder begins the name of folders for what stands in a folder that is gone.
	orphanFolder = "lost+found-"
)

// Files yields the root folder, and then every record of the catalogue, each folder followed by what is in it;
// then what stands in folders that are gone, what hard links should lead to and none does, and what was deleted.
func (v *volume) Files(ctx context.Context) iter.Seq2[*filesystem.File, error] {
	return func(yield func(*filesystem.File, error) bool) {
		w := &walker{v: v, ctx: ctx, yield: yield}
		w.all()
		if !w.stopped && ctx.Err() != nil {
			yield(nil, ctx.Err())
		}
	}
}

// walker goes over a volume once.
type walker struct {
	v       *volume
	ctx     context.Context
	yield   func(*filesystem.File, error) bool
	stopped bool
	// folders were listed, links are the numbers that hard links lead to.
	folders, links, folderLinks cluster.Bitmap
	private                     [2]uint32      // the folders of what links lead to, 0 for none
	quiet                       bool           // nothing is yielded
	seen                        cluster.Bitmap // objects that were listed, where leaves are not told from their older copies
	places                      []block.Extent
	tops                        map[uint32]string // the paths of folders that were listed without a parent
}

func (w *walker) over() bool { return w.stopped || w.ctx.Err() != nil }

func (w *walker) emit(f *filesystem.File) bool {
	if w.over() {
		return false
	}
	if w.quiet {
		for _, s := range f.Streams {
			for _, r := range s.Runs {
				if f.State != filesystem.Deleted && r.Kind == block.Data {
					w.places = append(w.places, r.PhysicalExtent())
				}
			}
		}
		return true
	}
	if !w.yield(f, nil) {
		w.stopped = true
	}
	return !w.stopped
}

func (w *walker) fail(err error) {
	if !w.over() && !w.quiet && !w.yield(nil, err) {
		w.stopped = true
	}
}

func (w *walker) all() {
	w.findPrivate()
	w.root()
	w.orphans()
	w.unlinked()
	if !w.quiet {
		w.deleted()
	}
}

// findPrivate looks for the folders in the root that hold what hard links lead to.
func (w *walker) findPrivate() {
	w.v.catalog.records(idRoot, func(r record) bool {
		if o, ok := parseObject(r); ok && o.folder {
			switch o.name {
			case linksFolder:
				w.private[0] = o.id
			case folderLinksFolder:
				w.private[1] = o.id
			}
		}
		return true
	}, func(error) {})
}

func (w *walker) root() {
	root := &object{folder: true, id: idRoot}
	w.v.catalog.records(idRootParent, func(r record) bool {
		if o, ok := parseObject(r); ok && o.id == idRoot {
			root = o
		}
		return true
	}, w.fail)
	f := w.file(root, "", "i2", filesystem.Live)
	if root.at == 0 {
		f.Sound = false
		f.Findings = append(f.Findings, folderOrphan.New(finding.Expected(nil, idRoot)))
	}
	w.emit(f)
	w.folder(idRoot, "", 0)
}

// folder lists what stands in the folder id.
func (w *walker) folder(id uint32, path string, depth int) {
	w.folders.Set(id)
	before := ""
	w.v.catalog.records(id, func(r record) bool {
		o, ok := parseObject(r)
		if !ok {
			if _, _, _, thread := parseThread(r); !thread {
				w.fail(w.v.corruptRecord(r))
			}
			return !w.over()
		}
		key := string(r.key)
		if key == before || w.v.searched && w.seen.Set(o.id) { // two leaves hold the same record
			return true
		}
		before = key
		w.object(o, path, depth)
		return !w.over()
	}, w.fail)
}

// object lists one record.
func (w *walker) object(o *object, path string, depth int) {
	if o.folder && (o.id == w.private[0] || o.id == w.private[1]) {
		return // what is in them is listed where its links are
	}
	name := filesystem.EscapeName(o.name)
	if o.name == "" {
		name = fmt.Sprintf("i%d", o.id)
	}
	p := join(path, name)
	id := fmt.Sprintf("i%d", o.id)
	prefix, _, link := o.isLink()
	if link {
		w.link(o, p, id, prefix)
		return
	}
	if !o.folder {
		w.emit(w.file(o, p, id, filesystem.Live))
		return
	}
	f := w.file(o, p, id, filesystem.Live)
	switch {
	case w.folders.Has(o.id) || o.id < idFirstUser:
		f.ID += fmt.Sprintf("-at%d", o.at)
		f.Sound = false
		f.Findings = append(f.Findings, folderAgain.New())
		w.emit(f)
	case depth >= maxDepth || len(p) > maxPath:
		f.Sound = false
		f.Findings = append(f.Findings, folderDeep.New(finding.Expected(maxDepth, nil)))
		w.folders.Set(o.id)
		w.emit(f)
	default:
		if w.emit(f) {
			w.folder(o.id, p, depth+1)
		}
	}
}

// link lists a hard link with what it leads to.
func (w *walker) link(o *object, path, id, prefix string) {
	private, seen := w.private[0], &w.links
	if prefix == "dir_" {
		private, seen = w.private[1], &w.folderLinks
	}
	target := w.v.named(private, fmt.Sprintf("%s%d", prefix, o.special))
	if target == nil || target.folder != (prefix == "dir_") {
		f := w.file(o, path, id, filesystem.Live)
		f.Sound = false
		f.Findings = append(f.Findings, fileLink.New(finding.Expected(fmt.Sprintf("%s%d", prefix, o.special), "nothing")))
		w.emit(f)
		return
	}
	again := seen.Set(o.special)
	whole := *target
	whole.name, whole.parent, whole.at = o.name, o.parent, o.at
	if !whole.folder {
		w.emit(w.file(&whole, path, id, filesystem.Live))
		return
	}
	f := w.file(&whole, path, id, filesystem.Live)
	if again || w.folders.Has(target.id) {
		f.Findings = append(f.Findings, folderAgain.New())
		w.emit(f)
		return
	}
	if w.emit(f) {
		w.folder(target.id, path, strings.Count(path, "/")+1)
	}
}

// named returns the object of that name in a folder, nil when there is none.
func (v *volume) named(folder uint32, name string) *object {
	if folder == 0 {
		return nil
	}
	var found *object
	v.catalog.records(folder, func(r record) bool {
		_, stored, ok := parseKey(r.key)
		if !ok || len(stored) != 2*len(name) || decodeName(stored) != name {
			return true
		}
		if o, ok := parseObject(r); ok {
			found = o
			return false
		}
		return true
	}, func(error) {})
	return found
}

// orphans lists what stands in folders that no other folder names.
func (w *walker) orphans() {
	for _, s := range w.v.catalog.live {
		if w.over() {
			return
		}
		w.v.catalog.leaf(s.node, func(r record) bool {
			if o, ok := parseObject(r); ok && o.parent != idRootParent && !w.folders.Has(o.parent) &&
				o.parent != w.private[0] && o.parent != w.private[1] {
				w.orphan(w.top(o.parent))
				if !w.folders.Has(o.parent) { // its folders do not lead here after all
					w.orphan(o.parent)
				}
			}
			return !w.over()
		}, func(error) {})
	}
}

// top climbs from a folder that was not listed to the highest such one that is known.
func (w *walker) top(id uint32) uint32 {
	for range maxDepth {
		parent := uint32(0)
		w.v.catalog.records(id, func(r record) bool {
			if n, p, _, ok := parseThread(r); ok && n == id {
				parent = p
				return false
			}
			return true
		}, func(error) {})
		if parent < idFirstUser || w.folders.Has(parent) {
			return id
		}
		id = parent
	}
	return id
}

// orphan lists a folder whose own record is gone, by its thread or its number alone.
func (w *walker) orphan(id uint32) {
	path := fmt.Sprintf("%s%d", orphanFolder, id)
	w.v.catalog.records(id, func(r record) bool {
		if n, _, name, ok := parseThread(r); ok && n == id && name != "" {
			path = fmt.Sprintf("%s%d-%s", orphanFolder, id, filesystem.EscapeName(name))
			return false
		}
		return true
	}, func(error) {})
	f := &filesystem.File{ID: fmt.Sprintf("i%d", id), Path: path, State: filesystem.Orphan, Mode: fs.ModeDir | 0o755,
		Findings: []finding.Finding{folderOrphan.New(finding.Expected(nil, id))}}
	if w.tops == nil {
		w.tops = map[uint32]string{}
	}
	w.tops[id] = path
	if w.emit(f) {
		w.folder(id, path, 1)
	}
}

// unlinked lists what stands in the private folders and no link leads to, as files that were deleted while they
// were open.
func (w *walker) unlinked() {
	for i, private := range w.private {
		if private == 0 || w.over() {
			continue
		}
		w.folders.Set(private)
		prefix, seen := [...]string{"iNode", "dir_"}[i], [...]*cluster.Bitmap{&w.links, &w.folderLinks}[i]
		path := orphanFolder + "unlinked"
		begun := false
		w.v.catalog.records(private, func(r record) bool {
			o, ok := parseObject(r)
			if !ok {
				return !w.over()
			}
			var n uint32
			if _, err := fmt.Sscanf(o.name, prefix+"%d", &n); err == nil && seen.Has(n) {
				return !w.over()
			}
			if !begun {
				begun = true
				w.emit(&filesystem.File{ID: fmt.Sprintf("unlinked%d", private), Path: path, State: filesystem.Orphan, Mode: fs.ModeDir | 0o755})
			}
			f := w.file(o, join(path, filesystem.EscapeName(o.name)), fmt.Sprintf("i%d", o.id), filesystem.Orphan)
			if w.emit(f) && o.folder && !w.folders.Has(o.id) {
				w.folder(o.id, f.Path, 2)
			}
			return !w.over()
		}, w.fail)
	}
}

func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}

// Used returns the volume's own structures, what its map calls used, and what its files take.
func (v *volume) Used(ctx context.Context) (block.Set, error) {
	extents := []block.Extent{{Offset: v.base, Length: headerAt + headerSize}}
	if v.h.at > 0 && v.base+v.h.size() <= v.src.Size() {
		extents = append(extents, block.Extent{Offset: v.base + v.h.size() - headerAt, Length: headerSize})
	}
	extents = append(extents, v.special...)
	w := &walker{v: v, ctx: ctx, quiet: true}
	w.all()
	if err := ctx.Err(); err != nil {
		return block.Set{}, err
	}
	set := block.SetOf(append(extents, w.places...)...)
	if v.allocation == nil {
		return set, nil
	}
	mapped, err := v.allocation.set(ctx, v)
	return set.Union(mapped), err
}
