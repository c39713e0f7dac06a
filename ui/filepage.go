package ui

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"salvor/block"
	"salvor/filesystem"
	"salvor/filetype"
	"salvor/finding"
	"salvor/guard"
	"salvor/layers"
	"salvor/preview"
	"salvor/recovery"
	"salvor/rescue"
)

// hexBytes is how many bytes of a file one page shows as such; pages begin at any multiple of a line.
const hexBytes = 1024

// filePage gathers what the page of a file shows.
type filePage struct {
	s     *Server
	c     *rescue.Case
	key   string
	e     *recovery.Entry
	shown *rescue.Shown
	ask   url.Values
	notes []finding.Finding
	table *tablePart
	text  *textPart
	hex   *hexPart
}

// address is the page of this file with one more word.
func (p *filePage) address(name string, n int64, rest ...string) string {
	v := url.Values{"id": {p.e.ID}, name: {strconv.FormatInt(n, 10)}}
	for i := 0; i+1 < len(rest); i += 2 {
		v.Set(rest[i], rest[i+1])
	}
	return "/case/" + p.key + "/file?" + v.Encode()
}

// tablePart is a part of a table of a database.
type tablePart struct {
	Name        string
	Columns     []string
	Rows        [][]string
	First, Last int
	Broken      int64
	Back, Next  string
}

// textPiece is text, or how many bytes of it cannot be read.
type textPiece struct {
	Text string
	Lost int64
}

// textPart is a page of a text.
type textPart struct {
	Encoding    string
	Pieces      []textPiece
	Back, Next  string
	First, Last int64
}

// hexPart is a page of bytes.
type hexPart struct {
	Lines                    []string
	First, Last, Size        int64
	Back, Next, End, Damaged string
}

// read reads what the page shows of the content: rows, text and bytes. What cannot be read is said, and no error.
func (p *filePage) read(ctx context.Context) error {
	p.notes = slices.Clone(p.shown.Preview.Findings)
	if !p.e.Mode.IsRegular() || p.e.Size == 0 {
		return nil
	}
	src, done, err := p.c.Content(ctx, p.s.tables, p.e)
	if err != nil {
		return ctx.Err()
	}
	defer done()
	if err := p.readTable(ctx, src); err != nil {
		return err
	}
	err = guard.Do(ctx, preview.Time, src, func(_ context.Context, src block.Source) error {
		p.readText(src)
		p.readHex(src)
		return nil
	})
	if cause := ctx.Err(); cause != nil {
		return cause
	}
	if f, ok := guard.Finding(p.e.Format, preview.Time, err); ok {
		p.notes = append(p.notes, f)
	}
	return nil
}

// readTable reads the rows of the table that the address names by its number, of the first one when it names none.
func (p *filePage) readTable(ctx context.Context, src block.Source) error {
	format, ok := p.s.tables.Files.ByName(p.e.Format)
	n, skip := int(min(number(p.ask.Get("table")), filetype.MaxMembers)), int(min(number(p.ask.Get("skip")), 1<<30))
	if !ok || format.Rows == nil || n >= len(p.shown.Preview.Members) {
		return nil
	}
	rows, found, err := preview.RowsOf(ctx, format, src, n, skip)
	if err != nil {
		return err
	}
	p.notes = append(p.notes, found...)
	t := &tablePart{Name: plain(p.shown.Preview.Members[n].Name), First: skip + 1, Last: skip + len(rows.Values), Broken: rows.Broken}
	for _, c := range rows.Columns {
		t.Columns = append(t.Columns, plain(c))
	}
	width := len(t.Columns)
	for _, values := range rows.Values {
		row := make([]string, len(values))
		for i, v := range values {
			row[i] = plain(v)
		}
		width = max(width, len(row))
		t.Rows = append(t.Rows, row)
	}
	for len(t.Columns) < width {
		t.Columns = append(t.Columns, strconv.Itoa(len(t.Columns)+1))
	}
	if skip > 0 {
		t.Back = p.address("table", int64(n), "skip", strconv.Itoa(max(skip-filetype.MaxRows, 0)))
	}
	if rows.More {
		t.Next = p.address("table", int64(n), "skip", strconv.Itoa(skip+len(rows.Values)))
	}
	p.table = t
	return nil
}

// readText reads a page of a file that is text, or takes the text that its format made of it.
func (p *filePage) readText(src block.Source) {
	own := p.shown.Preview.Text
	page, ok := preview.TextAt(src, 0)
	if own != "" && p.shown.Preview.Encoding == "" && !(ok && begins(page, own)) {
		p.text = &textPart{Pieces: []textPiece{{Text: visible(own)}}}
		return
	}
	if !ok || len(p.shown.Preview.Members) > 0 {
		return
	}
	if at := number(p.ask.Get("text")); at > 0 {
		page, _ = preview.TextAt(src, at)
	}
	t := &textPart{Encoding: page.Encoding, First: page.Offset, Last: min(page.Offset+preview.TextBytes, src.Size())}
	for _, piece := range page.Pieces {
		t.Pieces = append(t.Pieces, textPiece{visible(piece.Text), piece.Lost.Length})
	}
	if page.Offset > 0 {
		t.Back = p.address("text", page.Offset-preview.TextBytes)
	}
	if page.Next >= 0 {
		t.Next = p.address("text", page.Next)
	}
	p.text = t
}

// begins reports whether a page of text begins as the text that a format made does, so that this is the file as it stands.
func begins(page preview.TextPage, own string) bool {
	const enough = 64
	raw := ""
	for _, piece := range page.Pieces {
		raw += piece.Text
	}
	own, raw = strings.TrimSpace(own), strings.TrimSpace(strings.ReplaceAll(raw, "\r\n", "\n"))
	return strings.HasPrefix(raw, own[:min(len(own), enough)])
}

