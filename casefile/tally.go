package casefile

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"salvor/block"
	"salvor/filetype"
	"salvor/finding"
	"salvor/host"
	"salvor/internal/wire"
	"salvor/recovery"
)

// How many rows a table of report.html has at most. All files are in report.json.
const (
	maxTrouble = 2000
	maxRenamed = 1000
	maxFolders = 300
	// maxFolderKeys bounds the folders that are counted apart; those behind it count together.
	maxFolderKeys = 10_000
	maxFormats    = 2000
)

// tally counts the entries of the catalogue in one walk over it.
type tally struct {
	files                  wire.Count
	folders, links, others int64
	verdicts               map[filetype.Verdict]wire.Count
	drawers                map[string]wire.Count
	classes                map[filetype.Class]wire.Count
	formats                map[string]wire.Count
	saved                  map[recovery.SaveState]wire.Count

	// What the page shows: without the files that were left out by rule, which have a table of their own.
	kept     map[filetype.Verdict]wire.Count
	byFolder map[string]map[filetype.Verdict]wire.Count
	byClass  map[filetype.Class]map[filetype.Verdict]wire.Count
	skipped  map[string]*reason // by code of the finding
	trouble  [4]rows[troubleRow]
	renamed  rows[renamedRow]
	sets     rows[setRow]
	missing  int64 // bytes
}

// setRow is a file beside which something is missing.
type setRow struct{ Name, ID, Text string }

// rows keeps the first of what it is given, and counts the rest.
type rows[T any] struct {
	List []T
	More int64
}

func (r *rows[T]) add(limit int, make func() T) {
	if len(r.List) >= limit {
		r.More++
		return
	}
	r.List = append(r.List, make())
}

// All returns how many there were.
func (r *rows[T]) All() int64 { return int64(len(r.List)) + r.More }

// The tables of files that are not whole.
const (
	troublePartial = iota
	troubleDamaged
	troubleLocked
	troubleFailed
)

// troubleRow is a file that is not whole, and why.
type troubleRow struct {
	Name, ID, SavedAs string
	Size              int64
	What              string   // what of it is missing, or up to where it is good
	Why               []string // sentences
}

// renamedRow is a file whose name on the target is another one.
type renamedRow struct{ Was, Is string }

// reason is why files were left out.
type reason struct {
	Text string
	wire.Count
}

func newTally() *tally {
	return &tally{
		verdicts: map[filetype.Verdict]wire.Count{}, drawers: map[string]wire.Count{}, classes: map[filetype.Class]wire.Count{},
		formats: map[string]wire.Count{}, saved: map[recovery.SaveState]wire.Count{},
		kept:     map[filetype.Verdict]wire.Count{},
		byFolder: map[string]map[filetype.Verdict]wire.Count{}, byClass: map[filetype.Class]map[filetype.Verdict]wire.Count{},
		skipped: map[string]*reason{},
	}
}

func count[K comparable](m map[K]wire.Count, k K, bytes int64) {
	n := m[k]
	n.Files++
	n.Bytes += max(bytes, 0)
	m[k] = n
}

func nested[K comparable](m map[K]map[filetype.Verdict]wire.Count, k K, v filetype.Verdict, bytes int64) {
	if m[k] == nil {
		m[k] = map[filetype.Verdict]wire.Count{}
	}
	count(m[k], v, bytes)
}

func (t *tally) add(e *recovery.Entry) {
	t.addRenamed(e)
	switch {
	case e.IsDir():
		t.folders++
		return
	case e.Mode&fs.ModeSymlink != 0:
		t.links++
		return
	case !e.Mode.IsRegular():
		t.others++
		return
	}
	t.files.Files++
	t.files.Bytes += max(e.Size, 0)
	class := e.Class
	if class == "" {
		class = filetype.Other
	}
	count(t.verdicts, e.Verdict, e.Size)
	count(t.drawers, e.Drawer(), e.Size)
	count(t.classes, class, e.Size)
	format := e.Format
	if _, ok := t.formats[format]; !ok && len(t.formats) >= maxFormats {
		format = ""
	}
	count(t.formats, format, e.Size)
	save := e.Save
	if save == "" {
		save = recovery.Pending
	}
	count(t.saved, save, e.Size)
	if save == recovery.Skipped {
		t.addSkipped(e)
		return
	}
	for _, f := range e.Findings {
		if f.Severity > finding.Info && strings.HasPrefix(f.Code, "relate.") {
			t.sets.add(maxTrouble, func() setRow { return setRow{nameOf(e), e.ID, f.String()} })
		}
	}
	count(t.kept, e.Verdict, e.Size)
	nested(t.byClass, class, e.Verdict, e.Size)
	folder := folderOf(e)
	if _, ok := t.byFolder[folder]; !ok && len(t.byFolder) >= maxFolderKeys {
		folder = "…"
	}
	nested(t.byFolder, folder, e.Verdict, e.Size)
	t.missing += e.Missing.Bytes()
	switch {
	case save == recovery.Failed:
		t.addTrouble(troubleFailed, e)
	case e.Verdict == filetype.Partial:
		t.addTrouble(troublePartial, e)
	case e.Verdict == filetype.Damaged:
		t.addTrouble(troubleDamaged, e)
	case e.Verdict == filetype.Encrypted:
		t.addTrouble(troubleLocked, e)
	}
}

