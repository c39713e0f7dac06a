package rtf

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/exif"
)

const (
	magic = `{\rtf`
	// maxDepth is how deep groups may be nested.
	maxDepth = 4096
	// maxWord is the longest control word, in bytes.
	maxWord = 64
	maxText = 1 << 10
)

var kind = exam.Kind{Format: "RTF document", Walk: walk}

// Formats returns the row of this package.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name:       "rtf",
		Class:      filetype.Document,
		Extensions: []string{"rtf"},
		Signatures: []probe.Probe{{ID: "rtf.group", Bytes: []byte(magic)}},
		Ceiling:    filetype.Consistent,
		Carve:      true,
		Examine:    kind.Examine,
		Preview:    kind.Preview,
	}}
}

// group is what is known of an open group.
type group struct {
	silent bool   // its text is not the document's
	field  string // of the information group: "title", "author", "creatim"
}

// reader reads one document.
type reader struct {
	e      *exam.Exam
	s      *filetype.Stream
	groups []group
	text   strings.Builder
	fields map[string]*strings.Builder
	date   map[string]int
	known  bool // a control word that every document has was met
}

func walk(e *exam.Exam) error {
	p, err := e.Head(16)
	if err != nil {
		return err
	}
	if len(p) < 7 || string(p[:len(magic)]) != magic || p[5] < '0' || p[5] > '9' && p[5] != '\\' {
		return filetype.ErrNot
	}
	r := &reader{e: e, s: filetype.NewStream(e.Context(), e.Source(), 0), fields: map[string]*strings.Builder{}, date: map[string]int{}}
	err = r.run()
	r.describe()
	if err != nil {
		if !r.known && e.R.GoodUntil < 64 {
			return filetype.ErrNot
		}
		return err
	}
	if !r.known {
		return filetype.ErrNot
	}
	end := r.s.Offset()
	// Many writers end the file with a line end, some with a zero behind it.
	tail, _ := r.s.Peek(3)
	if e.Context().Err() != nil {
		return e.Context().Err()
	}
	switch {
	case string(tail) == "\r\n\x00":
		end += 3
	case len(tail) >= 2 && string(tail[:2]) == "\r\n":
		end += 2
	case len(tail) >= 1 && tail[0] == '\n':
		end++
	}
	return e.Whole(filetype.Consistent, end)
}

// quiet are the groups whose text is not the document's.
var quiet = map[string]bool{"fonttbl": true, "colortbl": true, "stylesheet": true, "info": true, "pict": true, "header": true,
	"footer": true, "generator": true, "listtable": true, "listoverridetable": true, "themedata": true, "object": true, "datastore": true}

// fields of the information group.
var infos = map[string]bool{"title": true, "author": true, "subject": true, "creatim": true, "revtim": true}

func (r *reader) lost(expected string, err error) error {
	return r.e.Lost(r.s.Offset(), r.s.Offset()+1, expected, err)
}

// run reads up to the brace that closes the document.
func (r *reader) run() error {
	s := r.s
	for {
		p, err := s.Window()
		r.e.R.GoodUntil = s.Offset()
		if err != nil {
			return r.lost("the end of the document", err)
		}
		n := 0
		for n < len(p) && p[n] != '{' && p[n] != '}' && p[n] != '\\' && (p[n] >= 0x20 || p[n] == '\n' || p[n] == '\r' || p[n] == '\t') {
			n++
		}
		r.put(p[:n])
		s.Discard(n)
		if n == len(p) {
			continue
		}
		r.e.R.GoodUntil = s.Offset()
		switch p[n] {
		case '{':
			if len(r.groups) == maxDepth {
				return cursor.Corrupt("groups", s.Offset(), fmt.Sprintf("at most %d inside of each other", maxDepth), "more")
			}
			g := group{}
			if len(r.groups) > 0 {
				g = r.groups[len(r.groups)-1]
			}
			r.groups = append(r.groups, g)
			s.Discard(1)
		case '}':
			s.Discard(1)
			r.groups = r.groups[:len(r.groups)-1]
			if len(r.groups) == 0 {
				r.e.R.GoodUntil = s.Offset()
				return nil
			}
		case '\\':
			if err := r.control(); err != nil {
				return err
			}
		default:
			return cursor.Corrupt("text", s.Offset(), "no control byte", fmt.Sprintf("%#02x", p[n]))
		}
	}
}

// put takes text.
func (r *reader) put(p []byte) {
	if len(r.groups) == 0 || len(p) == 0 {
		return
	}
	g := r.groups[len(r.groups)-1]
	b := &r.text
	limit := filetype.MaxPreviewText
	switch {
	case g.field != "":
		if b = r.fields[g.field]; b == nil {
			b = &strings.Builder{}
			r.fields[g.field] = b
		}
		limit = maxText
	case g.silent || !r.e.Listing:
		return
	}
	for _, c := range p[:min(len(p), max(0, limit-b.Len()))] {
		if c != '\r' && c != '\n' {
			b.WriteString(exif.Latin([]byte{c}))
		}
	}
}

