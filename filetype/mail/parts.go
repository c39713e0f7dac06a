package mail

import (
	"bytes"
	"mime"
	"strings"
)

// parts follows the parts of one mail, line by line, and tells what cannot stand in it.
type parts struct {
	open   []string // boundaries of the parts that hold the one under way, the outermost first
	heads  bool     // headers of a part
	kind   string   // Content-Type of that part, with what its headers go on with
	last   string   // the header that goes on
	base64 bool     // how the part is encoded
	width  int      // of its lines; 0 before the first
	ended  bool     // a shorter line was there: the last one
}

// newParts begins with the headers of a mail.
func newParts(h *head) *parts {
	p := &parts{}
	p.body(h.fields["content-type"], h.fields["content-transfer-encoding"])
	return p
}

// body begins the body of a part with these headers.
func (p *parts) body(kind, encoding string) {
	p.heads, p.width, p.ended = false, 0, false
	p.base64 = strings.EqualFold(strings.TrimSpace(encoding), "base64")
	if t, params, err := mime.ParseMediaType(kind); err == nil && strings.HasPrefix(t, "multipart/") && params["boundary"] != "" && len(p.open) < 16 {
		p.open, p.base64 = append(p.open, params["boundary"]), false
	}
}

// closed reports whether every part is closed.
func (p *parts) closed() bool { return len(p.open) == 0 }

// line takes the next line of the body. It returns what was expected in its place, "" when it fits.
func (p *parts) line(line []byte) string {
	line = bytes.TrimRight(line, "\r\n \t")
	if n := p.delimiter(line); n != 0 {
		return ""
	}
	switch {
	case p.heads && len(line) == 0:
		kind, encoding, _ := strings.Cut(p.kind, "\x00")
		p.body(kind, encoding)
	case p.heads:
		p.header(string(line[:min(len(line), 1024)]))
	case p.base64:
		return p.packed(line)
	}
	return ""
}

// delimiter takes a line that parts are divided by: 1 when a part begins, -1 when the last one of several ends, else 0.
func (p *parts) delimiter(line []byte) int {
	if len(line) < 3 || line[0] != '-' || line[1] != '-' {
		return 0
	}
	for i := len(p.open) - 1; i >= 0; i-- {
		rest, ok := bytes.CutPrefix(line[2:], []byte(p.open[i]))
		switch {
		case ok && len(rest) == 0:
			p.open = p.open[:i+1]
			p.heads, p.kind, p.last, p.base64 = true, "", "", false
			return 1
		case ok && string(rest) == "--":
			p.open = p.open[:i]
			p.heads, p.base64 = false, false
			return -1
		}
	}
	return 0
}

// header takes a header of a part.
func (p *parts) header(line string) {
	if line[0] != ' ' && line[0] != '\t' {
		name, value, _ := strings.Cut(line, ":")
		p.last = strings.ToLower(name)
		line = value
	}
	kind, encoding, _ := strings.Cut(p.kind, "\x00")
	switch {
	case len(p.kind)+len(line) > 4096:
	case p.last == "content-type":
		p.kind = kind + line + "\x00" + encoding
	case p.last == "content-transfer-encoding":
		p.kind = kind + "\x00" + encoding + line
	}
}

// digits64 has the bytes of base64.
var digits64 = func() (t [256]bool) {
	for c := range 256 {
		t[c] = c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '+' || c == '/' || c == '='
	}
	return t
}()

// packed takes a line of base64: all are of one width, and only the last one is shorter.
func (p *parts) packed(line []byte) string {
	if len(line) == 0 {
		return ""
	}
	for _, c := range line {
		if !digits64[c] {
			return "base64, or the end of the part"
		}
	}
	switch {
	case p.ended:
		return "the end of the part, behind its last line"
	case p.width == 0:
		p.width = len(line)
	case len(line) > p.width:
		return "lines of one width"
	}
	p.ended = len(line) < p.width || line[len(line)-1] == '='
	return ""
}
