package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode/utf8"
)

// Writer prints lines. It is safe for concurrent use: lines do not mix.
type Writer struct {
	mu  sync.Mutex
	out io.Writer
	buf bytes.Buffer
}

// NewWriter returns a Writer to out.
func NewWriter(out io.Writer) *Writer { return &Writer{out: out} }

// Write prints one line: a value of a type of this package.
func (w *Writer) Write(line any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf.Reset()
	if err := encode(&w.buf, line); err != nil {
		return err
	}
	_, err := w.out.Write(w.buf.Bytes())
	return err
}

// Encode returns a line, with its line break.
func Encode(line any) ([]byte, error) {
	var b bytes.Buffer
	if err := encode(&b, line); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func encode(b *bytes.Buffer, line any) error {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(line); err != nil {
		return fmt.Errorf("wire: %w", err)
	}
	if raw := b.Bytes(); mayHide(raw) {
		calm := hide(raw)
		b.Reset()
		b.Write(calm)
	}
	return nil
}

// Hidden reports whether r shows nothing or changes how other text is shown: control characters of the
// second set, marks of direction, separators of lines, zero-width characters, tags.
func Hidden(r rune) bool {
	switch {
	case r < 0x80:
		return r < ' ' || r == 0x7f
	case r <= 0x9f, r == 0xad, r == 0x61c, r == 0x180e, r == 0xfeff:
		return true
	case r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2060 && r <= 0x206f:
		return true
	case r >= 0xfff9 && r <= 0xfffb, r >= 0xe0000 && r <= 0xe007f:
		return true
	}
	return false
}

// mayHide is a quick look for the first bytes of hidden characters that JSON does not escape by itself.
func mayHide(b []byte) bool {
	return bytes.ContainsAny(b, "\x7f") || bytes.IndexFunc(b, func(r rune) bool { return r >= 0x80 && Hidden(r) }) >= 0
}

// hide writes hidden characters inside JSON as \u escapes, which mean the same.
func hide(b []byte) []byte {
	out := make([]byte, 0, len(b)+64)
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case r < ' ' || !Hidden(r) || r == utf8.RuneError:
			out = append(out, b[:n]...)
		case r > 0xffff:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		b = b[n:]
	}
	return out
}

// Text makes hostile text fit for JSON: a byte that is no UTF-8 becomes \xNN, as in the names of paths.
func Text(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02x`, s[0])
		} else {
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}
