package carve

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"salvor/block"
	"salvor/filetype"
	"salvor/guard"
)

const (
	sector   = 512
	textRead = 1 << 20 // bytes read at once; a multiple of sector
	textMin  = 512     // bytes of the shortest text that is given
	jsonMin  = 64      // bytes of the shortest text that is given when it is JSON
	jsonMax  = 16 << 20
)

// TextOptions say where to look for text.
type TextOptions struct {
	Source block.Source
	// Free is the space that belongs to nothing: neither owned, nor part of a file that was carved.
	Free  block.Set
	Table *filetype.Table
	// Limit is as in [Options].
	Limit    time.Duration
	Emit     func(Found) error
	Progress func(Progress)
}

// kind of a sector.
type kind uint8

const (
	other kind = iota // has bytes that no text has
	mixed             // mostly text, or not readable: what follows is hardly the beginning of a file
	empty             // only zeros, or only 0xFF
	full              // only text
	tail              // text, then only zeros or only 0xFF
)

// textByte has which bytes text is made of: printable ASCII, blanks, line ends, and bytes of UTF-8.
var textByte = func() (t [256]bool) {
	for c := range 256 {
		t[c] = c >= 0x20 && c < 0x7F || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c >= 0xC2 && c <= 0xF4 || c >= 0x80 && c <= 0xBF
	}
	return t
}()

// plainByte has 1 for those of them that are ASCII.
var plainByte = func() (t [256]uint8) {
	for c := range 0x80 {
		if textByte[c] {
			t[c] = 1
		}
	}
	return t
}()

// plain counts the bytes of ASCII text among each step-th byte of p.
func plain(p []byte, step int) (n int) {
	for i := 0; i < len(p); i += step {
		n += int(plainByte[p[i]])
	}
	return n
}

// classify returns the kind of a sector and how many bytes of text it begins with.
func classify(p []byte) (kind, int) {
	n := 0
	for n < len(p) && textByte[p[n]] {
		n++
	}
	if n == len(p) {
		return full, n
	}
	rest := p[n:]
	if (rest[0] != 0 && rest[0] != 0xFF) || !bytes.Equal(rest[1:], rest[:len(rest)-1]) {
		// An eighth of the bytes tells most sectors apart.
		if plain(p, 8)*16 >= len(p) && plain(p, 1)*4 >= len(p)*3 {
			return mixed, n
		}
		return other, n
	}
	if n == 0 {
		return empty, 0
	}
	return tail, n
}

// Text looks for plain text in free space and gives what it finds to Emit, in order of offset. Stats.Examined counts
// the candidates, Stats.Chance those that were dropped. Errors are those of ctx and of Emit.
func Text(ctx context.Context, o TextOptions) (Stats, error) {
	if o.Limit <= 0 {
		o.Limit = defaultLimit
	}
	t := &texts{TextOptions: o, buf: make([]byte, textRead)}
	for e := range o.Free.All() {
		if err := t.scan(ctx, e.Intersect(block.Extent{Length: o.Source.Size()})); err != nil {
			return t.stats, err
		}
	}
	return t.stats, nil
}

type texts struct {
	TextOptions
	buf   []byte
	stats Stats
	told  time.Time
}

// scan looks at the whole sectors of e.
func (t *texts) scan(ctx context.Context, e block.Extent) error {
	e = block.Between((e.Offset+sector-1)/sector*sector, e.End()/sector*sector)
	if e.Length == 0 {
		return nil
	}
	// The sector before decides whether the first one can be a beginning.
	last := empty
	if e.Offset > 0 {
		last, _ = t.sectors(e.Offset-sector, sector).next()
	}
	start := int64(-1) // of the text under way
	for at := e.Offset; at < e.End(); {
		if err := ctx.Err(); err != nil {
			return err
		}
		if t.Progress != nil && time.Since(t.told) >= tellEvery {
			t.told = time.Now()
			t.Progress(Progress{Pos: at, Total: t.Source.Size(), Found: t.stats.Found})
		}
		s := t.sectors(at, min(textRead, e.End()-at))
		base := at
		for ; len(s.p) > 0; at += sector {
			k, n := s.next()
			if start < 0 && (k == full || k == tail) && last != full && last != mixed {
				start = at
			}
			var end int64
			switch k {
			case full:
				last = k
				continue
			case tail:
				end = at + int64(n)
			case empty:
				end = at
			case other, mixed:
				// What fills up the last sector may be old data.
				if m := lineEnd(t.buf[at-base:][:n]); m > 0 {
					end = at + int64(m)
				}
			}
			if start >= 0 && end > start {
				if err := t.candidate(ctx, block.Between(start, end)); err != nil {
					return err
				}
			}
			start, last = -1, k
		}
	}
	// A text that fills the free space to its end may go on in what follows; it is none of ours then.
	return nil
}

// endRoom is how many bytes of old data behind the end of a text may look like text by chance.
const endRoom = 16

