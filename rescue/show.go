package rescue

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"salvor/block"
	"salvor/filesystem"
	"salvor/filetype"
	"salvor/finding"
	"salvor/host"
	"salvor/layers"
	"salvor/preview"
	"salvor/recovery"
)

var noMedium = &finding.Def{Code: "rescue.medium", Severity: finding.Warning,
	Text: "the source cannot be read ({found}); what is shown comes from the file as it was saved"}

// Shown is what is known of one file.
type Shown struct {
	Entry   *recovery.Entry
	Volume  string // label of its volume
	Preview preview.Preview
	// Place is why Bytes are shown: the first byte that is damaged or missing; -1 where none is known.
	Place int64
	Bytes []preview.Line
	// OnDisks leads to the disks under a volume that was put together or decrypted; nil for a file on a disk.
	OnDisks iter.Seq[layers.Place]
}

// How many bytes are shown before and behind a damaged place.
const (
	bytesBefore = 64
	bytesBehind = 192
)

// Entry returns the entry of that ID; where there is none, the files whose path it is.
func (c *Case) Entry(ctx context.Context, id string) ([]*recovery.Entry, error) {
	e, err := c.Catalog.Get(ctx, id)
	if err == nil || !errors.Is(err, recovery.ErrNoEntry) {
		return []*recovery.Entry{e}, err
	}
	var list []*recovery.Entry
	for e, err := range c.Catalog.Select(ctx, recovery.Query{PathPrefix: id, IncludeDirs: true, Limit: 100}) {
		if err != nil {
			return nil, err
		}
		if e.Path == id {
			list = append(list, e)
		}
	}
	if len(list) == 0 {
		return nil, err
	}
	return list, nil
}

// Show says what is known of e: its facts, a preview of its content, and the bytes around the place where it is
// damaged. The only errors are those of ctx and of the catalogue.
func (c *Case) Show(ctx context.Context, t *Tables, e *recovery.Entry) (s *Shown, err error) {
	s = &Shown{Entry: e, Place: damagedAt(e)}
	labels, err := c.Labels(ctx)
	if err != nil {
		return nil, err
	}
	s.Volume = labels[e.Volume]
	if c.IsVirtual(e.Source) {
		s.OnDisks = c.OnDisks(ctx, e)
	}
	if e.IsDir() || !e.Mode.IsRegular() || e.Size == 0 {
		return s, nil
	}
	src, close, err := c.content(ctx, t, e, &s.Preview)
	if err != nil {
		return s, ctx.Err()
	}
	defer func() { err = errors.Join(err, close()) }()
	s.Preview.Findings = append(s.Preview.Findings, c.Absent...)
	found := s.Preview.Findings
	format, _ := t.Files.ByName(e.Format)
	if s.Preview, err = preview.Of(ctx, format, src); err != nil {
		return nil, err
	}
	s.Preview.Findings = append(found, s.Preview.Findings...)
	switch {
	case s.Place >= 0:
		s.Bytes = preview.Dump(src, block.Between(max(0, s.Place-bytesBefore), s.Place+bytesBehind))
	case s.Preview.Text == "" && len(s.Preview.Members) == 0 && len(s.Preview.Facts) == 0:
		s.Bytes = preview.Dump(src, block.Extent{Length: bytesBefore + bytesBehind})
	}
	return s, nil
}

// content opens the bytes of e: on the medium, or where that cannot be read any more, as they were saved.
func (c *Case) content(ctx context.Context, t *Tables, e *recovery.Entry, p *preview.Preview) (src block.Source, close func() error, err error) {
	none := func() error { return nil }
	medium, err := c.Medium(ctx, e.Source)
	if err == nil {
		src, err = recovery.Content(medium, e, t.Decode)
	}
	if err == nil {
		return src, none, nil
	}
	if e.SavedAs != "" && e.Save == recovery.Saved {
		path, pathErr := c.Path(e.SavedAs)
		if pathErr == nil {
			if f, openErr := host.Open(ctx, path, host.OpenOptions{Alone: true}); openErr == nil {
				p.Findings = append(p.Findings, noMedium.New(finding.Expected(nil, err)))
				return block.Join(f.Source, savedRuns(e), e.Size), f.Close, nil
			}
		}
	}
	p.Findings = append(p.Findings, noContent.New(finding.Expected(nil, err)))
	return nil, none, err
}

// savedRuns leads to the bytes of e in the file as it was saved: what is missing is zeros there, and no content.
func savedRuns(e *recovery.Entry) []block.Run {
	var runs []block.Run
	for x := range e.Missing.Complement(block.Extent{Length: e.Size}).All() {
		runs = append(runs, block.Run{Logical: x.Offset, Physical: x.Offset, Length: x.Length, Kind: block.Data})
	}
	for x := range e.Missing.All() {
		runs = append(runs, block.Run{Logical: x.Offset, Length: x.Length, Kind: block.Lost})
	}
	return runs
}

var noContent = &finding.Def{Code: "rescue.no-content", Severity: finding.Warning,
	Text: "the content cannot be shown: {found}"}

// damagedAt returns the first byte of e that is damaged or missing, -1 where none is known.
func damagedAt(e *recovery.Entry) int64 {
	at := int64(-1)
	first := func(n int64) {
		if n >= 0 && n < e.Size && (at < 0 || n < at) {
			at = n
		}
	}
	for x := range e.Missing.All() {
		first(x.Offset)
		break
	}
	if e.GoodUntil < e.Size && (e.Verdict == filetype.Damaged || e.Verdict == filetype.Partial) {
		first(e.GoodUntil)
	}
	for _, f := range e.Findings {
		if f.Severity == finding.Error {
			first(f.Offset)
		}
	}
	return at
}

// StateWords says for people how a file is known.
func StateWords(e *recovery.Entry) string {
	switch {
	case e.Origin == recovery.FromContent:
		return "found by its content alone, without a name"
	case e.State == filesystem.Live:
		return "live: its volume lists it"
	case e.State == filesystem.Deleted:
		return "deleted"
	case e.State == filesystem.Old:
		return "an older version"
	case e.State == filesystem.Orphan:
		return "without a folder: its name or its folder is lost"
	case e.State == filesystem.Rebuilt:
		return "rebuilt from what was left of its metadata"
	}
	return fmt.Sprint(e.State)
}
