package text

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"unicode/utf8"

	"salvor/block"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/finding"
)

const (
	// maxDepth is the deepest nesting that is followed.
	maxDepth = 10000
	// minTokens is how many tokens must be good before the breaking of a file is called a damaged JSON,
	// and not some other text that happens to begin with a bracket.
	minTokens = 8
	// maxSettings is the size in bytes up to which one JSON object counts as settings.
	maxSettings = 256 << 10
)

// jsonReader checks JSON as a stream.
type jsonReader struct {
	s      *filetype.Stream
	stack  []byte // open brackets
	tokens int
}

func examineJSON(ctx context.Context, src block.Source) (filetype.Report, error) {
	j := &jsonReader{s: filetype.NewStream(ctx, src, 0)}
	r := filetype.Report{Size: src.Size()}
	if p, _ := j.s.Peek(3); bytes.Equal(p, []byte("\xEF\xBB\xBF")) {
		j.s.Discard(3)
	}
	values := 0
	root := byte(0)
	var err error
	for {
		var b byte
		if b, err = j.space(); err == io.EOF && values > 0 {
			break
		}
		if err != nil {
			break
		}
		if b != '{' && b != '[' {
			if values == 0 || b != 0 {
				return filetype.Report{}, notOr(ctx, filetype.ErrNot)
			}
			rest := block.Between(j.s.Offset(), src.Size())
			_, constant, err := filetype.ConstantFill(ctx, block.Section(src, rest))
			if !constant || err != nil {
				return filetype.Report{}, notOr(ctx, filetype.ErrNot)
			}
			r.Size = rest.Offset
			break
		}
		root = b
		if err = j.value(); err != nil {
			break
		}
		values++
	}
	if ctx.Err() != nil {
		return filetype.Report{}, ctx.Err()
	}
	if err == nil || err == io.EOF && values > 0 && len(j.stack) == 0 {
		r.Verdict, r.GoodUntil = filetype.Consistent, r.Size
		switch {
		case values > 1:
			r.Extension = "jsonl"
		case root == '{' && r.Size <= maxSettings:
			r.Class = filetype.Settings
		}
		r.Findings = append(r.Findings, filetype.NoProof.New(finding.Arg("format", "JSON")))
		return r, nil
	}
	if j.tokens < minTokens {
		return filetype.Report{}, filetype.ErrNot
	}
	r.GoodUntil = min(j.s.Offset(), src.Size())
	if c, ok := cursor.IsCorrupt(err); ok {
		r.Verdict, r.GoodUntil = filetype.Damaged, c.Offset
		r.Findings = append(r.Findings, badJSON.New(finding.At(c.Offset, 0), finding.Expected(c.Expected, c.Found)))
		return r, nil
	}
	return r, filetype.Stopped(src, &r, "JSON", j.s.Offset(), j.s.Offset()+int64(len(j.stack)), "the end of what was opened", err)
}

// notOr returns the context's error before err.
func notOr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func (j *jsonReader) wrong(expected string, b byte) error {
	return cursor.Corrupt("JSON", j.s.Offset(), expected, fmt.Sprintf("%q", b))
}

// peek returns the next byte without consuming it.
func (j *jsonReader) peek() (byte, error) {
	p, err := j.s.Window()
	if err != nil {
		return 0, err
	}
	return p[0], nil
}

// space consumes white space and returns the byte behind it, which is not consumed.
func (j *jsonReader) space() (byte, error) {
	for {
		p, err := j.s.Window()
		if err != nil {
			return 0, err
		}
		for i, b := range p {
			if b != ' ' && b != '\n' && b != '\t' && b != '\r' {
				j.s.Discard(i)
				return b, nil
			}
		}
		j.s.Discard(len(p))
	}
}

// value reads one value with all that is in it. Nesting is kept on a stack of its own, so that its depth
// costs one byte each.
func (j *jsonReader) value() error {
	base := len(j.stack)
	for {
		b, err := j.space()
		if err != nil {
			return err
		}
		// A value begins here.
		j.tokens++
		opened := false
		switch {
		case b == '{' || b == '[':
			if len(j.stack) == maxDepth {
				return j.wrong("less nesting", b)
			}
			j.stack = append(j.stack, b)
			j.s.Discard(1)
			opened = true
		case b == '"':
			err = j.str()
		case b == '-' || b >= '0' && b <= '9':
			err = j.number()
		case b == 't':
			err = j.word("true")
		case b == 'f':
			err = j.word("false")
		case b == 'n':
			err = j.word("null")
		default:
			err = j.wrong("a value", b)
		}
		if err != nil {
			return err
		}
		// Behind a value or an opening bracket: close, or go on to the next value.
		for {
			if len(j.stack) == base {
				return nil
			}
			if b, err = j.space(); err != nil {
				return err
			}
			in := j.stack[len(j.stack)-1]
			if b == in+2 { // '}' and ']' stand two behind their opening ones
				j.s.Discard(1)
				j.stack = j.stack[:len(j.stack)-1]
				opened = false
				continue
			}
			if !opened {
				if b != ',' {
					return j.wrong("a comma or the end", b)
				}
				j.s.Discard(1)
				if b, err = j.space(); err != nil {
					return err
				}
			}
			if in == '{' {
				if err := j.key(b); err != nil {
					return err
				}
			}
			break
		}
	}
}

