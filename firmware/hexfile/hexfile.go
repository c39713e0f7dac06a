package hexfile

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
)

// Bounds of a file: a line has 255 bytes at most in both formats.
const (
	maxLine  = 1 << 10
	maxRuns  = 4096
	maxBytes = 1 << 30 // that come out
	maxBad   = 16      // lines that are told one by one
)

// Formats are the rows of this package in the table of firmware formats.
func Formats() []firmware.Format {
	return []firmware.Format{
		{Name: "ihex", Title: "Intel HEX program", Look: looker(intel), Open: opener(intel)},
		{Name: "srec", Title: "Motorola S-record program", Look: looker(motorola), Open: opener(motorola)},
	}
}

// dialect is one of the two formats.
type dialect struct {
	title string
	begin byte
	parse func(line string, r *reading) error
	// behind says what is to be said at the end of all lines.
	behind func(r *reading, p *firmware.Part)
}

// reading is what was read so far.
type reading struct {
	base   int64 // upper bits of addresses
	runs   []run
	total  int64
	ended  bool
	lines  int64 // with data
	counts int64 // that a line says; -1 for none
	name   string
	over   bool // more came than is kept
	kind   byte // of S-records with data, 0 before the first
	mixed  bool // S-records are of kinds that no tool writes together
	titled bool // there was a title
}

// run is bytes that stand behind each other.
type run struct {
	at   int64
	data []byte
}

// errSum says that a line does not match its sum.
type errSum struct{ expected, found byte }

func (e *errSum) Error() string { return fmt.Sprintf("sum %02x, computed %02x", e.expected, e.found) }

var errLine = errors.New("a line of the format")

func (r *reading) put(at int64, data []byte) {
	r.lines++
	if r.total += int64(len(data)); r.total > maxBytes {
		r.over = true
		return
	}
	if n := len(r.runs); n > 0 && r.runs[n-1].at+int64(len(r.runs[n-1].data)) == at {
		r.runs[n-1].data = append(r.runs[n-1].data, data...)
		return
	}
	if len(r.runs) >= maxRuns {
		r.over = true
		return
	}
	r.runs = append(r.runs, run{at, append([]byte(nil), data...)})
}

var intel = dialect{title: "Intel HEX program", begin: ':', parse: parseIntel, behind: func(*reading, *firmware.Part) {}}

func parseIntel(line string, r *reading) error {
	p, err := hex.DecodeString(line[1:])
	if err != nil || len(p) < 5 || len(p) != int(p[0])+5 {
		return errLine
	}
	sum := byte(0)
	for _, b := range p[:len(p)-1] {
		sum -= b
	}
	if is := p[len(p)-1]; is != sum {
		return &errSum{is, sum}
	}
	at, data := int64(p[1])<<8|int64(p[2]), p[4:len(p)-1]
	switch kind := p[3]; {
	case kind == 0:
		r.put(r.base+at, data)
	case kind == 1 && len(data) == 0:
		r.ended = true
	case kind == 2 && len(data) == 2:
		r.base = (int64(data[0])<<8 | int64(data[1])) << 4
	case kind == 4 && len(data) == 2:
		r.base = (int64(data[0])<<8 | int64(data[1])) << 16
	case (kind == 3 || kind == 5) && len(data) == 4:
	default:
		return errLine
	}
	return nil
}

var motorola = dialect{title: "Motorola S-record program", begin: 'S', parse: parseMotorola, behind: func(r *reading, p *firmware.Part) {
	if r.counts < 0 {
		return
	}
	c := firmware.Check{What: "number of lines", Method: "count", State: firmware.Passed, Expected: fmt.Sprint(r.counts), Found: fmt.Sprint(r.lines)}
	if r.counts != r.lines {
		c.State, c.Why = firmware.Failed, "lines are missing or were added"
	}
	p.Checks = append(p.Checks, c)
}}

