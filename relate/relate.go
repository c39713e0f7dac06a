package relate

import (
	"context"
	"fmt"
	"path"
	"slices"
	"sort"
	"strings"

	"salvor/block"
	"salvor/finding"
)

// File is one file of a folder.
type File struct {
	ID     string
	Path   string // in its volume
	Format string // name of the format's row, "" when there is none
	Size   int64
	Live   bool
	// Open gives the content; nil when there is none that could be read.
	Open func() (block.Source, error)
}

// Name returns the last element of the path, in lower case: what the rules compare.
func (f *File) Name() string { return strings.ToLower(path.Base(f.Path)) }

// Folder is what the rules are asked about.
type Folder struct {
	Path  string
	Files []*File
	// Exists reports whether the volume has a file of that path, in any state.
	Exists func(path string) bool
	// Find returns the file of that path, and List those of a folder; nil where there are none.
	Find func(path string) *File
	List func(folder string) []*File

	byName map[string][]*File
}

// Told is what a rule says of a file.
type Told struct {
	ID string // of the file
	// With are the IDs of the files that belong to this one and are saved with it.
	With    []string
	Finding finding.Finding
}

// Rule is a way in which files belong together.
type Rule struct {
	Name  string
	Words string // for people: what belongs together, and what is told when it is not
	apply func(ctx context.Context, f *Folder) []Told
}

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{together, companion, alone, partsMissing, listed, linked, gitMissing, gitIndex, setMissing, setWhole, walMode, mailCopy}

var (
	together = &finding.Def{Code: "relate.together", Severity: finding.Info,
		Text: "belongs together with {names}: {why}"}
	companion = &finding.Def{Code: "relate.companion", Severity: finding.Info,
		Text: "belongs to {names}: {why}"}
	alone = &finding.Def{Code: "relate.alone", Severity: finding.Warning,
		Text: "{why}; that file is not here: {expected}"}
	partsMissing = &finding.Def{Code: "relate.parts", Severity: finding.Error,
		Text: "one of several parts of an archive, of which {found} are not here"}
	listed = &finding.Def{Code: "relate.listed", Severity: finding.Warning,
		Text: "names {count} files that are not here: {found}"}
	linked = &finding.Def{Code: "relate.linked", Severity: finding.Warning,
		Text: "refers to {count} files outside of it that are not here: {found}"}
	gitMissing = &finding.Def{Code: "relate.git", Severity: finding.Error,
		Text: "this Git repository is not whole: {found}"}
	gitIndex = &finding.Def{Code: "relate.git.index", Severity: finding.Warning,
		Text: "its index is not here; `git index-pack` makes it anew"}
	setMissing = &finding.Def{Code: "relate.set", Severity: finding.Error,
		Text: "a backup of {kind} that is not whole: {found}"}
	setWhole = &finding.Def{Code: "relate.set.whole", Severity: finding.Info,
		Text: "a backup of {kind}: {found}"}
	walMode = &finding.Def{Code: "relate.wal", Severity: finding.Info,
		Text: "this database keeps its newest changes in {expected}, which is not here: when the device was not shut down in order, they are missing"}
	mailCopy = &finding.Def{Code: "relate.mail", Severity: finding.Info,
		Text: "a copy of a mailbox that Outlook opens only with the account it was made for; the mails themselves are in it"}
)

// Rules is the table of all rules.
var Rules = []Rule{
	{"companions", "a database and its -wal, -journal and -shm; .mdb and .ldb; a photo and its .xmp or .aae; a film and its .THM, .LRV or .trinf; the pack and the index of a Git repository", companions},
	{"parts", "the parts of an archive: name.7z.001, name.part1.rar, name.z01 and name.zip, name.r00 and name.rar", parts},
	{"write-ahead log", "a SQLite database in WAL mode whose -wal is not here", databases},
	{"playlists", "what .m3u, .m3u8, .pls, .xspf and .cue files name", playlists},
	{"mailboxes", ".ost files need the account that they were made for", mailboxes},
	{"git", "what HEAD and the branches of a Git repository name", repositories},
	{"backups", "backups of Home Assistant and OpenWrt hold what they list", backups},
	{"links", "files that Word, Excel and PowerPoint documents refer to", documents},
}

// Apply asks all rules about a folder. What they say comes in the order of the table; the error is that of ctx.
func Apply(ctx context.Context, f *Folder) ([]Told, error) {
	f.byName = make(map[string][]*File, len(f.Files))
	for _, x := range f.Files {
		f.byName[x.Name()] = append(f.byName[x.Name()], x)
	}
	var out []Told
	for _, r := range Rules {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		out = append(out, r.apply(ctx, f)...)
	}
	return out, ctx.Err()
}

// side is a companion: a file whose name says which file it belongs to.
type side struct {
	match func(name string) bool
	// of returns the names that the file may have which the companion belongs to, the likeliest first.
	of  func(name string) []string
	why string
	// kept says that the companion holds content of its file, and is saved with it.
	kept bool
}

