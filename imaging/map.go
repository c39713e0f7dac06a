package imaging

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"salvor/block"
	"salvor/cursor"
)

// Status is the state of a block of the map, or of the whole work; its value is its character in the file.
type Status byte

// The states of a block. NonTried, NonTrimmed, NonScraped, BadSector and Finished are also states of the work:
// what it does next.
const (
	NonTried   Status = '?' // not tried; the work: copying
	NonTrimmed Status = '*' // failed as a whole, its edges not looked for; the work: trimming
	NonScraped Status = '/' // failed, its sectors not tried one by one; the work: scraping
	BadSector  Status = '-' // failed sector by sector; the work: retrying
	Finished   Status = '+' // read and written
	Filling    Status = 'F' // only of the work
	Generating Status = 'G' // only of the work
)

func (s Status) String() string { return string(rune(s)) }

func (s Status) ofBlock() bool { return strings.IndexByte("?*/-+", byte(s)) >= 0 }
func (s Status) ofWork() bool  { return strings.IndexByte("?*/-+FG", byte(s)) >= 0 }

// Map says of each byte of a medium whether it was read.
type Map struct {
	*block.Map[Status]
	Pos      int64    // the place that was last tried, in bytes; of a backward pass its end
	Current  Status   // what the work does
	Pass     int      // of the current work, from 1
	Comments []string // heading lines, without "#" and the blank behind it
	Notes    []Note   // comments in the list of blocks, in order of offset
}

// Note is a comment in the list of blocks. It stays with its place, whatever becomes of the blocks around it.
type Note struct {
	Offset int64 // start of the block that it stood before or beside; the size of the map for one behind the last
	Beside bool  // on the line of the block; else on a line of its own before it
	Text   string
}

// NewMap returns the map of a medium of size bytes of which nothing was tried.
func NewMap(size int64) *Map {
	return &Map{Map: block.NewMap(size, NonTried), Current: NonTried, Pass: 1,
		Comments: []string{"Mapfile. Created by Salvor, as GNU ddrescue writes it"}}
}

// Clone returns a Map that shares nothing with m.
func (m *Map) Clone() *Map {
	c := *m
	c.Map = m.Map.Clone()
	c.Comments = append([]string(nil), m.Comments...)
	c.Notes = append([]Note(nil), m.Notes...)
	return &c
}

// Of returns the bytes in one of the given states.
func (m *Map) Of(states ...Status) block.Set {
	return m.Where(func(s Status) bool { return bytes.IndexByte(statusBytes(states), byte(s)) >= 0 })
}

func statusBytes(states []Status) []byte {
	b := make([]byte, len(states))
	for i, s := range states {
		b[i] = byte(s)
	}
	return b
}

// Fit returns the map for a medium of size bytes: cut there, or with what lies behind its end not tried. A
// map whose last block had no size needs it.
func (m *Map) Fit(size int64) *Map {
	if m.Size() == size {
		return m
	}
	fit := *m
	fit.Map = block.NewMap(max(size, 0), NonTried)
	for e, s := range m.All() {
		fit.Set(e, s)
	}
	return &fit
}

// The limits of what is read: far beyond any file that a program writes.
const (
	maxLine     = 64 << 10
	maxComments = 64
	maxNotes    = 1 << 16
)

// columns are heading lines that are written anew each time.
var columns = [...]string{"# current_pos  current_status  current_pass", "#      pos        size  status"}

// ReadMap reads a map file. A file that breaks the format is a [*cursor.CorruptError], whose offset is that of the
// line; other errors are those of r.
func ReadMap(r io.Reader) (*Map, error) {
	p := &mapReader{m: &Map{Current: NonTried, Pass: 1}}
	if err := p.read(r); err != nil {
		return nil, err
	}
	return p.end()
}