func parseMotorola(line string, r *reading) error {
	if len(line) < 2 {
		return errLine
	}
	p, err := hex.DecodeString(line[2:])
	if err != nil || len(p) < 3 || len(p) != int(p[0])+1 {
		return errLine
	}
	sum := byte(0xFF)
	for _, b := range p[:len(p)-1] {
		sum -= b
	}
	if is := p[len(p)-1]; is != sum {
		return &errSum{is, sum}
	}
	kind := line[1]
	n := map[byte]int{'0': 2, '1': 2, '2': 3, '3': 4, '5': 2, '6': 3, '7': 4, '8': 3, '9': 2}[kind]
	body := p[1 : len(p)-1]
	if n == 0 || len(body) < n {
		return errLine
	}
	at := int64(0)
	for _, b := range body[:n] {
		at = at<<8 | int64(b)
	}
	switch data := body[n:]; kind {
	case '0':
		r.mixed, r.titled = r.mixed || r.titled || r.lines > 0, true
		r.name = strings.TrimRight(string(data), "\x00 ")
	case '1', '2', '3':
		r.mixed, r.kind = r.mixed || r.kind != 0 && r.kind != kind, kind
		r.put(at, data)
	case '5', '6':
		r.counts = at
	default:
		r.mixed = r.mixed || r.kind != 0 && r.kind+kind != '1'+'9' // 9 ends 1, 8 ends 2, 7 ends 3
		r.ended = true
	}
	return nil
}

// writing is what no sum covers: how digits and the ends of lines are written. One tool writes all of them in one way.
type writing struct {
	upper, lower bool
	end          string
	ends         bool // in several ways
}

func (w *writing) see(line, end string) {
	if line == "" {
		return
	}
	w.upper = w.upper || strings.ContainsAny(line, "ABCDEF")
	w.lower = w.lower || strings.ContainsAny(line, "abcdef")
	w.ends = w.ends || w.end != "" && w.end != end || end == ""
	w.end = end
}

// changed says why a file may not be as it was written, "" when nothing speaks for that.
func (w *writing) changed(r *reading) string {
	switch {
	case r.mixed:
		return "records of several kinds stand where tools write one: files were joined, or types were changed, which no sum covers"
	case w.ends:
		return "lines end in several ways: files were joined, or bytes were changed which no sum covers"
	case w.upper && w.lower:
		return "digits are written with capital and with small letters: files were joined, or bytes were changed which no sum covers"
	}
	return ""
}

// looker sees a file by its first lines: each must match its sum.
func looker(d dialect) func(context.Context, block.Source) (firmware.Sighting, error) {
	return func(_ context.Context, src block.Source) (firmware.Sighting, error) {
		p, err := cursor.Read(src, d.title, 0, min(4096, src.Size()), 4096)
		if err != nil {
			return firmware.Sighting{}, err
		}
		if len(p) < 10 || p[0] != d.begin {
			return firmware.Sighting{}, cursor.ErrNot
		}
		good, r := 0, &reading{counts: -1}
		for line := range strings.Lines(string(p)) {
			whole := strings.HasSuffix(line, "\n")
			line = strings.TrimRight(line, "\r\n")
			if !whole && int64(len(p)) < src.Size() {
				break
			}
			if line == "" {
				continue
			}
			// One line that was hit does not make it another format.
			if line[0] == d.begin && d.parse(line, r) == nil {
				good++
			} else if good == 0 {
				break
			}
		}
		if good == 0 {
			return firmware.Sighting{}, cursor.ErrNot
		}
		return firmware.Sighting{Title: d.title, Name: r.name}, nil
	}
}

