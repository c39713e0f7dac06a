package pdf

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"
	"strconv"

	"salvor/block"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/inflate"
)

// scoutState is what a scout has seen of a file, from its beginning on.
type scoutState struct {
	objects []int64 // where objects begin, ascending
	tables  []int64 // where cross-references begin
	named   []int64 // where cross-references say that objects begin
	good    int64
	blind   []block.Extent
	sum     adler
}

// mark is a place between two objects, or in an inflated stream.
type mark struct {
	at       int64
	st       scoutState
	inflated *inflate.Mark
}

// Offset returns up to where the file was read.
func (m *mark) Offset() int64 { return m.at }

// adler is a running Adler-32.
type adler struct{ a, b uint32 }

func (s *adler) add(p []byte) {
	for len(p) > 0 {
		n := min(len(p), 5552) // the most bytes before b overflows
		for _, c := range p[:n] {
			s.a += uint32(c)
			s.b += s.a
		}
		s.a, s.b, p = s.a%65521, s.b%65521, p[n:]
	}
}

// scout follows a file object by object: objects are text, and most streams carry a sum.
type scout struct {
	ctx  context.Context
	src  block.Source
	s    *filetype.Stream
	f    *inflate.Inflater
	keep func(filetype.Mark)
	st   scoutState
	r    filetype.Reach
	dict []byte // of the current object, without strings
}

const (
	// maxDict is how much of an object's dictionary is kept, in bytes, and maxString the longest string.
	maxDict, maxString = 64 << 10, 1 << 20
	// maxScouted is the most objects that are followed.
	maxScouted = 1 << 18
)

// Scout follows a file, see [filetype.Scout].
func Scout(ctx context.Context, src block.Source, from filetype.Mark, keep func(filetype.Mark)) (filetype.Reach, error) {
	x := &scout{ctx: ctx, src: src, keep: keep, f: inflate.Get()}
	defer inflate.Put(x.f)
	going := true
	if m, ok := from.(*mark); ok {
		x.s, x.st = filetype.NewStream(ctx, src, m.at), m.st
		x.st.objects, x.st.tables, x.st.named = slices.Clip(x.st.objects), slices.Clip(x.st.tables), slices.Clip(x.st.named)
		x.st.blind = slices.Clip(x.st.blind)
		if m.inflated != nil {
			going = x.inflate(m.inflated)
		}
	} else {
		x.s = filetype.NewStream(ctx, src, 0)
		if p, _ := x.s.Peek(5); string(p) != "%PDF-" {
			if ctx.Err() != nil {
				return filetype.Reach{}, ctx.Err()
			}
			return filetype.Reach{}, filetype.ErrNot
		}
	}
	for going {
		going = x.item()
	}
	x.r.Good, x.r.Blind = x.st.good, x.st.blind
	return x.r, ctx.Err()
}

func (x *scout) cut() bool {
	x.r.Ended, x.r.Bad = true, x.src.Size()
	return false
}

func (x *scout) bad() bool {
	x.r.Bad = x.s.Offset()
	return false
}

// item reads what stands next between objects.
func (x *scout) item() bool {
	if !x.blank() {
		return x.cut()
	}
	off := x.s.Offset()
	p, err := x.s.Peek(32)
	if err != nil && len(p) < 9 {
		return x.cut()
	}
	switch {
	case bytes.HasPrefix(p, []byte("xref")):
		x.st.tables = append(x.st.tables, off)
		x.s.Discard(4)
		return x.table()
	case bytes.HasPrefix(p, []byte("trailer")):
		x.s.Discard(7)
		return x.body("startxref") && x.end()
	case bytes.HasPrefix(p, []byte("startxref")):
		x.s.Discard(9)
		return x.end()
	}
	n := headerLength(p)
	if n == 0 || len(x.st.objects) >= maxScouted {
		return x.bad()
	}
	x.st.objects = append(x.st.objects, off)
	if x.keep != nil {
		x.keep(&mark{at: off, st: x.before()})
	}
	x.s.Discard(n)
	return x.body("endobj")
}

// before returns the state before the last object.
func (x *scout) before() scoutState {
	st := x.st
	st.objects = st.objects[:len(st.objects)-1]
	return st
}

// headerLength returns the length of "12 0 obj" at the start of p; 0 when that does not stand there.
func headerLength(p []byte) int {
	i := 0
	for range 2 {
		start := i
		for i < len(p) && p[i] >= '0' && p[i] <= '9' {
			i++
		}
		if i == start || i == len(p) || !isSpace(p[i]) {
			return 0
		}
		for i < len(p) && isSpace(p[i]) {
			i++
		}
	}
	if !bytes.HasPrefix(p[i:], []byte("obj")) {
		return 0
	}
	return i + 3
}

