package markup

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"strconv"
	"unicode/utf8"

	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
)

const (
	// maxDepth is how deep elements may be nested.
	maxDepth = 1 << 16
	// maxName is the longest name of an element, in bytes.
	maxName  = 1 << 10
	maxTitle = 256
)

// tree follows an XML document.
type tree struct {
	e     *exam.Exam
	s     *filetype.Stream
	seed  maphash.Seed
	open  []uint64 // hashes of the names of the elements that are open
	root  string
	any   bool // the encoding is not UTF-8
	carry []byte
	title string // text of the first element of that name
	head  []byte // the first text of elements, for a preview
	take  bool   // the element that is open is the title
}

func (x *tree) lost(what string, err error) error {
	return x.e.Lost(x.s.Offset(), x.s.Offset()+1, what, err)
}

func (x *tree) corrupt(structure, expected string, found any) error {
	return cursor.Corrupt(structure, x.s.Offset(), expected, found)
}

// errEnough ends the walk for a preview.
var errEnough = errors.New("markup: enough text")

// run reads up to the end of the root element.
func (x *tree) run() error {
	x.seed = maphash.MakeSeed()
	if p, _ := x.s.Peek(3); string(p) == "\xEF\xBB\xBF" {
		x.s.Discard(3)
	}
	for {
		if err := x.text(); err != nil {
			return err
		}
		x.e.R.GoodUntil = x.s.Offset()
		ended, err := x.tag()
		if err != nil {
			return err
		}
		x.e.R.GoodUntil = x.s.Offset()
		if ended {
			return nil
		}
	}
}

// text reads up to the next tag.
func (x *tree) text() error {
	for {
		p, err := x.s.Window()
		if err != nil {
			return x.lost("the end of the document", err)
		}
		n := bytes.IndexByte(p, '<')
		if n < 0 {
			n = len(p)
		}
		if err := x.check(p[:n]); err != nil {
			return err
		}
		if len(x.open) == 0 && len(bytes.TrimSpace(p[:n])) > 0 {
			return x.corrupt("document", "an element", strconv.Quote(string(p[:min(n, 16)])))
		}
		if x.take && len(x.title) < maxTitle {
			x.title += string(p[:min(n, maxTitle-len(x.title))])
		}
		if x.e.Listing {
			if t := bytes.TrimSpace(p[:n]); len(t) > 0 {
				x.head = append(append(x.head, t[:min(len(t), filetype.MaxPreviewText)]...), '\n')
			}
			if len(x.head) >= filetype.MaxPreviewText {
				return errEnough
			}
		}
		x.s.Discard(n)
		x.e.R.GoodUntil = x.s.Offset()
		if n < len(p) {
			return nil
		}
	}
}

// plain has the bytes that text may hold.
var plain = func() (t [256]bool) {
	for c := range 256 {
		t[c] = c >= 0x20 || c == '\t' || c == '\n' || c == '\r'
	}
	return t
}()

// check holds p, which is next, to what text may hold.
func (x *tree) check(p []byte) error {
	high := len(x.carry) > 0
	for i, c := range p {
		if !plain[c] {
			return cursor.Corrupt("text", x.s.Offset()+int64(i), "no control byte", fmt.Sprintf("%#02x", c))
		}
		high = high || c >= utf8.RuneSelf
	}
	if x.any || !high {
		return nil
	}
	at := x.s.Offset() - int64(len(x.carry))
	q := p
	if len(x.carry) > 0 {
		q = append(x.carry, p...)
	}
	for i := 0; i < len(q); {
		if q[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(q[i:])
		if r == utf8.RuneError && n == 1 {
			if !utf8.FullRune(q[i:]) {
				x.carry = append([]byte(nil), q[i:]...)
				return nil
			}
			return cursor.Corrupt("text", max(at+int64(i), x.s.Offset()), "UTF-8", fmt.Sprintf("%#02x", q[i]))
		}
		i += n
	}
	x.carry = nil
	return nil
}

// until reads up to and behind mark.
func (x *tree) until(mark, what string) error {
	for {
		p, err := x.s.Peek(len(mark))
		if len(p) < len(mark) {
			return x.lost(what, err)
		}
		if p, err = x.s.Window(); err != nil {
			return x.lost(what, err)
		}
		i := bytes.Index(p, []byte(mark))
		n := i
		if i < 0 {
			n = len(p) - (len(mark) - 1) // the mark may begin in what is kept
		}
		if err := x.check(p[:n]); err != nil {
			return err
		}
		x.s.Discard(n)
		x.e.R.GoodUntil = x.s.Offset()
		if i >= 0 {
			x.s.Discard(len(mark))
			return nil
		}
	}
}

func nameByte(c byte) bool {
	return c >= 0x80 || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == ':' || c == '-' || c == '.'
}

// name reads the name of an element or attribute.
func (x *tree) name(what string) (string, error) {
	n := 64
	for {
		p, err := x.s.Peek(n)
		i := 0
		for i < len(p) && nameByte(p[i]) {
			i++
		}
		if i < len(p) {
			if i == 0 || p[0] == '-' || p[0] == '.' || p[0] >= '0' && p[0] <= '9' {
				return "", x.corrupt(what, "a name", strconv.QuoteRune(rune(p[0])))
			}
			name := string(p[:i])
			x.s.Discard(i)
			return name, nil
		}
		if err != nil {
			return "", x.lost("a name", err)
		}
		if n *= 4; n > maxName {
			return "", x.corrupt(what, "a name", "one without end")
		}
	}
}

// space reads over blanks and returns the byte behind them.
func (x *tree) space() (byte, error) {
	for {
		p, err := x.s.Window()
		if err != nil {
			return 0, x.lost("the end of a tag", err)
		}
		for i, c := range p {
			if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
				x.s.Discard(i)
				return c, nil
			}
		}
		x.s.Discard(len(p))
	}
}

