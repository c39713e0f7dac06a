package casefile

import (
	"cmp"
	_ "embed" // the page's template
	"fmt"
	"html"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"salvor/filetype"
	"salvor/finding"
	"salvor/host"
	"salvor/internal/wire"
)

//go:embed report.html.tmpl
var pageText string

var pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"visible": visible, "bytes": host.Bytes, "number": number, "plural": plural,
}).Parse(pageText))

// maxShown is the most characters of a name or a text that the page shows.
const maxShown = 1000

// visible makes hostile text part of the page: nothing of it is markup, what is hidden or turns the
// direction of text stands as a visible escape, and its direction stays inside of it. Long paths may
// break behind a slash.
func visible(s string) template.HTML {
	var b strings.Builder
	b.WriteString("<bdi>")
	n := 0
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if n++; n > maxShown {
			b.WriteString("…")
			break
		}
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `<span class="esc">\x%02x</span>`, s[0])
		case wire.Hidden(r):
			fmt.Fprintf(&b, `<span class="esc">U+%04X</span>`, r)
		case r == '/':
			b.WriteString("/<wbr>")
		default:
			b.WriteString(html.EscapeString(s[:size]))
		}
		s = s[size:]
	}
	b.WriteString("</bdi>")
	return template.HTML(b.String())
}

// number writes n with narrow spaces between groups of three digits.
func number(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}

// plural writes "1 file", "2 files".
func plural(n int64, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + one + "s"
}

// verdictView is how a verdict is shown: the light, its word, and what it means.
type verdictView struct {
	Verdict           filetype.Verdict
	Light, Mark, Mean string
	wire.Count
}

// verdictViews are in the order in which people ask for them.
var verdictViews = []verdictView{
	{Verdict: filetype.Proven, Light: "good", Mark: "✔", Mean: "every byte is covered by a check that was computed"},
	{Verdict: filetype.Consistent, Light: "good", Mark: "✓", Mean: "opens and decodes to its end; nothing proves each single byte"},
	{Verdict: filetype.Partial, Light: "warn", Mark: "◐", Mean: "some bytes are missing, and it is known which"},
	{Verdict: filetype.Damaged, Light: "bad", Mark: "✘", Mean: "something in it contradicts itself, and it is known where"},
	{Verdict: filetype.Encrypted, Light: "bad", Mark: "🔒", Mean: "encrypted: the bytes are there, the key is not"},
	{Verdict: filetype.Unknown, Light: "none", Mark: "?", Mean: "saved as it was found; there is no check for this kind of file"},
}

// Words returns the word of the verdict.
func (v verdictView) Words() string { return v.Verdict.Words() }

type row struct {
	Name  string
	Cells []wire.Count // by verdictViews
	Sum   wire.Count
}

type trouble struct {
	ID, Title, Intro string
	Light            string
	Rows             []troubleRow
	All, More        int64
}

// view is what the template reads.
type view struct {
	*page
	Light       string
	Verdicts    []verdictView
	Files       wire.Count
	Folders     int64
	Links       int64
	SavedFiles  wire.Count
	Pending     wire.Count
	LeftOut     wire.Count
	MissingSum  int64
	Classes     []row
	ByFolder    []row
	MoreFolders int64
	Troubles    []trouble
	Skipped     []*reason
	Renamed     []renamedRow
	MoreRenamed int64
	Sets        []setRow
	MoreSets    int64
	Tree        []*node
	Rivals      []wire.Layer
	Notes       []wire.Finding
}

// node is a layer with what stands in it.
type node struct {
	wire.Layer
	Light, StateWords string
	Children          []*node
}

func (p *page) writeHTML(w io.Writer) error {
	t := p.tally
	v := &view{page: p, Light: light(p.Result.Exit, p.Finished), Files: t.files, Folders: t.folders, Links: t.links,
		SavedFiles: t.saved["saved"], Pending: t.saved["pending"], LeftOut: t.saved["skipped"], MissingSum: t.missing,
		Renamed: t.renamed.List, MoreRenamed: t.renamed.More, Sets: t.sets.List, MoreSets: t.sets.More}
	for _, x := range verdictViews {
		x.Count = t.kept[x.Verdict]
		v.Verdicts = append(v.Verdicts, x)
	}
	for _, c := range filetype.Classes() {
		if m := t.byClass[c]; m != nil {
			v.Classes = append(v.Classes, rowOf(classWords[c], m))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.byFolder)) {
		v.ByFolder = append(v.ByFolder, rowOf(name, t.byFolder[name]))
	}
	if n := len(v.ByFolder); n > maxFolders {
		// The folders with the most files are those that people look for; they keep their order.
		sizes := make([]int64, 0, n)
		for _, r := range v.ByFolder {
			sizes = append(sizes, r.Sum.Files)
		}
		slices.Sort(sizes)
		least := sizes[n-maxFolders]
		v.ByFolder = slices.DeleteFunc(v.ByFolder, func(r row) bool { return r.Sum.Files < least })
		v.ByFolder = v.ByFolder[:min(len(v.ByFolder), maxFolders)]
		v.MoreFolders = int64(n - len(v.ByFolder))
	}
	v.Troubles = t.troubles()
	v.Skipped = t.reasons()
	v.Tree, v.Rivals = treeOf(p.Layers)
	for _, f := range p.Findings {
		if f.Severity > finding.Info {
			v.Notes = append(v.Notes, f)
		}
	}
	for _, f := range p.Findings {
		if f.Severity == finding.Info {
			v.Notes = append(v.Notes, f)
		}
	}
	return pageTemplate.Execute(w, v)
}

