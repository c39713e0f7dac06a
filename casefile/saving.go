package casefile

import (
	"bufio"
	_ "embed" // the page's template
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"os"
	"time"

	"salvor/filetype"
	"salvor/internal/wire"
	"salvor/recovery"
)

//go:embed saving.html.tmpl
var savingText string

var savingTemplate = template.Must(template.Must(pageTemplate.Clone()).New("saving").Parse(savingText))

// maxListedFiles bounds the files that the report of a saving lists one by one.
const maxListedFiles = 2000

// SavedFile is a file in the report of a saving.
type SavedFile struct {
	Name, SavedAs, SHA256 string // hostile text, but for the hash
	Size                  int64
	View                  verdictView
}

// Saving is the report of one saving of files out of a case to another folder: what was saved where, what is whole, what is
// missing and why. The memory that it takes does not grow with the number of files.
type Saving struct {
	Program, Case, To string
	Sources           []Source
	Begun, Ended      time.Time
	Result            wire.Result // in what state things are, what is safe, what is next
	Checked           string      // what reading it again came to, one sentence
	Findings          []wire.Finding

	tally *tally
	files rows[SavedFile]
}

// Add takes up a file, after it is known what became of it: see [recovery.SaveOptions].
func (s *Saving) Add(e *recovery.Entry) {
	if s.tally == nil {
		s.tally = newTally()
	}
	s.tally.add(e)
	if e.Save != recovery.Saved || !e.Mode.IsRegular() {
		return
	}
	s.files.add(maxListedFiles, func() SavedFile {
		return SavedFile{Name: nameOf(e), SavedAs: e.SavedAs, SHA256: e.SHA256, Size: e.Size, View: viewOf(e.Verdict)}
	})
}

func viewOf(v filetype.Verdict) verdictView {
	for _, x := range verdictViews {
		if x.Verdict == v {
			return x
		}
	}
	return verdictView{Verdict: v, Light: "none", Mark: "?"}
}

// savingView is what the template reads.
type savingView struct {
	*Saving
	Light, Lasted string
	Verdicts      []verdictView
	Saved, Whole  wire.Count
	Apart         wire.Count // partial and damaged files, which stand in a folder of their own
	Classes       []row
	Troubles      []trouble
	Skipped       []*reason
	Renamed       []renamedRow
	MoreRenamed   int64
	Files         []SavedFile
	MoreFiles     int64
}

// Counts gives the template a table of counts.
func (v *savingView) Counts(head string, list []row) countsTable {
	return countsTable{Head: head, Verdicts: v.Verdicts, Rows: list}
}

// WriteHTML writes the report as one page, which needs nothing else, and can be printed.
func (s *Saving) WriteHTML(w io.Writer) error {
	t := s.tally
	if t == nil {
		t = newTally()
	}
	v := &savingView{Saving: s, Light: light(s.Result.Exit, true), Lasted: s.Ended.Sub(s.Begun).Round(time.Second).String(), Saved: t.saved[recovery.Saved],
		Skipped: t.reasons(), Renamed: t.renamed.List, MoreRenamed: t.renamed.More, Files: s.files.List, MoreFiles: s.files.More}
	for _, x := range verdictViews {
		x.Count = t.kept[x.Verdict]
		v.Verdicts = append(v.Verdicts, x)
		switch x.Verdict {
		case filetype.Proven, filetype.Consistent:
			v.Whole.Files, v.Whole.Bytes = v.Whole.Files+x.Files, v.Whole.Bytes+x.Bytes
		case filetype.Partial, filetype.Damaged:
			v.Apart.Files, v.Apart.Bytes = v.Apart.Files+x.Files, v.Apart.Bytes+x.Bytes
		}
	}
	for _, c := range filetype.Classes() {
		if m := t.byClass[c]; m != nil {
			v.Classes = append(v.Classes, rowOf(classWords[c], m))
		}
	}
	v.Troubles = t.troubles()
	for i := range v.Troubles {
		if v.Troubles[i].ID == "failed" {
			v.Troubles[i].Intro = "These files were chosen, and could not be saved there. They are still in the case."
		}
	}
	return savingTemplate.Execute(w, v)
}

// maxReports bounds the reports of one folder.
const maxReports = 1000

// WriteInto puts the report into a folder, under a name that nothing else has there, and returns the name.
func (s *Saving) WriteInto(root *os.Root) (string, error) {
	for i := 1; i <= maxReports; i++ {
		name := "report.html"
		if i > 1 {
			name = fmt.Sprintf("report-%d.html", i)
		}
		f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("casefile: %w", err)
		}
		w := bufio.NewWriterSize(f, 64<<10)
		err = s.WriteHTML(w)
		if err == nil {
			err = w.Flush()
		}
		if err == nil {
			err = f.Sync()
		}
		if err = errors.Join(err, f.Close()); err != nil {
			return "", fmt.Errorf("casefile: %s: %w", name, errors.Join(err, root.Remove(name)))
		}
		return name, nil
	}
	return "", fmt.Errorf("casefile: there are %d reports already", maxReports)
}
