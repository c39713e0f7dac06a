package carve

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"salvor/block"
	"salvor/filetype"
	"salvor/finding"
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
	run := run{start: -1, last: empty}
	if e.Offset > 0 {
		before := t.sectors(e.Offset-sector, sector)
		run.before = before.p[sector-1]
		run.last, _, run.lastUnits = before.next(eight)
	}
	for at := e.Offset; at < e.End(); {
		if err := ctx.Err(); err != nil {
			return err
		}
		if t.Progress != nil && time.Since(t.told) >= tellEvery {
			t.told = time.Now()
			t.Progress(Progress{Pos: at, Total: t.Source.Size(), Found: t.stats.Found})
		}
		s := t.sectors(at, min(textRead, e.End()-at))
		for ; len(s.p) > 0; at += sector {
			p := s.p[:sector]
			if run.start >= 0 && run.before != '\n' && heads(p) {
				// Another text begins where the one under way would go on in the middle of a line.
				if err := t.candidate(ctx, run.start, run.cut(at, nil)); err != nil {
					return err
				}
				run.start, run.last = -1, empty
			}
			k, n, units := s.next(run.units())
			if k == other && run.start >= 0 && run.wide != eight {
				// Another text, of bytes, may follow one of 16-bit units.
				if err := t.candidate(ctx, run.start, run.end(k, at, p[:n])); err != nil {
					return err
				}
				run.start, run.last, run.lastUnits = -1, other, run.wide
				k, n, units = classify(p, eight)
			}
			text := k == full || k == tail
			if run.start < 0 && text && (run.last != full && run.last != mixed || run.lastUnits != units || run.before != '\n' && (heads(p) || begins(p, openings))) {
				run.start, run.wide = at, units
			}
			run.lastUnits = units
			run.before = p[sector-1]
			if k == full {
				run.last = k
				copy(run.line[:], p[sector-len(run.line):])
				continue
			}
			if run.start >= 0 {
				if err := t.candidate(ctx, run.start, run.end(k, at, p[:n])); err != nil {
					return err
				}
			}
			run.start, run.last = -1, k
		}
	}
	if run.start < 0 {
		return nil
	}
	// What comes next belongs to something else: it may have been written over the rest.
	return t.candidate(ctx, run.start, run.cut(e.End(), nil))
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

// next classifies the next sector as one of a text of such units.
func (s *sectors) next(of units) (kind, int, units) {
	p := s.p[:sector]
	s.p = s.p[sector:]
	if s.bad != nil {
		bad := s.bad[0]
		s.bad = s.bad[1:]
		if bad {
			return mixed, 0, of
		}
	}
	return classify(p, of)
}

// candidate judges a stretch that is made of text only, from start to the end that was found for it.
func (t *texts) candidate(ctx context.Context, start int64, end ending) error {
	e := block.Between(start, end.at)
	if e.Length < jsonMin || (e.Length < textMin && !t.isJSON(e)) || !end.own && e.Length < substantial {
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
	if err != nil || f == nil || f.Carve || !t.accept(&r, f, e.Length, end.own) || !t.lively(block.Extent{Offset: e.Offset, Length: r.GoodUntil}, f.Name == "text") {
		t.stats.Chance++
		return nil
	}
	t.stats.Found++
	if err := t.Emit(Found{Format: f, Report: r, Offset: e.Offset, Size: r.GoodUntil}); err != nil {
		return fmt.Errorf("carve: %w", err)
	}
	return nil
}

// accept reports whether r, of a stretch of size bytes, is that of a text worth giving. own says that the text ends as texts
// do; one that does not, of a format that does not tell its end, breaks off there.
func (t *texts) accept(r *filetype.Report, f *filetype.Format, size int64, own bool) bool {
	switch {
	case r.Verdict >= filetype.Consistent && r.Size != size:
		return false
	case r.Verdict >= filetype.Consistent:
		if own || f.Name == "json" { // which tells its end
			return true
		}
		r.Verdict = filetype.Partial
		r.Missing.Add(block.Extent{Offset: size, Length: 1})
		r.Findings = []finding.Finding{filetype.BreaksOff.New(finding.At(size, 0), finding.Arg("format", f.Name))}
	case r.Verdict != filetype.Partial && r.Verdict != filetype.Damaged:
		return false
	}
	return r.GoodUntil >= substantial && r.GoodUntil <= size
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