// blank steps over white space and comments. It reports false at the end of the source.
func (x *scout) blank() bool {
	for {
		p, err := x.s.Window()
		if err != nil {
			return false
		}
		i := 0
		for i < len(p) && isSpace(p[i]) {
			i++
		}
		x.s.Discard(i)
		switch {
		case i == len(p):
		case p[i] != '%':
			return true
		default:
			for n := 0; ; n++ {
				c, err := x.s.ReadByte()
				if err != nil {
					return false
				}
				if c == '\n' || c == '\r' || n == maxString {
					break
				}
			}
		}
	}
}

// body reads the text of an object up to the word last, and its stream.
func (x *scout) body(last string) bool {
	x.dict = x.dict[:0]
	var word []byte
	for {
		c, err := x.s.ReadByte()
		if err != nil {
			return x.cut()
		}
		if isRegular(c) {
			if c < 0x20 || c > 0x7E || len(word) == maxString {
				return x.bad()
			}
			word = append(word, c)
			if string(word) == last {
				return true
			}
		} else {
			if string(word) == "stream" && last == "endobj" && (c == '\r' || c == '\n') {
				if c == '\r' {
					if p, err := x.s.Peek(1); err != nil {
						return x.cut()
					} else if p[0] == '\n' {
						x.s.Discard(1)
					}
				}
				return x.stream()
			}
			word = word[:0]
		}
		if len(x.dict) < maxDict {
			x.dict = append(x.dict, c)
		}
		switch c {
		case '(':
			if !x.text() {
				return false
			}
		case '%':
			for c != '\n' && c != '\r' {
				if c, err = x.s.ReadByte(); err != nil {
					return x.cut()
				}
			}
		case '{', '}':
			return x.bad()
		}
	}
}

// text reads the rest of a string.
func (x *scout) text() bool {
	for depth, n := 1, 0; depth > 0; n++ {
		c, err := x.s.ReadByte()
		if err != nil {
			return x.cut()
		}
		switch {
		case n == maxString:
			return x.bad()
		case c == '\\':
			if _, err := x.s.ReadByte(); err != nil {
				return x.cut()
			}
		case c == '(':
			depth++
		case c == ')':
			depth--
		}
	}
	return true
}

// stream reads the stream of the current object.
func (x *scout) stream() bool {
	if bytes.Contains(x.dict, []byte("/XRef")) {
		x.st.tables = append(x.st.tables, x.st.objects[len(x.st.objects)-1])
	}
	if i := bytes.Index(x.dict, []byte("/Filter")); i >= 0 {
		filter := bytes.TrimLeft(x.dict[i+7:], " [\r\n\t")
		if bytes.HasPrefix(filter, []byte("/FlateDecode")) || bytes.HasPrefix(filter, []byte("/Fl ")) {
			p, err := x.s.Peek(2)
			if err != nil {
				return x.cut()
			}
			if p[0]&15 != 8 || binary.BigEndian.Uint16(p)%31 != 0 {
				return x.bad()
			}
			x.s.Discard(2)
			x.st.sum = adler{a: 1}
			return x.inflate(nil)
		}
	}
	n, ok := directLength(x.dict)
	if !ok {
		return x.bad() // nothing says where it ends but what it holds
	}
	x.st.blind = append(x.st.blind, block.Extent{Offset: x.s.Offset(), Length: n})
	for n > 0 {
		p, err := x.s.Window()
		if err != nil {
			return x.cut()
		}
		p = p[:min(int64(len(p)), n)]
		n -= int64(len(p))
		x.s.Discard(len(p))
	}
	return x.closing(false)
}

// directLength returns the length that a dictionary gives for its stream.
func directLength(dict []byte) (int64, bool) {
	i := bytes.Index(dict, []byte("/Length "))
	if i < 0 {
		return 0, false
	}
	l := lexer{b: dict[i+8:], last: true}
	w := l.word()
	n, err := strconv.ParseInt(w, 10, 48)
	if err != nil {
		return 0, false
	}
	l.space()
	if g := l.word(); g != "" && g[0] >= '0' && g[0] <= '9' { // a reference
		return 0, false
	}
	return n, true
}