var (
	photoEndings = []string{".jpg", ".jpeg", ".heic", ".heif", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".pef", ".srw", ".tif", ".tiff", ".png", ".mov", ".mp4", ".webp"}
	filmEndings  = []string{".mp4", ".mov", ".avi", ".m4v", ".mts", ".m2ts", ".ts", ".insv", ".360", ".mpg", ".3gp"}
)

func suffix(s string) func(string) bool {
	return func(name string) bool { return strings.HasSuffix(name, s) && len(name) > len(s) }
}

// without takes the suffix away, with puts others in its place.
func without(s string) func(string) []string {
	return func(name string) []string { return []string{strings.TrimSuffix(name, s)} }
}

func with(s string, endings ...string) func(string) []string {
	return func(name string) []string {
		stem := strings.TrimSuffix(name, s)
		var out []string
		if slices.Contains(endings, path.Ext(stem)) {
			out = append(out, stem) // IMG_1.CR2.xmp
		}
		for _, e := range endings {
			out = append(out, stem+e)
		}
		return out
	}
}

// goPro are the names of the films that a small film of a camera of that make belongs to.
func goPro(name string) []string {
	out := with(".lrv", filmEndings...)(name)
	if rest, ok := strings.CutPrefix(name, "gl"); ok {
		stem := strings.TrimSuffix(rest, ".lrv")
		out = append(out, "gx"+stem+".mp4", "gh"+stem+".mp4")
	}
	return out
}

var sides = []side{
	{suffix("-wal"), without("-wal"), "the newest changes of the database stand in its write-ahead log", true},
	{suffix("-journal"), without("-journal"), "the journal of a change of the database that was not finished", true},
	{suffix("-shm"), without("-shm"), "the index of the database's write-ahead log", true},
	{suffix(".ldb"), with(".ldb", ".mdb"), "the database was open when this lock was left", false},
	{suffix(".laccdb"), with(".laccdb", ".accdb"), "the database was open when this lock was left", false},
	{suffix(".xmp"), with(".xmp", photoEndings...), "edits and words about the photo", true},
	{suffix(".aae"), with(".aae", photoEndings...), "edits of the photo, made on the phone", true},
	{suffix(".thm"), with(".thm", append(filmEndings, ".jpg", ".cr2")...), "the small picture of a film", false},
	{suffix(".lrv"), goPro, "a small version of a film", false},
	{suffix(".trinf"), with(".trinf", filmEndings...), "the data of a recorder about a film", true},
	{suffix(".idx"), packOf, "the index of a Git pack", true},
}

// packOf is for names as Git gives them: pack-<hash>.idx.
func packOf(name string) []string {
	if !strings.HasPrefix(name, "pack-") {
		return nil
	}
	return []string{strings.TrimSuffix(name, ".idx") + ".pack"}
}

func companions(_ context.Context, f *Folder) []Told {
	var out []Told
	mains := map[string]*Told{}
	var order []string
	for _, x := range f.Files {
		name := x.Name()
		for _, s := range sides {
			if !s.match(name) {
				continue
			}
			candidates := s.of(name)
			if len(candidates) == 0 || slices.Equal(candidates, []string{""}) {
				continue
			}
			var main *File
			for _, c := range candidates {
				if list := f.byName[c]; len(list) > 0 {
					main = best(list, x.Live)
					break
				}
			}
			if main == nil {
				if s.match("a-journal") && !strings.Contains(strings.TrimSuffix(name, "-journal"), ".") {
					continue // many programs call other files so
				}
				out = append(out, Told{ID: x.ID, Finding: alone.New(finding.Arg("why", s.why), finding.Expected(candidates[0], nil))})
				continue
			}
			out = append(out, Told{ID: x.ID, Finding: companion.New(finding.Arg("names", path.Base(main.Path)), finding.Arg("why", s.why))})
			t := mains[main.ID]
			if t == nil {
				t = &Told{ID: main.ID, Finding: together.New(finding.Arg("names", path.Base(x.Path)), finding.Arg("why", s.why))}
				mains[main.ID] = t
				order = append(order, main.ID)
			} else {
				names := t.Finding.Args["names"] + ", " + path.Base(x.Path)
				t.Finding = together.New(finding.Arg("names", names), finding.Arg("why", t.Finding.Args["why"]))
			}
			if s.kept {
				t.With = append(t.With, x.ID)
			}
			break
		}
	}
	for _, id := range order {
		out = append(out, *mains[id])
	}
	for _, x := range f.Files {
		name := x.Name()
		if strings.HasPrefix(name, "pack-") && strings.HasSuffix(name, ".pack") && len(f.byName[strings.TrimSuffix(name, ".pack")+".idx"]) == 0 {
			out = append(out, Told{ID: x.ID, Finding: gitIndex.New()})
		}
	}
	return out
}

// best returns the file of several with one name that is in the same state.
func best(list []*File, live bool) *File {
	for _, x := range list {
		if x.Live == live {
			return x
		}
	}
	return list[0]
}

// some writes at most a few names of a list.
func some(names []string) string {
	const most = 5
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

func sorted[V any](m map[int]V) []int {
	keys := make([]int, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Ints(keys)
	return keys
}
