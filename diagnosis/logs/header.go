package logs

import (
	"bytes"
	"strconv"
	"time"
)

// Header is what stands before a line's message.
type Header struct {
	// Time is when the line was written: in UTC where the line names no zone, in year 0 where it names no year,
	// in year 0 on January 1 where it names no day. Zero when there is no time.
	Time time.Time
	// When is the time as the line has it.
	When string
	// Since is the time since the start of the kernel or the program; -1 when the line tells none.
	Since   time.Duration
	Program string // the program, unit or tag; "kernel" for what the kernel's own form shows
	PID     string
	Level   byte // E, W, I, D, V, F of logcat and its like, 0 when the line tells none
	// AfterTime, AfterHost and Message are where the text behind the time, behind host and priority, and
	// behind the program begins, in bytes of the line.
	AfterTime, AfterHost, Message int
}

// maxHeader bounds what is looked at, in bytes.
const maxHeader = 256

// ParseHeader reads what stands before the message of a cleaned line.
func ParseHeader(line []byte) Header {
	line = line[:min(len(line), maxHeader)]
	h := Header{Since: -1}
	p := head{b: line}
	p.priority()
	for range 3 { // a capture program's time, then the device's own
		p.spaces()
		begin := p.at
		if !p.stamp(&h) {
			break
		}
		if h.When == "" {
			h.When = string(bytes.Trim(line[begin:p.at], "[] ,;"))
		}
	}
	p.priority()
	p.spaces()
	h.AfterTime, h.AfterHost, h.Message = p.at, p.at, p.at
	switch {
	case p.threadtime(&h), p.brief(&h), p.espressif(&h):
	case p.tag(&h, false):
	case h.Since >= 0:
		h.Program = "kernel"
	case !h.Time.IsZero() && p.host() && p.tag(&h, true):
	}
	return h
}

// head walks over the begin of a line.
type head struct {
	b  []byte
	at int
}

func (p *head) spaces() {
	for p.at < len(p.b) && (p.b[p.at] == ' ' || p.b[p.at] == '\t') {
		p.at++
	}
}

func (p *head) rest() []byte { return p.b[p.at:] }

// priority skips <6>, and the version of RFC 5424 behind it.
func (p *head) priority() {
	r := p.rest()
	if len(r) < 3 || r[0] != '<' {
		return
	}
	i := bytes.IndexByte(r[:min(len(r), 6)], '>')
	if i < 2 || digits(r[1:]) != i-1 {
		return
	}
	p.at += i + 1
	if r = p.rest(); len(r) > 2 && r[0] == '1' && r[1] == ' ' && digits(r[2:]) == 4 {
		p.at += 2
	}
}

func digits(b []byte) int {
	n := 0
	for n < len(b) && '0' <= b[n] && b[n] <= '9' {
		n++
	}
	return n
}

func number(b []byte) int {
	n, _ := strconv.Atoi(string(b)) // digits only
	return n
}

// stamp reads one time of any form, with its brackets.
func (p *head) stamp(h *Header) bool {
	at := p.at
	bracket := p.at < len(p.b) && p.b[p.at] == '['
	if bracket {
		p.at++
		p.spaces()
	}
	ok := p.iso(h) || p.syslog(h) || p.monthDay(h) || p.clock(h, 0, 1, 1) || p.seconds(h, bracket)
	if ok && bracket {
		p.spaces()
		i := bytes.IndexByte(p.rest(), ']')
		if i < 0 || i > 8 {
			ok = false
		} else {
			p.at += i + 1
			p.thread()
		}
	}
	if ok && p.at < len(p.b) && bytes.IndexByte([]byte(" \t:,;]"), p.b[p.at]) < 0 && !bracket {
		ok = false
	}
	if !ok {
		p.at = at
		return false
	}
	for p.at < len(p.b) && bytes.IndexByte([]byte(":,;"), p.b[p.at]) >= 0 {
		p.at++
	}
	return true
}

// thread skips [T123] and [  C0], which the kernel prints behind its time.
func (p *head) thread() {
	r := p.rest()
	if len(r) < 4 || r[0] != '[' {
		return
	}
	i := bytes.IndexByte(r[:min(len(r), 16)], ']')
	if i < 0 {
		return
	}
	if w := bytes.TrimSpace(r[1:i]); len(w) > 1 && (w[0] == 'T' || w[0] == 'C') && digits(w[1:]) == len(w)-1 {
		p.at += i + 1
	}
}