// light returns the colour of the whole.
func light(exit int, finished bool) string {
	switch {
	case !finished:
		return "warn"
	case exit == 0:
		return "good"
	case exit == 10 || exit == 3:
		return "warn"
	}
	return "bad"
}

var classWords = map[filetype.Class]string{
	filetype.Photo: "Photos", filetype.Document: "Documents", filetype.Database: "Databases", filetype.Settings: "Settings",
	filetype.Video: "Videos", filetype.Audio: "Audio", filetype.Text: "Texts and logs", filetype.Archive: "Archives",
	filetype.Program: "Programs", filetype.Firmware: "Firmware", filetype.Other: "Other files",
}

func rowOf(name string, m map[filetype.Verdict]wire.Count) row {
	r := row{Name: name}
	for _, x := range verdictViews {
		n := m[x.Verdict]
		r.Cells = append(r.Cells, n)
		r.Sum.Files += n.Files
		r.Sum.Bytes += n.Bytes
	}
	return r
}

// reasons returns why files were left out, the most common first.
func (t *tally) reasons() []*reason {
	return slices.SortedFunc(maps.Values(t.skipped), func(a, b *reason) int {
		return cmp.Or(cmp.Compare(b.Files, a.Files), cmp.Compare(a.Text, b.Text))
	})
}

func (t *tally) troubles() []trouble {
	heads := [...]trouble{
		troubleFailed: {ID: "failed", Title: "Could not be saved", Light: "bad",
			Intro: "These files were found, and writing them into the case failed."},
		troublePartial: {ID: "partial", Title: "Partial", Light: "warn",
			Intro: "Bytes of these files are missing. What is there was saved under partial/; the missing ranges are listed beside each file."},
		troubleDamaged: {ID: "damaged", Title: "Damaged", Light: "bad",
			Intro: "These files contradict themselves at a known byte. They were saved under partial/ as they were found; many programs open them up to that byte."},
		troubleLocked: {ID: "locked", Title: "Locked", Light: "bad",
			Intro: "These files are encrypted. They were saved as they are and need the key of the device."},
	}
	var out []trouble
	for _, kind := range []int{troubleFailed, troublePartial, troubleDamaged, troubleLocked} {
		r := &t.trouble[kind]
		if r.All() == 0 {
			continue
		}
		x := heads[kind]
		x.Rows, x.All, x.More = r.List, r.All(), r.More
		out = append(out, x)
	}
	return out
}

var stateLights = map[string][2]string{
	"good": {"good", "good"}, "damaged": {"bad", "damaged"}, "missing": {"warn", "missing"}, "locked": {"warn", "locked"},
}

// treeOf nests the layers, over the borders between disks and the volumes that were put together out of them; rivals,
// which are not read, are told apart. Layers whose parent is not there stand at the top.
func treeOf(list []wire.Layer) (tops []*node, rivals []wire.Layer) {
	nodes := map[string]*node{}
	var order []*node
	for _, l := range list {
		if l.Rival {
			rivals = append(rivals, l)
			continue
		}
		n := &node{Layer: l, Light: stateLights[l.State][0], StateWords: stateLights[l.State][1]}
		switch {
		case l.Set != "" && l.State != "missing":
			n.StateWords += "; part of " + l.Set
		case !l.Readable && l.Volume > 0 && l.State != "locked":
			n.StateWords += "; names cannot be read, files come by their content alone"
		}
		order = append(order, n)
		if nodes[l.ID] == nil {
			nodes[l.ID] = n
		}
	}
	parent := map[*node]*node{}
	for _, n := range order {
		up := nodes[n.Parent]
		for p := up; p != nil; p = parent[p] {
			if p == n { // a damaged catalogue: no layer is its own ancestor
				up = nil
				break
			}
		}
		if up == nil || n.Parent == "" {
			tops = append(tops, n)
			continue
		}
		parent[n] = up
		up.Children = append(up.Children, n)
	}
	return tops, rivals
}

// countsTable is what the table of counts is made from.
type countsTable struct {
	Head     string
	Verdicts []verdictView
	Rows     []row
}

// Counts gives the template a table of counts.
func (v *view) Counts(head string, rows []row) countsTable {
	return countsTable{Head: head, Verdicts: v.Verdicts, Rows: rows}
}