func opener(d dialect) func(context.Context, block.Source, *firmware.Opening) (*firmware.Part, error) {
	return func(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
		part := &firmware.Part{Title: d.title, Role: firmware.Program}
		r := &reading{counts: -1}
		lines, bad, w := int64(0), 0, writing{}
		in := bufio.NewReaderSize(block.Reader(src), maxLine)
		at := int64(0)
		for !r.ended {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			raw, err := in.ReadSlice('\n')
			if len(raw) > 0 {
				lines++
				e := block.Extent{Offset: at, Length: int64(len(raw))}
				at += e.Length
				line := strings.TrimRight(string(raw), "\r\n \x1a")
				w.see(line, string(raw[len(line):]))
				problem := errLine
				if line == "" {
					problem = nil
				} else if line[0] == d.begin {
					problem = d.parse(line, r)
				}
				if problem != nil && (err == nil || err == io.EOF && !cutLine(line, d)) {
					if bad++; bad <= maxBad {
						part.Checks = append(part.Checks, failed(lines, e, line, problem))
					}
				}
			}
			if err != nil {
				if err != io.EOF && !errors.Is(err, bufio.ErrBufferFull) {
					part.Checks = append(part.Checks, firmware.Check{What: fmt.Sprintf("line %d", lines+1), Method: "sum", State: firmware.Cannot, Extent: block.Between(at, src.Size()), Why: err.Error()})
					break
				}
				if err == io.EOF {
					break
				}
			}
		}
		whole, why := block.Extent{Length: at}, w.changed(r)
		if bad > maxBad {
			part.Checks = append(part.Checks, firmware.Check{What: "other lines", Method: "sum", State: firmware.Failed, Extent: whole, Expected: "lines that match their sums", Found: fmt.Sprintf("%d that do not", bad-maxBad)})
		}
		if !r.ended {
			part.Checks = append(part.Checks, firmware.Check{What: "last line", Method: "structure", State: firmware.Failed, Extent: whole, Expected: "the record that ends the file",
				Found: fmt.Sprintf("the end after line %d", lines), Why: "the file is cut off, or was never finished"})
		} else if bad == 0 {
			// Each line has a sum of eight bits: a single wrong digit is always seen, two may not be.
			part.Checks = append(part.Checks, firmware.Check{What: "lines", Method: "sum of each line", State: firmware.Passed, Extent: whole, Strong: why == "",
				Expected: "lines that match their sums", Found: fmt.Sprintf("%d of %d", lines, lines)})
		}
		d.behind(r, part)
		if why != "" {
			part.Checks = append(part.Checks, firmware.Check{What: "how lines are written", Method: "structure", State: firmware.Cannot, Extent: whole, Why: why})
		}
		if r.over {
			part.Checks = append(part.Checks, firmware.Check{What: "content", Method: "size", State: firmware.Cannot, Extent: whole, Why: fmt.Sprintf("more than %d pieces or %d bytes", maxRuns, int64(maxBytes))})
		}
		if rest := block.Between(at, src.Size()); rest.Length > 0 {
			if p, err := cursor.Read(src, d.title, at, 1, 1); err == nil && p[0] == d.begin {
				part.Checks = append(part.Checks, firmware.Check{What: "end", Method: "structure", State: firmware.Failed, Extent: rest, Expected: "nothing behind the record that ends the file", Found: "another line"})
			}
			part.Children = append(part.Children, &firmware.Part{Name: "behind the last line", Role: firmware.Data, Offset: rest.Offset, Size: rest.Length, Source: block.Section(src, rest)})
		}
		for _, x := range r.runs {
			c := &firmware.Part{Name: fmt.Sprintf("0x%08x", x.at), Role: firmware.Program, Size: int64(len(x.data)), Source: block.Bytes(x.data), Unpacked: true,
				Installs: []firmware.Install{{Where: fmt.Sprintf("0x%08x", x.at), Needs: int64(len(x.data))}}}
			o.Inner(ctx, c)
			part.Children = append(part.Children, c)
		}
		if part.Name = r.name; r.lines == 0 && bad == 0 {
			return nil, cursor.ErrNot
		}
		return part, nil
	}
}

// cutLine reports whether a last line without an end may be the beginning of one.
func cutLine(line string, d dialect) bool { return line != "" && line[0] == d.begin }

func failed(number int64, e block.Extent, line string, problem error) firmware.Check {
	c := firmware.Check{What: fmt.Sprintf("line %d", number), Method: "sum", State: firmware.Failed, Extent: e, Expected: "a line of the format", Found: fmt.Sprintf("%.20q", line)}
	var sum *errSum
	if errors.As(problem, &sum) {
		c.Expected, c.Found = fmt.Sprintf("%02x", sum.expected), fmt.Sprintf("%02x", sum.found)
	}
	return c
}
