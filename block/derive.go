package block

import (
	"errors"
	"io"
	"slices"
	"sort"
	"sync"
)

// Section returns the bytes of e in src as a Source of their own. What of e lies behind the end of src
// is unreadable with reason Absent, since a volume may claim more than a cut image holds.
func Section(src Source, e Extent) Source {
	if e.Offset < 0 || e.Length < 0 {
		e = Extent{}
	}
	if s, ok := src.(*section); ok && e.End() <= s.e.Length {
		return &section{src: s.src, e: e.Shift(s.e.Offset)}
	}
	return &section{src: src, e: e}
}

type section struct {
	src Source
	e   Extent
}

func (s *section) Size() int64 { return s.e.Length }

// present returns the part of the section that src has, as an extent of the section.
func (s *section) present() Extent {
	return s.e.Intersect(Extent{0, s.src.Size()}).Shift(-s.e.Offset)
}

func (s *section) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, ErrNegativeOffset
	}
	if len(p) == 0 {
		return 0, nil
	}
	if off >= s.e.Length {
		return 0, io.EOF
	}
	end := error(nil)
	if left := s.e.Length - off; int64(len(p)) > left {
		p, end = p[:left], io.EOF
	}
	have := s.present()
	var want []byte
	if off < have.End() {
		want = p[:min(int64(len(p)), have.End()-off)]
	}
	n := 0
	if len(want) > 0 {
		var err error
		n, err = s.src.ReadAt(want, s.e.Offset+off)
		if n < len(want) {
			if err == nil || errors.Is(err, io.EOF) {
				err = NewUnreadable(Extent{s.e.Offset + off + int64(n), int64(len(want) - n)}, Absent, io.ErrUnexpectedEOF)
			}
			return n, shiftError(err, -s.e.Offset, Extent{0, s.e.Length})
		}
	}
	if n < len(p) {
		return n, NewUnreadable(Between(max(have.End(), 0), s.e.Length), Absent, nil)
	}
	return n, end
}

func (s *section) Unreadable(within Extent) []Unreadable {
	within = within.Intersect(Extent{0, s.e.Length})
	var out []Unreadable
	for _, u := range UnreadableIn(s.src, within.Shift(s.e.Offset)) {
		u.Extent = u.Extent.Shift(-s.e.Offset)
		out = append(out, u)
	}
	if rest := Between(s.present().End(), s.e.Length).Intersect(within); rest.Length > 0 {
		out = append(out, Unreadable{Extent: rest, Why: Absent})
	}
	return out
}

func (s *section) Origin(within Extent) []Run {
	within = within.Intersect(Extent{0, s.e.Length})
	out := Origin(s.src, within.Shift(s.e.Offset))
	out = slices.Clone(out)
	for i := range out {
		out[i].Logical -= s.e.Offset
	}
	if rest := Between(s.present().End(), s.e.Length).Intersect(within); rest.Length > 0 {
		out = append(out, Run{Logical: rest.Offset, Length: rest.Length, Kind: Lost})
	}
	return out
}

// Join returns the stream of size bytes that runs make out of src. Runs are normalized first. Zero runs
// read as zeros; Lost runs, and Foreign ones, since they hold someone else's bytes, are unreadable with
// reason Absent. Guessed runs read as what stands there.
func Join(src Source, runs []Run, size int64) Source {
	return &joined{src: src, runs: Normalize(runs, max(size, 0)), size: max(size, 0)}
}

type joined struct {
	src  Source
	runs []Run
	size int64
}

func (j *joined) Size() int64 { return j.size }

func (j *joined) at(off int64) int {
	return sort.Search(len(j.runs), func(i int) bool { return j.runs[i].Logical+j.runs[i].Length > off })
}

func (j *joined) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, ErrNegativeOffset
	}
	if len(p) == 0 {
		return 0, nil
	}
	if off >= j.size {
		return 0, io.EOF
	}
	n := 0
	for i := j.at(off); i < len(j.runs) && n < len(p); i++ {
		r := j.runs[i].slice(Extent{off + int64(n), int64(len(p) - n)})
		dst := p[n : n+int(r.Length)]
		switch r.Kind {
		case Zero:
			clear(dst)
		case Data, Guessed:
			m, err := j.src.ReadAt(dst, r.Physical)
			if m < len(dst) {
				if err == nil || errors.Is(err, io.EOF) {
					err = NewUnreadable(Extent{r.Physical + int64(m), int64(len(dst) - m)}, Absent, io.ErrUnexpectedEOF)
				}
				whole := j.runs[i]
				return n + m, shiftError(err, whole.Logical-whole.Physical, whole.LogicalExtent())
			}
		default:
			return n, NewUnreadable(j.runs[i].LogicalExtent(), Absent, nil)
		}
		n += len(dst)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (j *joined) Unreadable(within Extent) []Unreadable {
	var out []Unreadable
	for _, r := range Slice(j.runs, within) {
		switch r.Kind {
		case Lost, Foreign:
			out = append(out, Unreadable{Extent: r.LogicalExtent(), Why: Absent})
		case Data, Guessed:
			p := r.PhysicalExtent()
			have := p.Intersect(Extent{0, j.src.Size()})
			for _, u := range UnreadableIn(j.src, have) {
				u.Extent = u.Extent.Shift(r.Logical - r.Physical)
				out = append(out, u)
			}
			if rest := Between(max(have.End(), p.Offset), p.End()); rest.Length > 0 {
				out = append(out, Unreadable{Extent: rest.Shift(r.Logical - r.Physical), Why: Absent})
			}
		}
	}
	return out
}

func (j *joined) Origin(within Extent) []Run {
	return Through(j.src, Slice(j.runs, within))
}

// Filler is a Source that gives zeros for bytes that its parent cannot read, and remembers where it did.
type Filler struct {
	src  Source
	mu   sync.Mutex
	used Set
}

// Filled returns src with its unreadable bytes as zeros, for formats whose readers cannot go on without
// them. Whoever uses it must look at [Filler.Used] before judging what was read. Errors that are not an
// [*UnreadableError] pass.
func Filled(src Source) *Filler { return &Filler{src: src} }

// Size returns the size of the parent.
func (f *Filler) Size() int64 { return f.src.Size() }

// Used returns the bytes that were made up so far.
func (f *Filler) Used() Set {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.used.Clone()
}

// Origin answers as the parent does.
func (f *Filler) Origin(within Extent) []Run { return Origin(f.src, within) }

// ReadAt reads as the parent does, with zeros in the place of unreadable ranges.
func (f *Filler) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) {
		m, err := f.src.ReadAt(p[n:], off+int64(n))
		n += m
		if err == nil {
			return n, nil
		}
		u, ok := IsUnreadable(err)
		if !ok {
			return n, err
		}
		at := off + int64(n)
		// The failure stands at the byte where the read stopped; the error may name more than that byte.
		end := at + 1
		for _, r := range u.Ranges {
			if r.Has(at) {
				end = max(end, r.End())
			}
		}
		hole := Between(at, min(end, off+int64(len(p))))
		clear(p[n : n+int(hole.Length)])
		n += int(hole.Length)
		f.mu.Lock()
		f.used.Add(hole)
		f.mu.Unlock()
	}
	return n, nil
}
