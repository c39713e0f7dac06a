package casefile

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"iter"
	"time"

	"salvor/filetype"
	"salvor/internal/wire"
	"salvor/recovery"
)

// Catalogue is what a report needs of the catalogue; [*recovery.Catalog] is one.
type Catalogue interface {
	Select(ctx context.Context, q recovery.Query) iter.Seq2[*recovery.Entry, error]
	Layers(ctx context.Context) ([]recovery.LayerRow, error)
}

// ReportData is what the main job gives to the reports.
type ReportData struct {
	Result wire.Result // in what state things are, what is safe, what is next
	// Finished is false while the work can go on: the report then says so first.
	Finished  bool
	Catalogue Catalogue
	Findings  []wire.Finding // about what is no single file
	// Floors leads from volumes that were put together of several disks, or decrypted, down to these; nil where there are
	// none.
	Floors recovery.Floors
	// Thumbnails are small pictures of files, the best first; the page shows them as they are.
	Thumbnails []Thumbnail
	// Steps and Avoid are further steps and warnings, one sentence each; Result.Next stands above them.
	Steps, Avoid []string
}

// Thumbnail is the small picture of a file.
type Thumbnail struct {
	Name, SavedAs string // hostile text
	Verdict       filetype.Verdict
	JPEG          []byte
}

// URL returns the picture as part of the page.
func (t Thumbnail) URL() template.URL {
	return template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(t.JPEG))
}

// WriteReports writes report.json, with every file of the catalogue, dfxml.xml with the places of each, and report.html,
// for a person. Each is replaced as a whole or not at all. The memory that it takes does not grow with the number of
// files.
func WriteReports(ctx context.Context, c *Case, d ReportData) error {
	if c.mode == Reader {
		return ErrReadOnly
	}
	journal, err := c.journalReport()
	if err != nil {
		return err
	}
	rows, err := d.Catalogue.Layers(ctx)
	if err != nil {
		return fmt.Errorf("casefile: report: %w", err)
	}
	maps, err := c.mapsOf(rows)
	if err != nil {
		return err
	}
	notes, err := c.CaseNotes()
	if err != nil {
		return err
	}
	comparison, err := c.Comparison()
	if err != nil {
		comparison = nil // a record that is broken can be made again, and does not keep the report from being written
	}
	answer, err := c.Answer()
	if err != nil {
		return err
	}
	p := &page{
		Comparison: comparison, Answer: answer,
		Maps: maps, CaseNotes: notes, Thumbnails: d.Thumbnails,
		Program: c.o.Program, Case: c.dir, Written: c.o.Now().UTC().Truncate(time.Second),
		Result: d.Result, Finished: d.Finished, Steps: d.Steps, Avoid: append(avoid[:len(avoid):len(avoid)], d.Avoid...),
		Record: c.Record(), Journal: journal, Findings: d.Findings, tally: newTally(), floors: d.Floors,
	}
	for _, r := range rows {
		p.Layers = append(p.Layers, wire.FromRow(r))
	}
	err = writeAtomic(c.root, c.dir, jsonName, func(w io.Writer) error {
		return p.writeJSON(w, d.Catalogue.Select(ctx, recovery.Query{IncludeDirs: true}))
	})
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, s := range p.Record.Sources {
		x := DFXML{Images: []string{s.Path}, Sector: s.SectorSize}
		if s.Container != nil {
			x.Format, x.Sector = s.Container.Title, int(s.Container.SectorSize)
		}
		if err := c.writeDFXML(ctx, s.Number, x, rows, d.Catalogue); err != nil {
			return err
		}
	}
	for _, v := range p.Record.Virtual {
		x := DFXML{Floors: d.Floors}
		for _, s := range p.Record.Sources {
			x.Images = append(x.Images, s.Path)
		}
		if err := c.writeDFXML(ctx, v.Number, x, rows, d.Catalogue); err != nil {
			return err
		}
	}
	return writeAtomic(c.root, c.dir, htmlName, p.writeHTML)
}

// writeDFXML writes the list of the files of one source, or of a volume that is none.
func (c *Case) writeDFXML(ctx context.Context, number int, d DFXML, rows []recovery.LayerRow, catalogue Catalogue) error {
	d.Program, d.Written = c.o.Program, c.o.Now()
	for _, r := range rows {
		if r.Source == number && r.Volume > 0 && !r.Rival {
			d.Volumes = append(d.Volumes, r)
		}
	}
	d.Files = func(volume int) iter.Seq2[*recovery.Entry, error] {
		return catalogue.Select(ctx, recovery.Query{Sources: []int{number}, Volumes: []int{volume}, IncludeDirs: true})
	}
	return writeAtomic(c.root, c.dir, dfxmlFile(number), func(w io.Writer) error { return WriteDFXML(w, d) })
}

// avoid are the steps by which people destroy what could still be saved.
var avoid = []string{
	"Do not let any computer format, initialise or repair the device (fsck, chkdsk, “scan and fix”): that overwrites what deleted and damaged files need.",
	"Do not repeat the update and do not install other firmware on the device before you have looked through the saved files.",
	"Do not delete this case folder before you have copied what you need somewhere else.",
}

// page is all that the reports show.
type page struct {
	Program  string
	Case     string
	Written  time.Time
	Result   wire.Result
	Finished bool

	Steps, Avoid []string
	Record       Record
	Layers       []wire.Layer
	Findings     []wire.Finding
	Journal      journalReport
	Maps         map[int]*mediumMap
	CaseNotes    []CaseNote
	Thumbnails   []Thumbnail
	Comparison   *Comparison // how far an update got; nil where that was not asked
	Answer       *Answer     // why it failed; nil where that was not asked

	tally  *tally
	floors recovery.Floors
}

// journalReport is what a report says of the journal at its time.
type journalReport struct {
	Acts    int64  `json:"acts"`
	SHA256  string `json:"sha256"`
	Intact  bool   `json:"intact"`
	Problem string `json:"problem,omitempty"`
}

func (c *Case) journalReport() (journalReport, error) {
	s, err := c.VerifyJournal()
	r := journalReport{Acts: s.Acts, SHA256: s.Last, Intact: err == nil}
	var bad *JournalError
	switch {
	case errors.As(err, &bad):
		r.Problem = wire.Text(bad.Error())
	case err != nil:
		return r, err
	}
	return r, nil
}