// iso reads 2026-11-21T14:31:14.123+00:00, with a blank for the T, a comma for the point, and no zone.
func (p *head) iso(h *Header) bool {
	r := p.rest()
	if len(r) < 19 || digits(r) != 4 || r[4] != '-' && r[4] != '/' || digits(r[5:]) != 2 || r[7] != r[4] || digits(r[8:]) != 2 ||
		r[10] != 'T' && r[10] != ' ' {
		return false
	}
	year, month, day := number(r[:4]), number(r[5:7]), number(r[8:10])
	at := p.at
	p.at += 11
	if !p.clock(h, year, month, day) {
		p.at = at
		return false
	}
	return true
}

var months = []byte("JanFebMarAprMayJunJulAugSepOctNovDec")

// syslog reads "Nov 21 14:31:14", and "Sat Nov 21 14:31:14 2026" with the day's name before it.
func (p *head) syslog(h *Header) bool {
	r := p.rest()
	if len(r) > 4 && r[3] == ' ' && bytes.Contains([]byte("MonTueWedThuFriSatSun"), r[:3]) {
		r = r[4:]
	}
	if len(r) < 15 || r[3] != ' ' {
		return false
	}
	month := bytes.Index(months, r[:3])
	if month < 0 || month%3 != 0 {
		return false
	}
	r = bytes.TrimLeft(r[4:], " ")
	n := digits(r)
	if n < 1 || n > 2 || n >= len(r) || r[n] != ' ' {
		return false
	}
	at := p.at
	p.at = len(p.b) - len(r) + n + 1
	if !p.clock(h, 0, month/3+1, number(r[:n])) {
		p.at = at
		return false
	}
	if r = p.rest(); len(r) > 5 && r[0] == ' ' && (digits(r[1:]) == 4) && (r[1] == '2' || r[1] == '1') && (len(r) == 5 || r[5] == ' ' || r[5] == ']') {
		h.Time = h.Time.AddDate(number(r[1:5]), 0, 0)
		p.at += 5
	}
	return true
}

// monthDay reads logcat's "11-21 14:31:14.123".
func (p *head) monthDay(h *Header) bool {
	r := p.rest()
	if len(r) < 14 || digits(r) != 2 || r[2] != '-' || digits(r[3:]) != 2 || r[5] != ' ' {
		return false
	}
	at := p.at
	p.at += 6
	if !p.clock(h, 0, number(r[:2]), number(r[3:5])) {
		p.at = at
		return false
	}
	return true
}

// clock reads 14:31:14, a fraction and a zone.
func (p *head) clock(h *Header, year, month, day int) bool {
	r := p.rest()
	if len(r) < 8 || digits(r) != 2 || r[2] != ':' || digits(r[3:]) != 2 || r[5] != ':' || digits(r[6:]) != 2 {
		return false
	}
	hour, minute, second := number(r[:2]), number(r[3:5]), number(r[6:8])
	if month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60 {
		return false
	}
	at := 8
	nanos := 0
	if at < len(r) && (r[at] == '.' || r[at] == ',') {
		n := digits(r[at+1:])
		if n > 0 {
			f := make([]byte, 9)
			copy(f, "000000000")
			copy(f, r[at+1:at+1+min(n, 9)])
			nanos = number(f)
			at += 1 + n
		}
	}
	zone := time.UTC
	if at < len(r) && r[at] == 'Z' {
		at++
	} else if z := r[at:]; len(z) >= 5 && (z[0] == '+' || z[0] == '-') && digits(z[1:]) >= 2 {
		size := 0
		minutes := 0
		switch {
		case digits(z[1:]) == 4:
			minutes, size = number(z[1:3])*60+number(z[3:5]), 5
		case len(z) >= 6 && digits(z[1:]) == 2 && z[3] == ':' && digits(z[4:]) >= 2:
			minutes, size = number(z[1:3])*60+number(z[4:6]), 6
		}
		if z[0] == '-' {
			minutes = -minutes
		}
		zone = time.FixedZone("", minutes*60)
		at += size
	}
	h.Time = time.Date(year, time.Month(month), day, hour, minute, second, nanos, zone)
	p.at += at
	return true
}

// seconds reads the kernel's "12.345678" in brackets, and seconds since 1970.
func (p *head) seconds(h *Header, bracket bool) bool {
	r := p.rest()
	n := digits(r)
	if n < 1 || n > 10 || n >= len(r) || r[n] != '.' {
		return false
	}
	f := digits(r[n+1:])
	if f < 3 || !bracket && (n != 10 || f < 3) {
		return false
	}
	s, err := strconv.ParseFloat(string(r[:n+1+f]), 64)
	if err != nil {
		return false
	}
	if n == 10 {
		h.Time = time.UnixMicro(int64(s * 1e6)).UTC()
	} else {
		h.Since = time.Duration(s * 1e9)
	}
	p.at += n + 1 + f
	return true
}
