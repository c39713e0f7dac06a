package rescue

import (
	"context"
	"errors"
	"path"
	"strings"

	"salvor/block"
	"salvor/filesystem"
	"salvor/finding"
	"salvor/recovery"
	"salvor/relate"
)

const stepRelate = "relate"

// relate finds out which files of the current disk belong together, and what of them is missing. It speaks of files by
// their places in folders, so that only named files are asked about.
func (j *job) relate(ctx context.Context) error {
	done, err := j.cat.Done(ctx, j.step(stepRelate))
	if err != nil || done || j.isLess() {
		return err
	}
	for _, v := range j.tree.Volumes() {
		if v.FS == nil {
			continue
		}
		if err := j.relateVolume(ctx, v.Volume); err != nil {
			return err
		}
	}
	return j.cat.SetDone(ctx, j.step(stepRelate))
}

// openFolder is a folder whose files are still coming.
type openFolder struct {
	path  string
	files []*recovery.Entry
}

// maxFolder bounds the files of one folder that are looked at together.
const maxFolder = 200_000

// relateVolume walks over the files of a volume in order of their paths, in which all that is below a folder comes
// together: memory is that of the folders around the place where it is.
func (j *job) relateVolume(ctx context.Context, volume int) error {
	put := batch{cat: j.cat}
	stack := []*openFolder{{}}
	closeTo := func(folder string) error {
		for len(stack) > 1 && stack[len(stack)-1].path != folder && !strings.HasPrefix(folder, stack[len(stack)-1].path+"/") {
			top := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if err := j.relateFolder(ctx, volume, top, &put); err != nil {
				return err
			}
		}
		return nil
	}
	q := recovery.Query{Sources: []int{j.number}, Volumes: []int{volume}, Order: recovery.ByPath}
	for e, err := range j.cat.Select(ctx, q) {
		if err != nil {
			return err
		}
		if e.Path == "" || e.Stream != "" || !e.Mode.IsRegular() || e.Origin != recovery.FromFileSystem {
			continue
		}
		folder := path.Dir(e.Path)
		if folder == "." {
			folder = ""
		}
		if err := closeTo(folder); err != nil {
			return err
		}
		top := stack[len(stack)-1]
		if top.path != folder {
			top = &openFolder{path: folder}
			stack = append(stack, top)
		}
		if len(top.files) < maxFolder {
			top.files = append(top.files, e)
		}
	}
	for len(stack) > 0 {
		top := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if err := j.relateFolder(ctx, volume, top, &put); err != nil {
			return err
		}
	}
	return put.flush(ctx)
}

func (j *job) relateFolder(ctx context.Context, volume int, folder *openFolder, put *batch) error {
	if len(folder.files) == 0 {
		return nil
	}
	byID := make(map[string]*recovery.Entry, len(folder.files))
	f := &relate.Folder{Path: folder.path}
	for _, e := range folder.files {
		byID[e.ID] = e
		f.Files = append(f.Files, j.relateFile(e))
	}
	at := func(p string, limit int) []*recovery.Entry {
		var list []*recovery.Entry
		q := recovery.Query{Sources: []int{j.number}, Volumes: []int{volume}, PathPrefix: p, Limit: limit, Order: recovery.ByPath}
		for e, err := range j.cat.Select(ctx, q) {
			if err != nil {
				return list // the rules end with the context; what is not found is asked for by the next walk
			}
			list = append(list, e)
		}
		return list
	}
	f.Exists = func(p string) bool { return len(at(p, 1)) > 0 }
	f.Find = func(p string) *relate.File {
		for _, e := range at(p, 20) {
			if e.Path == p && e.Stream == "" {
				return j.relateFile(e)
			}
		}
		return nil
	}
	f.List = func(dir string) (out []*relate.File) {
		for _, e := range at(dir, 10_000) {
			if path.Dir(e.Path) == dir && e.Stream == "" {
				out = append(out, j.relateFile(e))
			}
		}
		return out
	}
	told, err := relate.Apply(ctx, f)
	if err != nil {
		return err
	}
	changed := map[string]bool{}
	for _, t := range told {
		e := byID[t.ID]
		if e == nil {
			continue
		}
		if !changed[t.ID] {
			changed[t.ID] = true
			e.Findings = withoutRelated(e.Findings)
		}
		if len(t.With) > 0 {
			args := map[string]string{argWith: strings.Join(t.With, "\n")}
			for k, v := range t.Finding.Args {
				args[k] = v
			}
			t.Finding.Args = args
		}
		e.Findings = append(e.Findings, t.Finding)
	}
	for _, e := range folder.files {
		if changed[e.ID] {
			if err := put.add(ctx, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// argWith is the argument of a finding that names the files which are saved together with this one, one ID a line.
const argWith = "with"

const relatedPrefix = "relate."

func withoutRelated(list []finding.Finding) []finding.Finding {
	out := list[:0:0]
	for _, f := range list {
		if !strings.HasPrefix(f.Code, relatedPrefix) {
			out = append(out, f)
		}
	}
	return out
}

func (j *job) relateFile(e *recovery.Entry) *relate.File {
	return &relate.File{ID: e.ID, Path: e.Path, Format: e.Format, Size: e.Size, Live: e.State == filesystem.Live, Open: func() (block.Source, error) {
		if e.Size == 0 {
			return nil, errEmpty
		}
		return recovery.Content(j.medium, e, j.tables.Decode)
	}}
}

var errEmpty = errors.New("rescue: an empty file")

// Together returns the IDs of the files that belong to those of q and are saved with them: the journal of a database, the
// later parts of an archive.
func (c *Case) Together(ctx context.Context, q recovery.Query) ([]string, error) {
	var ids []string
	if q.Limit == 0 { // else it is of the first ones in their order
		q.FindingPrefix = relatedPrefix
	}
	for e, err := range c.Catalog.Select(ctx, q) {
		if err != nil {
			return nil, err
		}
		for _, f := range e.Findings {
			if with := f.Args[argWith]; with != "" && strings.HasPrefix(f.Code, relatedPrefix) {
				ids = append(ids, strings.Split(with, "\n")...)
			}
		}
	}
	return ids, nil
}