// folderOf returns the drawer and the first two folders of a file: where a person looks.
func folderOf(e *recovery.Entry) string {
	drawer := e.Drawer()
	if e.Origin == recovery.FromContent {
		return drawer + "/" + string(cmp.Or(e.Class, filetype.Other))
	}
	out := fmt.Sprintf("%s: volume %d", drawer, e.Volume)
	dirs := strings.Split(e.Path, "/")
	for _, d := range dirs[:min(len(dirs)-1, 2)] {
		out += "/" + d
	}
	return out
}

func (t *tally) addTrouble(kind int, e *recovery.Entry) {
	t.trouble[kind].add(maxTrouble, func() troubleRow {
		return troubleRow{Name: nameOf(e), ID: e.ID, SavedAs: e.SavedAs, Size: e.Size, What: whatIsMissing(e), Why: reasons(e.Findings)}
	})
}

// nameOf returns what a person calls the file.
func nameOf(e *recovery.Entry) string {
	name := cmp.Or(e.Path, e.Name, e.ID)
	if e.Stream != "" {
		name += ":" + e.Stream
	}
	return name
}

func whatIsMissing(e *recovery.Entry) string {
	if n := e.Missing.Bytes(); n > 0 {
		return fmt.Sprintf("%s of %s missing: %s", host.Bytes(n), host.Bytes(e.Size), rangesText(e.Missing))
	}
	switch {
	case e.Verdict == filetype.Encrypted:
		return "encrypted"
	case e.GoodUntil <= 0:
		return "not good from its first byte on"
	case e.GoodUntil < e.Size:
		return fmt.Sprintf("good up to byte %d of %d", e.GoodUntil, e.Size)
	}
	return ""
}

// rangesText names the first ranges of s as first and last byte.
func rangesText(s block.Set) string {
	const most = 3
	var b strings.Builder
	i := 0
	for e := range s.All() {
		if i == most {
			fmt.Fprintf(&b, " and %d more ranges", s.Count()-most)
			break
		}
		if i++; i > 1 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "bytes %d to %d", e.Offset, e.End()-1)
	}
	return b.String()
}

// reasons returns the sentences of findings, the gravest first, no more than a person reads.
func reasons(list []finding.Finding) []string {
	sorted := slices.Clone(list)
	slices.SortStableFunc(sorted, func(a, b finding.Finding) int { return cmp.Compare(b.Severity, a.Severity) })
	var out []string
	for _, f := range sorted {
		if len(out) == 3 {
			break
		}
		if text := f.String(); !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	return out
}

func (t *tally) addSkipped(e *recovery.Entry) {
	code, text := "", "left out"
	if e.Erased {
		text = "erased: every byte is the same"
	}
	if len(e.Findings) > 0 {
		// The last finding is the one that was added when it was left out.
		f := e.Findings[len(e.Findings)-1]
		code = f.Code
		text, _, _ = strings.Cut(f.Text, "(")
		if e.DuplicateOf != "" {
			text = strings.ReplaceAll(text, e.DuplicateOf, "another file")
		}
	}
	r := t.skipped[code]
	if r == nil {
		if len(t.skipped) >= maxFolders {
			code = ""
		}
		if r = t.skipped[code]; r == nil {
			r = &reason{Text: text}
			t.skipped[code] = r
		}
	}
	r.Files++
	r.Bytes += max(e.Size, 0)
}

func (t *tally) addRenamed(e *recovery.Entry) {
	if e.SavedAs == "" || e.Origin != recovery.FromFileSystem || e.Stream != "" {
		return
	}
	rest := strings.TrimPrefix(e.SavedAs, "partial/")
	rest = strings.TrimPrefix(rest, e.Drawer()+"/")
	if _, path, ok := strings.Cut(rest, "/"); ok && path != e.Path {
		t.renamed.add(maxRenamed, func() renamedRow { return renamedRow{Was: e.Path, Is: e.SavedAs} })
	}
}
