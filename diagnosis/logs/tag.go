package logs

import (
	"bytes"
	"strings"
	"time"
)

const levels = "VDIWEF"

// threadtime reads logcat's "1234  1245 E tag: message" behind the time.
func (p *head) threadtime(h *Header) bool {
	if h.Time.IsZero() {
		return false
	}
	f := bytes.Fields(p.rest())
	if len(f) < 4 || digits(f[0]) != len(f[0]) || digits(f[1]) != len(f[1]) || len(f[2]) != 1 || strings.IndexByte(levels, f[2][0]) < 0 {
		return false
	}
	level := bytes.Index(p.rest(), append(append([]byte(" "), f[2]...), ' '))
	if level < 0 {
		return false
	}
	at := p.at + level + 3
	i := bytes.Index(p.b[at:], []byte(": "))
	if i < 0 {
		return false
	}
	h.PID, h.Level, h.Program = string(f[0]), f[2][0], string(bytes.TrimSpace(p.b[at:at+i]))
	h.AfterHost, h.Message = at, at+i+2
	return true
}

// brief reads logcat's "E/tag( 1234): message".
func (p *head) brief(h *Header) bool {
	r := p.rest()
	if len(r) < 6 || r[1] != '/' || strings.IndexByte(levels, r[0]) < 0 {
		return false
	}
	open := bytes.IndexByte(r, '(')
	end := bytes.Index(r, []byte("): "))
	if open < 3 || end < open {
		return false
	}
	pid := bytes.TrimSpace(r[open+1 : end])
	if digits(pid) != len(pid) {
		return false
	}
	h.Level, h.Program, h.PID = r[0], string(bytes.TrimSpace(r[2:open])), string(pid)
	h.AfterHost, h.Message = p.at+2, p.at+end+3
	return true
}

// espressif reads the log of ESP-IDF: "E (1234) tag: message", milliseconds since the start.
func (p *head) espressif(h *Header) bool {
	r := p.rest()
	if len(r) < 8 || r[1] != ' ' || r[2] != '(' || strings.IndexByte(levels, r[0]) < 0 {
		return false
	}
	n := digits(r[3:])
	if n == 0 || n > 12 || len(r) < n+5 || r[3+n] != ')' {
		return false
	}
	i := bytes.Index(r, []byte(": "))
	if i < n+5 || bytes.IndexByte(r[n+5:i], ' ') >= 0 {
		return false
	}
	h.Level, h.Program = r[0], string(r[n+5:i])
	h.Since = time.Duration(number(r[3:3+n])) * time.Millisecond
	h.AfterHost, h.Message = p.at+n+5, p.at+i+2
	return true
}

// host skips one word.
func (p *head) host() bool {
	r := p.rest()
	i := bytes.IndexByte(r, ' ')
	if i < 1 || i > 64 || bytes.IndexByte(r[:i], ':') >= 0 && bytes.Count(r[:i], []byte(":")) < 2 {
		return false
	}
	p.at += i
	p.spaces()
	return true
}

// tag reads "program[pid]: " or "program: ". A program without a number is believed behind a host only, since
// any sentence may begin with a word and a colon.
func (p *head) tag(h *Header, behindHost bool) bool {
	r := p.rest()
	n := 0
	for n < len(r) && n < 64 && (r[n] > ' ' && r[n] < 0x7f && r[n] != ':' && r[n] != '[' && r[n] != ']') {
		n++
	}
	if n == 0 || n >= len(r) {
		return false
	}
	pid, at := "", n
	if r[n] == '[' {
		d := digits(r[n+1:])
		if d == 0 || n+d+2 > len(r) || r[n+1+d] != ']' {
			return false
		}
		pid, at = string(r[n+1:n+1+d]), n+d+2
	}
	if pid == "" && !behindHost && string(r[:n]) != "kernel" || !bytes.HasPrefix(r[at:], []byte(":")) {
		return false
	}
	h.Program, h.PID, h.AfterHost = string(r[:n]), pid, p.at
	p.at += at + 1
	p.spaces()
	h.Message = p.at
	if h.Program == "kernel" { // the kernel's own time behind syslog's
		var inner Header
		inner.Since = -1
		if p.stamp(&inner) && inner.Since >= 0 {
			h.Since = inner.Since
			p.spaces()
		}
		h.Message = p.at
	}
	return true
}