// inflate reads a stream that carries a sum, from a mark in it.
func (x *scout) inflate(from *inflate.Mark) bool {
	var note func(*inflate.Mark)
	if x.keep != nil {
		note = func(k *inflate.Mark) { x.keep(&mark{at: k.Offset(), st: x.st, inflated: k}) }
	}
	x.r.Dense = true
	count := int64(0)
	_, err := x.f.Follow(x.ctx, x.s, from, note, func(p []byte) error {
		x.st.sum.add(p)
		if count += int64(len(p)); count > expandFree+expandTimes*x.src.Size() {
			return errSyntax
		}
		return nil
	})
	if c, ok := cursor.IsCorrupt(err); ok {
		x.r.Bad = c.Offset
		return false
	}
	if err == errSyntax {
		return x.bad()
	}
	if err != nil {
		return x.cut()
	}
	p, err := x.s.Peek(4)
	if err != nil {
		return x.cut()
	}
	if binary.BigEndian.Uint32(p) != x.st.sum.b<<16|x.st.sum.a {
		return x.bad()
	}
	x.s.Discard(4)
	x.r.Dense = false
	return x.closing(true)
}

// closing reads what ends a stream; proven says that its sum was right.
func (x *scout) closing(proven bool) bool {
	end := x.s.Offset()
	for i := 0; ; i++ {
		p, err := x.s.Peek(9)
		if err != nil {
			return x.cut()
		}
		if string(p) == "endstream" {
			break
		}
		if i == 4 || !isSpace(p[0]) {
			if !proven { // its length was told: that is where its end stands
				x.r.Anchors = []filetype.Anchor{{Offset: end, Bytes: []byte("\nendstream")}, {Offset: end + 1, Bytes: []byte("\nendstream")}, {Offset: end, Bytes: []byte("endstream")}}
			}
			return x.bad()
		}
		x.s.Discard(1)
	}
	if proven {
		x.st.good = end
	}
	x.s.Discard(9)
	return x.body("endobj")
}

// table reads a cross-reference table.
func (x *scout) table() bool {
	for {
		if !x.blank() {
			return x.cut()
		}
		p, err := x.s.Peek(20)
		if err != nil {
			return x.cut()
		}
		if p[0] == 't' {
			return true // trailer
		}
		first, count, n := twoNumbers(p)
		if n == 0 || first < 0 || count > maxScouted {
			return x.bad()
		}
		x.s.Discard(n)
		if !x.blank() {
			return x.cut()
		}
		for range count {
			if p, err = x.s.Peek(20); err != nil {
				return x.cut()
			}
			off, _, n := twoNumbers(p)
			if n != 16 || p[17] != 'n' && p[17] != 'f' || !isSpace(p[18]) || !isSpace(p[19]) {
				return x.bad()
			}
			if p[17] == 'n' && off > 0 && len(x.st.named) < maxScouted {
				x.st.named = append(x.st.named, off)
			}
			x.s.Discard(20)
		}
	}
}

// twoNumbers reads two numbers with a blank between them and returns the length of both.
func twoNumbers(p []byte) (a, b int64, n int) {
	read := func() int64 {
		start := n
		for n < len(p) && p[n] >= '0' && p[n] <= '9' {
			n++
		}
		v, err := strconv.ParseInt(string(p[start:n]), 10, 63)
		if err != nil {
			return -1
		}
		return v
	}
	a = read()
	if a < 0 || n == len(p) || p[n] != ' ' {
		return 0, 0, 0
	}
	n++
	if b = read(); b < 0 {
		return 0, 0, 0
	}
	return a, b, n
}

// end reads what follows the word startxref, and says whether it ends the file.
func (x *scout) end() bool {
	p, err := x.s.Peek(48)
	if err != nil && len(p) < 8 {
		return x.cut()
	}
	l := lexer{b: p, last: true}
	l.space()
	at, err := strconv.ParseInt(l.word(), 10, 63)
	for l.at < len(l.b) && isSpace(l.b[l.at]) {
		l.at++
	}
	if err != nil || !bytes.HasPrefix(l.b[l.at:], []byte("%%EOF")) {
		return x.bad()
	}
	x.s.Discard(l.at + 5)
	x.r.Bad = x.s.Offset()
	if at == 0 && len(x.st.tables) > 0 {
		return true // the first part of a file that is arranged for the web
	}
	if !slices.Contains(x.st.tables, at) {
		return false
	}
	for _, off := range x.st.named {
		if _, ok := slices.BinarySearch(x.st.objects, off); !ok {
			return off > x.r.Bad // of a part that is still to come
		}
	}
	// Another version may follow.
	rest, _ := x.s.Peek(32)
	if i := bytes.IndexFunc(rest, func(r rune) bool { return r > ' ' }); i >= 0 && i < 4 && headerLength(rest[i:]) > 0 {
		return true
	}
	x.r.Whole = true
	return false
}