func (p *mapReader) read(r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4096), maxLine)
	lines.Split(func(data []byte, atEOF bool) (int, []byte, error) {
		n, token, err := bufio.ScanLines(data, atEOF)
		p.next += int64(n)
		return n, token, err
	})
	for lines.Scan() {
		p.number++
		if err := p.line(lines.Text()); err != nil {
			return err
		}
		p.offset = p.next
	}
	if err := lines.Err(); err == bufio.ErrTooLong {
		return p.corrupt(fmt.Sprintf("a line of at most %d bytes", maxLine), "a longer one")
	} else if err != nil {
		return fmt.Errorf("map file: %w", err)
	}
	return nil
}

type mapReader struct {
	m            *Map
	number       int
	offset, next int64
	begun        bool       // the first line that is no comment was seen
	open         bool       // the last block has no size
	loose        bool       // blocks may stand anywhere
	blocks       []mapBlock // where they may stand anywhere
	size         int64
}

type mapBlock struct {
	e block.Extent
	s Status
}

func (p *mapReader) corrupt(expected, found string) error {
	return cursor.Corrupt(fmt.Sprintf("map file: line %d", p.number), p.offset, expected, found)
}

func (p *mapReader) line(s string) error {
	text := strings.TrimSpace(s)
	if strings.HasPrefix(text, "#") {
		comment := strings.TrimRight(strings.TrimPrefix(strings.Map(printable, text[1:]), " "), " ")
		column := slices.ContainsFunc(columns[:], func(c string) bool { return strings.TrimSpace(comment) == strings.TrimLeft(c, "# ") })
		switch {
		case column:
		case p.begun:
			p.note(p.size, false, comment)
		case len(p.m.Comments) < maxComments:
			p.m.Comments = append(p.m.Comments, comment)
		}
		return nil
	}
	fields := strings.Fields(s)
	beside := ""
	for i, f := range fields {
		if f[0] == '#' {
			fields = fields[:i]
			_, beside, _ = strings.Cut(strings.Map(printable, s), "#")
			break
		}
	}
	if len(fields) == 0 {
		return nil
	}
	first := !p.begun
	p.begun = true
	// Files of version 1.6 and before have no status line: the second field tells.
	beside = strings.TrimSpace(beside)
	if first && len(fields) >= 2 && len(fields[1]) == 1 && Status(fields[1][0]).ofWork() {
		if beside != "" {
			p.m.Comments = append(p.m.Comments, beside)
		}
		return p.status(fields)
	}
	if beside != "" {
		p.note(p.size, true, beside)
	}
	return p.block(fields)
}

// note keeps a comment of the list of blocks.
func (p *mapReader) note(at int64, beside bool, text string) {
	if len(p.m.Notes) < maxNotes && !p.loose {
		p.m.Notes = append(p.m.Notes, Note{at, beside, text})
	}
}

func (p *mapReader) status(fields []string) (err error) {
	if p.m.Pos, err = number(fields[0]); err != nil {
		return p.corrupt("a position", fields[0])
	}
	p.m.Current = Status(fields[1][0])
	switch len(fields) {
	case 2: // version 1.21 and before
		return nil
	case 3:
		pass, err := strconv.ParseUint(fields[2], 10, 31)
		if err != nil || pass == 0 {
			return p.corrupt("the number of a pass, from 1", fields[2])
		}
		p.m.Pass = int(pass)
		return nil
	}
	return p.corrupt("2 or 3 fields", fmt.Sprintf("%d", len(fields)))
}

func (p *mapReader) block(fields []string) error {
	if len(fields) != 3 {
		return p.corrupt("position, size and status", fmt.Sprintf("%d fields", len(fields)))
	}
	pos, err := number(fields[0])
	if err != nil {
		return p.corrupt("a position", fields[0])
	}
	if p.open {
		return p.corrupt("no block behind the one without a size", fields[0])
	}
	length := int64(math.MaxInt64) - pos
	if fields[1] == "-1" {
		p.open = true
	} else if length, err = number(fields[1]); err != nil || length > math.MaxInt64-pos {
		return p.corrupt("a size", fields[1])
	}
	if len(fields[2]) != 1 || !Status(fields[2][0]).ofBlock() {
		return p.corrupt("one of ? * / - +", strconv.Quote(fields[2]))
	}
	if p.loose {
		p.blocks = append(p.blocks, mapBlock{block.Extent{Offset: pos, Length: length}, Status(fields[2][0])})
		return nil
	}
	if p.size == 0 && pos > 0 {
		// What lies before the first block was not tried.
		p.add(pos, NonTried)
	}
	if pos != p.size {
		return p.corrupt(fmt.Sprintf("a block at 0x%X", p.size), fmt.Sprintf("one at 0x%X", pos))
	}
	p.add(length, Status(fields[2][0]))
	return nil
}