// lineEnd returns how many bytes of p, which is text up to its end, belong to a text that ends as texts do: with a
// line, an element or an object; 0 when it does not.
func lineEnd(p []byte) int {
	i := bytes.LastIndexAny(p, "\n}]>")
	if i < 0 || len(p)-i-1 > endRoom {
		return 0
	}
	return i + 1
}

// sectors reads length bytes at off, whole sectors both.
func (t *texts) sectors(off, length int64) *sectors {
	p := t.buf[:length]
	n, err := t.Source.ReadAt(p, off)
	if n == len(p) || err == nil {
		return &sectors{p: p[:n/sector*sector]}
	}
	// Sector by sector, since only those that fail are lost.
	s := &sectors{p: p, bad: make([]bool, length/sector)}
	for i := range s.bad {
		if at := int64(i) * sector; at+sector > int64(n) {
			m, _ := t.Source.ReadAt(p[at:at+sector], off+at)
			s.bad[i] = m < sector
		}
	}
	return s
}

type sectors struct {
	p   []byte
	bad []bool // nil when all could be read
}

func (s *sectors) next() (kind, int) {
	p := s.p[:sector]
	s.p = s.p[sector:]
	if s.bad != nil {
		bad := s.bad[0]
		s.bad = s.bad[1:]
		if bad {
			return mixed, 0
		}
	}
	return classify(p)
}

// candidate judges a stretch that is made of text bytes only.
func (t *texts) candidate(ctx context.Context, e block.Extent) error {
	if e.Length < jsonMin || (e.Length < textMin && !t.isJSON(e)) {
		return nil
	}
	t.stats.Hits++
	t.stats.Examined++
	var f *filetype.Format
	var r filetype.Report
	err := guard.Do(ctx, t.Limit, block.Section(t.Source, e), func(ctx context.Context, src block.Source) (err error) {
		f, r, err = t.Table.Identify(ctx, src, "")
		return err
	})
	if cause := ctx.Err(); cause != nil {
		return cause
	}
	if told, failed := guard.Finding("text", t.Limit, err); failed {
		told.Offset, told.Size = e.Offset, e.Length
		t.stats.Failed++
		if len(t.stats.Findings) < maxFindings {
			t.stats.Findings = append(t.stats.Findings, told)
		}
		return nil
	}
	if err != nil || f == nil || f.Carve || r.Verdict < filetype.Consistent || r.Size != e.Length || !t.lively(e, f.Name == "text") {
		t.stats.Chance++
		return nil
	}
	t.stats.Found++
	if err := t.Emit(Found{Format: f, Report: r, Offset: e.Offset, Size: e.Length}); err != nil {
		return fmt.Errorf("carve: %w", err)
	}
	return nil
}

// lively reports whether e is valid UTF-8, and its first bytes as varied as written text is: test patterns, tables of
// one byte and padding are not. With words, it must consist of words too, as plain text does and encoded data does not.
func (t *texts) lively(e block.Extent, words bool) bool {
	p := make([]byte, min(e.Length, 64<<10))
	kept := 0 // bytes of a character that the last read cut
	for at := e.Offset; at < e.End(); {
		n := int(min(int64(len(p)-kept), e.End()-at))
		if m, _ := t.Source.ReadAt(p[kept:kept+n], at); m < n {
			return false
		}
		piece := p[:kept+n]
		if at == e.Offset && (!varied(piece) || words && !worded(piece)) {
			return false
		}
		at += int64(n)
		for len(piece) > 0 {
			_, size := utf8.DecodeRune(piece)
			if piece[0] >= utf8.RuneSelf && size == 1 {
				if at < e.End() && !utf8.FullRune(piece) {
					break
				}
				return false
			}
			piece = piece[size:]
		}
		kept = copy(p, piece)
	}
	return kept == 0
}

func varied(p []byte) bool {
	var count [256]int
	distinct, most := 0, 0
	for _, c := range p {
		if count[c] == 0 {
			distinct++
		}
		count[c]++
		most = max(most, count[c])
	}
	return distinct >= 12 && most*10 <= len(p)*7
}

// leastBlanks is the share of blanks that words have between them: one of so many bytes.
const leastBlanks = 24

// worded reports whether p has blanks as words have them.
func worded(p []byte) bool {
	return (bytes.Count(p, []byte{' '})+bytes.Count(p, []byte{'\t'}))*leastBlanks >= len(p)
}

// isJSON reports whether e is an object or an array in JSON.
func (t *texts) isJSON(e block.Extent) bool {
	if e.Length > jsonMax {
		return false
	}
	p := make([]byte, e.Length)
	if n, _ := t.Source.ReadAt(p, e.Offset); n < len(p) {
		return false
	}
	p = bytes.TrimSpace(p)
	return len(p) > 0 && (p[0] == '{' || p[0] == '[') && json.Valid(p)
}