// control reads a control word or symbol, whose backslash is next.
func (r *reader) control() error {
	s := r.s
	p, err := s.Peek(maxWord + 16)
	if len(p) < 2 {
		return r.lost("a control word", err)
	}
	c := p[1]
	if c|0x20 < 'a' || c|0x20 > 'z' {
		n := 2
		if c == '\'' { // a character by its number
			if len(p) < 4 {
				return r.lost("the number of a character", err)
			}
			v, bad := strconv.ParseUint(string(p[2:4]), 16, 8)
			if bad != nil {
				return cursor.Corrupt("character", s.Offset(), "two hexadecimal digits", strconv.Quote(string(p[2:4])))
			}
			r.put([]byte{byte(v)})
			n = 4
		} else if c == '*' {
			r.groups[len(r.groups)-1].silent = true
		} else if c == '~' || c == '_' || c == '\\' || c == '{' || c == '}' {
			r.put([]byte{c})
		}
		s.Discard(n)
		return nil
	}
	i := 1
	for i < len(p) && p[i]|0x20 >= 'a' && p[i]|0x20 <= 'z' {
		i++
	}
	word := string(p[1:i])
	from := i
	if i < len(p) && p[i] == '-' {
		i++
	}
	for i < len(p) && p[i] >= '0' && p[i] <= '9' {
		i++
	}
	if i == len(p) {
		if err != nil {
			return r.lost("the end of a control word", err)
		}
		return cursor.Corrupt("control word", s.Offset(), fmt.Sprintf("at most %d letters", maxWord), "more")
	}
	value, _ := strconv.ParseInt(string(p[from:i]), 10, 32)
	if p[i] == ' ' {
		i++
	}
	s.Discard(i)
	return r.word(word, value)
}

// word takes a control word.
func (r *reader) word(word string, value int64) error {
	g := &r.groups[len(r.groups)-1]
	switch word {
	case "ansi", "mac", "pc", "pca", "deff", "fonttbl":
		r.known = true
	case "par", "line", "row":
		r.newline()
	case "tab", "cell":
		r.put([]byte{'\t'})
	case "u":
		if !g.silent && r.e.Listing && g.field == "" && r.text.Len() < filetype.MaxPreviewText {
			r.text.WriteRune(rune(uint16(value)))
		} else if b := r.fields[g.field]; g.field != "" && (b == nil || b.Len() < maxText) {
			if b == nil {
				b = &strings.Builder{}
				r.fields[g.field] = b
			}
			b.WriteRune(rune(uint16(value)))
		}
		if p, _ := r.s.Peek(4); len(p) > 0 && p[0] == '?' { // what stands for it in old readers
			r.s.Discard(1)
		} else if len(p) == 4 && p[0] == '\\' && p[1] == '\'' {
			r.s.Discard(4)
		}
	case "bin":
		at := r.s.Offset()
		if err := r.s.Skip(max(value, 0), nil); err != nil {
			return r.e.Lost(r.s.Offset(), at+value, "binary data", err)
		}
	case "yr", "mo", "dy", "hr", "min", "sec":
		if g.field == "creatim" || g.field == "revtim" && r.date["yr"] == 0 {
			r.date[word] = int(value)
		}
	}
	if quiet[word] {
		g.silent = true
	}
	if infos[word] && g.silent {
		g.field = word
	}
	return nil
}

func (r *reader) newline() {
	g := r.groups[len(r.groups)-1]
	if !g.silent && r.e.Listing && r.text.Len() < filetype.MaxPreviewText {
		r.text.WriteByte('\n')
	}
}

// describe names the document.
func (r *reader) describe() {
	get := func(name string) string {
		if b := r.fields[name]; b != nil {
			return exif.Text(b.String())
		}
		return ""
	}
	h := &r.e.R.Hints
	h.Title, h.Author = get("title"), get("author")
	if d := r.date; d["yr"] > 1600 && d["yr"] < 9999 && d["mo"] > 0 && d["mo"] < 13 {
		h.Taken = time.Date(d["yr"], time.Month(d["mo"]), max(1, d["dy"]), d["hr"], d["min"], d["sec"], 0, time.UTC)
	}
	r.e.Fact("Title", h.Title)
	r.e.Fact("Author", h.Author)
	if r.e.Listing {
		t := strings.ToValidUTF8(r.text.String(), "")
		r.e.P.Text = strings.ToValidUTF8(t[:min(len(t), filetype.MaxPreviewText)], "")
	}
}