// tag reads a tag; it reports whether it ended the root.
func (x *tree) tag() (bool, error) {
	p, err := x.s.Peek(9)
	if len(p) < 2 {
		return false, x.lost("a tag", err)
	}
	switch {
	case p[1] == '?':
		return false, x.instruction()
	case bytes.HasPrefix(p, []byte("<!--")):
		x.s.Discard(4)
		return false, x.until("-->", "the end of a comment")
	case bytes.HasPrefix(p, []byte("<![CDATA[")) && len(x.open) > 0:
		x.s.Discard(9)
		return false, x.until("]]>", "the end of CDATA")
	case p[1] == '!':
		if len(p) < 9 && err != nil {
			return false, x.lost("a declaration", err)
		}
		if !bytes.HasPrefix(p, []byte("<!DOCTYPE")) || x.root != "" {
			return false, x.corrupt("tag", "a comment or an element", strconv.Quote(string(p)))
		}
		return false, x.doctype()
	case p[1] == '/':
		x.s.Discard(2)
		name, err := x.name("end tag")
		if err != nil {
			return false, err
		}
		c, err := x.space()
		if err != nil {
			return false, err
		}
		if c != '>' || len(x.open) == 0 || x.open[len(x.open)-1] != maphash.String(x.seed, name) {
			return false, x.corrupt("end tag", "the end of the element that is open", strconv.Quote("</"+name))
		}
		x.s.Discard(1)
		x.take = false
		x.open = x.open[:len(x.open)-1]
		return len(x.open) == 0, nil
	}
	x.s.Discard(1)
	return x.element()
}

// element reads a start tag.
func (x *tree) element() (bool, error) {
	name, err := x.name("start tag")
	if err != nil {
		return false, err
	}
	if x.root == "" {
		x.root = name
	}
	x.take = x.title == "" && (name == "title" || name == "dc:title" || name == "name" && len(x.open) < 4)
	for {
		c, err := x.space()
		if err != nil {
			return false, err
		}
		switch c {
		case '>':
			x.s.Discard(1)
			if len(x.open) == maxDepth {
				return false, x.corrupt("elements", fmt.Sprintf("at most %d inside of each other", maxDepth), "more")
			}
			x.open = append(x.open, maphash.String(x.seed, name))
			return false, nil
		case '/':
			p, err := x.s.Peek(2)
			if len(p) < 2 {
				return false, x.lost("the end of a tag", err)
			}
			if p[1] != '>' {
				return false, x.corrupt("start tag", "/>", strconv.Quote(string(p)))
			}
			x.s.Discard(2)
			x.take = false
			return len(x.open) == 0, nil
		}
		if _, err := x.name("attribute"); err != nil {
			return false, err
		}
		if c, err = x.space(); err != nil {
			return false, err
		}
		if c != '=' {
			return false, x.corrupt("attribute", "=", strconv.QuoteRune(rune(c)))
		}
		x.s.Discard(1)
		if c, err = x.space(); err != nil {
			return false, err
		}
		if c != '"' && c != '\'' {
			return false, x.corrupt("attribute", "a value in quotes", strconv.QuoteRune(rune(c)))
		}
		x.s.Discard(1)
		if err := x.until(string(c), "the end of a value"); err != nil {
			return false, err
		}
	}
}

// instruction reads a processing instruction, and from the declaration the encoding.
func (x *tree) instruction() error {
	p, _ := x.s.Peek(128)
	if bytes.HasPrefix(p, []byte("<?xml ")) {
		if i := bytes.Index(p, []byte("?>")); i >= 0 {
			lower := bytes.ToLower(p[:i])
			x.any = bytes.Contains(lower, []byte("encoding")) && !bytes.Contains(lower, []byte("utf-8"))
		}
	}
	x.s.Discard(2)
	return x.until("?>", "the end of an instruction")
}

// doctype reads the declaration of a document type, with what it declares inside.
func (x *tree) doctype() error {
	x.s.Discard(9)
	depth := 0
	for {
		p, err := x.s.Window()
		if err != nil {
			return x.lost("the end of the document type", err)
		}
		i := bytes.IndexAny(p, "<>[]\"'")
		if i < 0 {
			i = len(p) - 1
		}
		if err := x.check(p[:i+1]); err != nil {
			return err
		}
		c := p[i]
		if c == '<' && bytes.HasPrefix(p[i:], []byte("<!--")) {
			x.s.Discard(i + 4)
			if err := x.until("-->", "the end of a comment"); err != nil {
				return err
			}
			continue
		}
		x.s.Discard(i + 1)
		x.e.R.GoodUntil = x.s.Offset()
		switch c {
		case '[', '<':
			depth++
		case ']':
			depth--
		case '"', '\'':
			if err := x.until(string(c), "the end of a value"); err != nil {
				return err
			}
		case '>':
			if depth == 0 {
				return nil
			}
			depth--
		}
		if depth < 0 || depth > 64 {
			return x.corrupt("document type", "its end", "brackets that do not match")
		}
	}
}
