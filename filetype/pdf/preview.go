package pdf

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/internal/exif"
	"salvor/filetype/internal/window"
)

const (
	// maxContents is how much of a page's instructions, and of a font's table, is unpacked, in bytes.
	maxContents = 1 << 20
	maxFonts    = 32
	type0       = name("Type0")
)

// preview gives title, author and number of pages, and the text of its pages as far as their fonts tell which
// characters they show.
func preview(ctx context.Context, src block.Source) (filetype.Preview, error) {
	x := &exam{ctx: ctx, src: src, w: window.New(ctx, src, maxObject), broken: -1}
	head, err := x.w.Upto(0, 16)
	if err != nil && !window.Missing(err) {
		return filetype.Preview{}, err
	}
	if len(head) < 8 || !bytes.HasPrefix(head, []byte("%PDF-")) {
		return filetype.Preview{}, filetype.ErrNot
	}
	p := filetype.Preview{Facts: []filetype.Fact{{Name: "Version", Value: exif.Text(string(head[5:8]))}}}
	add := func(name, value string) {
		if value != "" {
			p.Facts = append(p.Facts, filetype.Fact{Name: name, Value: exif.Text(value)})
		}
	}
	if err := x.findEnd(); err != nil {
		return filetype.Preview{}, err
	}
	if x.end == 0 {
		return p, ctx.Err()
	}
	x.streams = nil
	if err := x.crossReference(x.place, x.end); err != nil {
		return p, ctx.Err()
	}
	if e, ok := x.trailer["Encrypt"]; ok {
		x.encrypted = true
		if x.lock(e) == locked {
			add("Locked", "needs a password")
		}
	}
	if err := x.walkPages(); err != nil {
		return filetype.Preview{}, err
	}
	if x.pages > 0 {
		add("Pages", fmt.Sprint(x.pages))
	}
	if !x.encrypted {
		x.readInfo()
		add("Title", x.hints.Title)
		add("Author", x.hints.Author)
		if !x.hints.Taken.IsZero() {
			add("Made", x.hints.Taken.Format(time.RFC3339))
		}
		t := x.text()
		p.Text = strings.ToValidUTF8(t[:min(len(t), filetype.MaxPreviewText)], "")
	}
	return p, ctx.Err()
}

// maxTextPages is how many pages are looked at for text.
const maxTextPages = 100

// text returns the text of the pages from the first on, until there is enough of it.
func (x *exam) text() string {
	root, _ := x.resolve(x.trailer["Root"], 0).(dict)
	pages, _ := x.resolve(root["Pages"], 0).(dict)
	var out strings.Builder
	left := maxTextPages
	x.textOf(pages, nil, 0, &left, &out)
	return strings.TrimSpace(out.String())
}

// textOf adds the text of a node of the tree of pages. What stands at a node is for those below it, too.
func (x *exam) textOf(node, resources dict, depth int, left *int, out *strings.Builder) {
	if *left--; *left < 0 || depth > maxDeep || out.Len() >= filetype.MaxPreviewText || x.ctx.Err() != nil {
		return
	}
	if r, ok := x.resolve(node["Resources"], 0).(dict); ok {
		resources = r
	}
	if kids, ok := x.resolve(node["Kids"], 0).(array); ok {
		for _, k := range kids[:min(len(kids), maxTextPages)] {
			if kid, ok := x.resolve(k, 0).(dict); ok {
				x.textOf(kid, resources, depth+1, left, out)
			}
		}
		return
	}
	list, ok := x.resolve(node["Contents"], 0).(array)
	if !ok {
		list = array{node["Contents"]}
	}
	var content []byte
	for _, v := range list {
		if content = append(append(content, x.streamOf(v)...), '\n'); len(content) > maxContents {
			break
		}
	}
	fonts, _ := x.resolve(resources["Font"], 0).(dict)
	r := &pageText{x: x, fonts: fonts, known: map[name]*font{}}
	r.read(content)
	if text := strings.TrimSpace(r.out.String()); text != "" {
		out.WriteString(text)
		out.WriteString("\n\n")
	}
}

// streamOf returns what the stream that v refers to unpacks to, as far as that is known.
func (x *exam) streamOf(v any) []byte {
	r, ok := v.(ref)
	if !ok {
		return nil
	}
	e := x.objects.get(r.num)
	if e.kind != plain {
		return nil
	}
	o, err := x.object(e.off)
	if err != nil || !o.stream {
		return nil
	}
	p, err := x.decode(o, maxContents)
	if err != nil {
		return nil
	}
	return p
}

// font says which characters the codes of a font are.
type font struct {
	wide  bool // codes have two bytes
	table map[uint16]string
}

// pageText gathers the text of a page from its instructions.
type pageText struct {
	x     *exam
	fonts dict
	known map[name]*font
	font  *font
	out   strings.Builder
}