// readHex reads a page of bytes: those that the address asks for, those around the damaged place, or the first.
func (p *filePage) readHex(src block.Source) {
	size := src.Size()
	at := number(p.ask.Get("hex"))
	around := max(p.shown.Place-hexBytes/4, 0) / preview.LineBytes * preview.LineBytes
	if !p.ask.Has("hex") && p.shown.Place >= 0 {
		at = around
	}
	last := max(size-1, 0) / hexBytes * hexBytes
	at = min(at, max(size-1, 0)) / preview.LineBytes * preview.LineBytes
	h := &hexPart{First: at, Last: min(at+hexBytes, size), Size: size}
	for _, l := range preview.Dump(src, block.Between(at, h.Last)) {
		h.Lines = append(h.Lines, l.String())
	}
	if at > 0 {
		h.Back = p.address("hex", max(at-hexBytes, 0)) + "#hex"
	}
	if h.Last < size {
		h.Next, h.End = p.address("hex", h.Last)+"#hex", p.address("hex", last)+"#hex"
	}
	if p.shown.Place >= 0 {
		h.Damaged = p.address("hex", around) + "#hex"
	}
	p.hex = h
}

func (p *filePage) facts() []fact {
	e := p.e
	list := []fact{{Word: "file.state", Is: found(e)}}
	add := func(word, value string) {
		if value != "" {
			list = append(list, fact{Word: word, Value: plain(value)})
		}
	}
	add("file.path", e.Path)
	add("file.volume", p.shown.Volume)
	add("file.format", e.Format)
	add("file.modified", when(e.Times.Modified))
	add("file.created", when(e.Times.Created))
	add("file.taken", when(e.Hints.Taken))
	add("file.camera", e.Hints.Camera)
	add("file.title.hint", e.Hints.Title)
	add("file.author", e.Hints.Author)
	for _, f := range p.shown.Preview.Facts {
		list = append(list, fact{Name: plain(f.Name), Value: plain(f.Value)})
	}
	return list
}

// found is the word for how a file is known.
func found(e *recovery.Entry) string {
	if e.Origin == recovery.FromContent {
		return "found.carved"
	}
	switch e.State {
	case filesystem.Deleted:
		return "found.deleted"
	case filesystem.Old:
		return "found.older"
	case filesystem.Orphan:
		return "found.orphan"
	case filesystem.Rebuilt:
		return "found.rebuilt"
	}
	return "found.live"
}

// memberRow is what a file holds.
type memberRow struct {
	Name, Note, Address string
	Size                int64
	State               string // word for what the examination said of it; "" where it said nothing
}

func (p *filePage) members() (list []memberRow) {
	format, _ := p.s.tables.Files.ByName(p.e.Format)
	all := p.shown.Preview.Members
	for i, m := range all[:min(len(all), shownMembers)] {
		row := memberRow{Name: plain(m.Name), Note: plain(m.Note), Size: m.Size}
		if format != nil && format.Rows != nil {
			row.Address = p.address("table", int64(i)) + "#table"
		} else if p.e.Class == filetype.Archive || p.e.Class == filetype.Firmware {
			row.State = memberState(p.e, m)
		}
		list = append(list, row)
	}
	return list
}

// memberState says how good a member of an archive is: what was found in it, or what holds for the whole archive.
func memberState(e *recovery.Entry, m filetype.Member) string {
	if strings.Contains(m.Note, "encrypted") {
		return "member.locked"
	}
	for _, f := range e.Findings {
		if name := f.Args["name"]; f.Severity > finding.Info && name != "" && (name == m.Name || strings.Trim(name, `"`) == m.Name) {
			return "member.damaged"
		}
	}
	if e.Verdict == filetype.Proven || e.Verdict == filetype.Consistent {
		return "member.good"
	}
	return "member.unknown"
}

// filePlaces is where a content stands, and where else it is.
type filePlaces struct {
	Runs     []block.Run
	MoreRuns int
	OnDisks  []layers.Place
	AlsoAt   []int64
	Same     []link
}

func (p *filePage) places(ctx context.Context) (out filePlaces, err error) {
	runs := p.e.Runs
	if p.e.Encoding != "" {
		runs = p.e.Stored
	}
	out.Runs, out.MoreRuns = runs[:min(len(runs), shownRuns)], max(len(runs)-shownRuns, 0)
	out.AlsoAt = p.e.AlsoAt[:min(len(p.e.AlsoAt), shownPlaces)]
	if p.shown.OnDisks != nil {
		for place := range p.shown.OnDisks {
			if out.OnDisks = append(out.OnDisks, place); len(out.OnDisks) == shownRuns {
				break
			}
		}
	}
	same, err := p.c.Catalog.Same(ctx, p.e)
	for _, o := range same {
		name := o.Path
		if name == "" {
			name = nameOf(o)
		}
		out.Same = append(out.Same, link{Name: plain(name), Address: "/case/" + p.key + "/file?id=" + url.QueryEscape(o.ID)})
	}
	return out, err
}

// visible shows the hidden characters of a text, but for the breaks of its lines.
func visible(text string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.ReplaceAll(text, "\r\n", "\n")) {
		body, end := strings.CutSuffix(line, "\n")
		b.WriteString(plain(strings.ReplaceAll(body, "\t", "    ")))
		if end {
			b.WriteByte('\n')
		}
	}
	return b.String()
}