func (p *mapReader) add(length int64, s Status) {
	if p.m.Map == nil {
		p.m.Map = block.NewMap(0, s)
	}
	p.m.Append(length, s)
	p.size += length
}

func (p *mapReader) end() (*Map, error) {
	if !p.begun {
		return nil, p.corrupt("a status line and blocks", "none")
	}
	if p.m.Map == nil {
		p.m.Map = block.NewMap(0, NonTried)
	}
	return p.m, nil
}

// number reads an integer as C++ writes it: hexadecimal behind 0x, octal behind 0, else decimal.
func number(s string) (int64, error) {
	base := 10
	switch {
	case len(s) > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X'):
		s, base = s[2:], 16
	case len(s) > 1 && s[0] == '0':
		s, base = s[1:], 8
	}
	n, err := strconv.ParseUint(s, base, 63)
	return int64(n), err
}

// WriteTo writes the map as GNU ddrescue does.
func (m *Map) WriteTo(w io.Writer) (int64, error) {
	c := &countWriter{w: bufio.NewWriterSize(w, 64<<10)}
	for _, line := range m.Comments {
		fmt.Fprintf(c, "# %s\n", strings.Map(printable, line))
	}
	fmt.Fprintf(c, "%s\n0x%08X     %c               %d\n%s\n", columns[0], m.Pos, m.Current, max(m.Pass, 1), columns[1])
	left := m.Notes
	for e, s := range m.All() {
		var beside []string
		for ; len(left) > 0 && left[0].Offset < e.End(); left = left[1:] {
			if left[0].Beside {
				beside = append(beside, left[0].Text)
			} else {
				fmt.Fprintf(c, "# %s\n", strings.Map(printable, left[0].Text))
			}
		}
		fmt.Fprintf(c, "0x%08X  0x%08X  %c", e.Offset, e.Length, s)
		if len(beside) > 0 {
			fmt.Fprintf(c, "  # %s", strings.Map(printable, strings.Join(beside, "; ")))
		}
		fmt.Fprintln(c)
	}
	for _, n := range left {
		fmt.Fprintf(c, "# %s\n", strings.Map(printable, n.Text))
	}
	if err := c.w.Flush(); err != nil {
		return c.n, fmt.Errorf("map file: %w", err)
	}
	return c.n, nil
}

// printable keeps a comment on its line.
func printable(r rune) rune {
	if r < ' ' || r == 0x7F {
		return ' '
	}
	return r
}

type countWriter struct {
	w *bufio.Writer
	n int64
}

func (c *countWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// joinSubsectors makes whole sectors of blocks that begin or end inside of one: a sector of which nothing is
// finished gets the state of its part that was processed least, so that no part of it is thrown away when it is read.
func (m *Map) joinSubsectors(sector int64) {
	var cuts []int64
	for e := range m.All() {
		if at := e.Offset / sector * sector; e.Offset%sector != 0 && (len(cuts) == 0 || cuts[len(cuts)-1] != at) {
			cuts = append(cuts, at)
		}
	}
	for _, at := range cuts {
		whole := block.Extent{Offset: at, Length: sector}
		least, finished := len(states), false
		for _, s := range m.Within(whole) {
			finished = finished || s == Finished
			least = min(least, stateIndex(s))
		}
		if !finished {
			m.Set(whole, Status(states[least]))
		}
	}
}