// read follows the instructions: values stand before the operator that takes them.
func (t *pageText) read(p []byte) {
	l := &lexer{b: p}
	var args []any
	for t.out.Len() < filetype.MaxPreviewText {
		l.space()
		if l.at >= len(l.b) || t.x.ctx.Err() != nil {
			return
		}
		start := l.at
		if c := l.b[l.at]; isRegular(c) && (c < '0' || c > '9') && c != '-' && c != '+' && c != '.' {
			op := l.word()
			t.do(op, args)
			args = args[:0]
			if op == "BI" { // a picture inside of the instructions
				i := bytes.Index(l.b[l.at:], []byte("EI"))
				if i < 0 {
					return
				}
				l.at += i + 2
			}
		} else if v, err := l.value(0); err == nil {
			if args = append(args, v); len(args) > 64 {
				args = args[:0]
			}
		} else {
			l.at = start + 1
		}
		if l.at <= start {
			l.at = start + 1
		}
	}
}

// do takes an operator.
func (t *pageText) do(op string, args []any) {
	last := any(nil)
	if len(args) > 0 {
		last = args[len(args)-1]
	}
	switch op {
	case "Tf":
		if len(args) >= 2 {
			if n, ok := args[0].(name); ok {
				t.font = t.lookup(n)
			}
		}
	case "Td", "TD":
		if v, ok := number(last); !ok || v != 0 {
			t.line()
		} else {
			t.blank()
		}
	case "T*", "Tm", "ET":
		t.line()
	case "Tj":
		t.show(last)
	case "'", "\"":
		t.line()
		t.show(last)
	case "TJ":
		list, _ := last.(array)
		for _, v := range list {
			if n, ok := number(v); ok && n < -200 { // a gap as wide as a blank
				t.blank()
			}
			t.show(v)
		}
	}
}

func number(v any) (float64, bool) {
	switch n := v.(type) {
	case int64:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}

func (t *pageText) line() {
	if s := t.out.String(); s != "" && !strings.HasSuffix(s, "\n") {
		t.out.WriteByte('\n')
	}
}

func (t *pageText) blank() {
	if s := t.out.String(); s != "" && !strings.HasSuffix(s, "\n") && !strings.HasSuffix(s, " ") {
		t.out.WriteByte(' ')
	}
}

// show adds a text in the current font.
func (t *pageText) show(v any) {
	s, ok := v.(string)
	if !ok {
		return
	}
	if t.font == nil {
		t.out.WriteString(exif.Latin([]byte(s)))
		return
	}
	if !t.font.wide {
		for i := range len(s) {
			if c, ok := t.font.table[uint16(s[i])]; ok {
				t.out.WriteString(c)
			} else if len(t.font.table) == 0 {
				t.out.WriteString(exif.Latin([]byte{s[i]}))
			}
		}
		return
	}
	for ; len(s) >= 2; s = s[2:] {
		t.out.WriteString(t.font.table[uint16(s[0])<<8|uint16(s[1])])
	}
}

// lookup reads the font of that name once.
func (t *pageText) lookup(n name) *font {
	if f, ok := t.known[n]; ok {
		return f
	}
	d, ok := t.x.resolve(t.fonts[string(n)], 0).(dict)
	if !ok || len(t.known) >= maxFonts {
		return nil
	}
	f := &font{wide: d["Subtype"] == type0, table: map[uint16]string{}}
	f.read(t.x.streamOf(d["ToUnicode"]))
	t.known[n] = f
	return f
}

// read takes the tables bfchar and bfrange of a character map.
func (f *font) read(p []byte) {
	l := &lexer{b: p}
	var args []any
	for l.at < len(l.b) && len(f.table) < 1<<16 {
		l.space()
		start := l.at
		if l.at < len(l.b) && isRegular(l.b[l.at]) && (l.b[l.at] < '0' || l.b[l.at] > '9') && l.b[l.at] != '-' {
			switch l.word() {
			case "begincodespacerange", "beginbfchar", "beginbfrange":
				args = args[:0]
			case "endbfchar":
				for i := 0; i+1 < len(args); i += 2 {
					if c, ok := code(args[i]); ok {
						f.table[c] = hexUnits(args[i+1], 0)
					}
				}
			case "endbfrange":
				for i := 0; i+2 < len(args); i += 3 {
					from, ok1 := code(args[i])
					to, ok2 := code(args[i+1])
					if !ok1 || !ok2 || to < from {
						continue
					}
					list, _ := args[i+2].(array)
					for k := range int(to-from) + 1 {
						if list == nil {
							f.table[from+uint16(k)] = hexUnits(args[i+2], k)
						} else if k < len(list) {
							f.table[from+uint16(k)] = hexUnits(list[k], 0)
						}
					}
				}
			}
		} else if v, err := l.value(0); err == nil {
			if len(args) < 1<<16 {
				args = append(args, v)
			}
		}
		if l.at <= start {
			l.at = start + 1
		}
	}
}

// code returns the code that a string of one or two bytes is.
func code(v any) (uint16, bool) {
	s, ok := v.(string)
	switch {
	case ok && len(s) == 1:
		return uint16(s[0]), true
	case ok && len(s) == 2:
		return uint16(s[0])<<8 | uint16(s[1]), true
	}
	return 0, false
}

// hexUnits returns the text that a string in UTF-16 is, its last unit counted on by k.
func hexUnits(v any, k int) string {
	s, _ := v.(string)
	var u []uint16
	for ; len(s) >= 2 && len(u) < 8; s = s[2:] {
		u = append(u, uint16(s[0])<<8|uint16(s[1]))
	}
	if len(u) > 0 {
		u[len(u)-1] += uint16(k)
	}
	return string(utf16.Decode(u))
}