// key reads a name and the colon behind it; b is the next byte.
func (j *jsonReader) key(b byte) error {
	if b != '"' {
		return j.wrong("a name", b)
	}
	if err := j.str(); err != nil {
		return err
	}
	j.tokens++
	b, err := j.space()
	if err != nil {
		return err
	}
	if b != ':' {
		return j.wrong("a colon", b)
	}
	j.s.Discard(1)
	return nil
}

// str reads a string, whose quote is next.
func (j *jsonReader) str() error {
	j.s.Discard(1)
	for {
		p, err := j.s.Window()
		if err != nil {
			return err
		}
		i := 0
		for i < len(p) && p[i] >= 0x20 && p[i] < utf8.RuneSelf && p[i] != '"' && p[i] != '\\' {
			i++
		}
		j.s.Discard(i)
		if i == len(p) {
			continue
		}
		switch b := p[i]; {
		case b == '"':
			j.s.Discard(1)
			return nil
		case b == '\\':
			err = j.escape()
		case b >= utf8.RuneSelf:
			err = j.character()
		default:
			err = j.wrong("no control byte in a string", b)
		}
		if err != nil {
			return err
		}
	}
}

func (j *jsonReader) escape() error {
	p, err := j.s.Peek(2)
	if len(p) < 2 {
		return err
	}
	switch p[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		j.s.Discard(2)
		return nil
	case 'u':
	default:
		return j.wrong("an escape", p[1])
	}
	if p, err = j.s.Peek(6); len(p) < 6 {
		return err
	}
	for _, b := range p[2:] {
		if !(b >= '0' && b <= '9' || b|0x20 >= 'a' && b|0x20 <= 'f') {
			return j.wrong("four hexadecimal digits", b)
		}
	}
	j.s.Discard(6)
	return nil
}

func (j *jsonReader) character() error {
	p, err := j.s.Peek(4)
	if len(p) < 4 && !utf8.FullRune(p) {
		return err
	}
	c, n := utf8.DecodeRune(p)
	if c == utf8.RuneError && n == 1 {
		return j.wrong("UTF-8", p[0])
	}
	j.s.Discard(n)
	return nil
}

func (j *jsonReader) word(w string) error {
	p, err := j.s.Peek(len(w))
	if len(p) < len(w) {
		return err
	}
	if string(p) != w {
		return j.wrong(w, p[0])
	}
	j.s.Discard(len(w))
	return nil
}

// digits consumes digits and reports how many.
func (j *jsonReader) digits() (n int, err error) {
	for {
		b, err := j.peek()
		if err != nil {
			return n, err
		}
		if b < '0' || b > '9' {
			return n, nil
		}
		j.s.Discard(1)
		n++
	}
}

// number reads a number. The end of the source behind it is met by who reads on.
func (j *jsonReader) number() error {
	b, err := j.peek()
	if err == nil && b == '-' {
		j.s.Discard(1)
		b, err = j.peek()
	}
	if err != nil {
		return err
	}
	n, err := j.digits()
	if n == 0 && err == nil || n > 1 && b == '0' {
		return j.wrong("a number", b)
	}
	if err != nil {
		return err
	}
	if b, err = j.peek(); err == nil && b == '.' {
		j.s.Discard(1)
		if n, err = j.digits(); err == nil && n == 0 {
			return j.wrong("a digit", '.')
		}
	}
	if err != nil {
		return err
	}
	if b, err = j.peek(); err == nil && b|0x20 == 'e' {
		j.s.Discard(1)
		if b, err = j.peek(); err == nil && (b == '+' || b == '-') {
			j.s.Discard(1)
		}
		if err != nil {
			return err
		}
		if n, err = j.digits(); err == nil && n == 0 {
			return j.wrong("a digit", b)
		}
	}
	return err
}
