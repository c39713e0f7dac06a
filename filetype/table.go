package filetype

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"salvor/block"
	"salvor/block/probe"
	"salvor/finding"
)

// headSize is how much of a file is read to look for signatures, in bytes.
const headSize = 64 << 10

// constantMin is the size in bytes from which a file of one constant byte counts as erased.
const constantMin = 4 << 10

// Table holds the formats that are known, in the order in which they are tried. It does not change after
// it was made and is safe for concurrent use.
type Table struct {
	formats []Format
	byProbe map[string]*Format
	byName  map[string]*Format
	probes  []probe.Probe
}

// NewTable returns a table of formats. It returns an error when two formats have the same name, when a
// format lacks a name, an Examine or a ceiling, when a signature is not valid or not named after its
// format, or when a format without signature asks to be carved.
func NewTable(formats []Format) (*Table, error) {
	t := &Table{
		formats: slices.Clone(formats),
		byProbe: map[string]*Format{},
		byName:  map[string]*Format{},
	}
	for i := range t.formats {
		f := &t.formats[i]
		switch {
		case f.Name == "":
			return nil, fmt.Errorf("filetype: format %d has no name", i)
		case t.byName[f.Name] != nil:
			return nil, fmt.Errorf("filetype: two formats named %s", f.Name)
		case f.Examine == nil:
			return nil, fmt.Errorf("filetype: %s: no Examine", f.Name)
		case f.Ceiling == Unknown || f.Ceiling > Proven:
			return nil, fmt.Errorf("filetype: %s: ceiling %v", f.Name, f.Ceiling)
		case f.Carve && len(f.Signatures) == 0:
			return nil, fmt.Errorf("filetype: %s: carved without a signature", f.Name)
		case !slices.Contains(Classes(), f.Class):
			return nil, fmt.Errorf("filetype: %s: class %q", f.Name, f.Class)
		}
		t.byName[f.Name] = f
		for _, p := range f.Signatures {
			if err := p.Validate(); err != nil {
				return nil, fmt.Errorf("filetype: %s: %w", f.Name, err)
			}
			if !strings.HasPrefix(p.ID, f.Name+".") {
				return nil, fmt.Errorf("filetype: %s: signature %s, expected a name that begins with %s", f.Name, p.ID, f.Name+".")
			}
			if t.byProbe[p.ID] != nil {
				return nil, fmt.Errorf("filetype: %s: two signatures named %s", f.Name, p.ID)
			}
			t.byProbe[p.ID] = f
			if f.Carve {
				t.probes = append(t.probes, p)
			}
		}
	}
	return t, nil
}

// Formats returns the rows in order. They must not be changed.
func (t *Table) Formats() []Format { return t.formats }

// Probes returns the signatures of the formats that can be carved.
func (t *Table) Probes() []probe.Probe { return slices.Clone(t.probes) }

// ByProbe returns the format that the signature with this ID belongs to.
func (t *Table) ByProbe(id string) (*Format, bool) {
	f, ok := t.byProbe[id]
	return f, ok
}

// ByName returns the format of that name.
func (t *Table) ByName(name string) (*Format, bool) {
	f, ok := t.byName[name]
	return f, ok
}

// Identify finds the format of the whole file src and judges it. Formats whose signature matches are asked
// first, in the order of the table, then those without one; name, which may be empty, only says which of
// the latter is asked first. When no format accepts the file, the format is nil and the verdict Unknown.
//
// Beyond what the format says, a verdict is never above the format's ceiling; bytes behind the file's
// own end keep it from being Proven; and 4 KiB or more of only 0x00 or only 0xFF are Unknown, with the
// finding [Erased]. The only errors are those of ctx.
func (t *Table) Identify(ctx context.Context, src block.Source, name string) (*Format, Report, error) {
	head := make([]byte, min(headSize, max(src.Size(), 0)))
	n, err := readAt(ctx, src, head, 0)
	if err != nil {
		return nil, Report{}, err
	}
	head = head[:n]
	if src.Size() >= constantMin && n > 0 && isFill(head[0]) {
		b, all, err := ConstantFill(ctx, src)
		if err != nil && isContext(err) {
			return nil, Report{}, err
		}
		if err == nil && all {
			return nil, Report{Size: src.Size(), Findings: []finding.Finding{
				Erased.New(finding.At(0, src.Size()), finding.Arg("count", src.Size()),
					finding.Expected(nil, fmt.Sprintf("0x%02X", b)))}}, nil
		}
	}
	tried, err := t.candidates(ctx, src, head, name)
	if err != nil {
		return nil, Report{}, err
	}
	for _, f := range tried {
		r, err := f.Examine(ctx, src)
		switch {
		case err == nil:
			r, err = t.settle(ctx, src, f, r)
			return f, r, err
		case errors.Is(err, ErrNot):
		case isContext(err):
			return nil, Report{}, err
		default:
			// An Examine that breaks its contract is no reason to lose the file.
			r = Report{Findings: []finding.Finding{Unread.New(finding.At(0, src.Size()),
				finding.Arg("format", f.Name), finding.Expected(nil, err))}}
			return f, r, nil
		}
		if err := ctx.Err(); err != nil {
			return nil, Report{}, err
		}
	}
	r := Report{Size: src.Size(), Findings: []finding.Finding{NoFormat.New()}}
	for _, u := range block.UnreadableIn(src, block.Extent{Length: src.Size()}) {
		r.Missing.Add(u.Extent)
		r.Findings = append(r.Findings, Unread.New(finding.At(u.Offset, u.Length),
			finding.Arg("format", "file"), finding.Expected(nil, u.Why)))
	}
	return nil, r, nil
}

// ByExtension returns the first format whose files are often named so. Nothing of a file was read for that: it is a
// guess, good for sorting files and for no verdict.
func (t *Table) ByExtension(name string) (*Format, bool) {
	ext := strings.ToLower(strings.TrimPrefix(path.Ext(name), "."))
	for i := range t.formats {
		if ext != "" && slices.Contains(t.formats[i].Extensions, ext) {
			return &t.formats[i], true
		}
	}
	return nil, false
}

// candidates returns the formats to ask, in order.
func (t *Table) candidates(ctx context.Context, src block.Source, head []byte, name string) ([]*Format, error) {
	var signed, hinted, bare []*Format
	ext := strings.ToLower(strings.TrimPrefix(path.Ext(name), "."))
	for i := range t.formats {
		f := &t.formats[i]
		if len(f.Signatures) == 0 {
			if ext != "" && slices.Contains(f.Extensions, ext) {
				hinted = append(hinted, f)
			} else {
				bare = append(bare, f)
			}
			continue
		}
		for j := range f.Signatures {
			ok, err := matches(ctx, src, head, &f.Signatures[j])
			if err != nil {
				return nil, err
			}
			if ok {
				signed = append(signed, f)
				break
			}
		}
	}
	return slices.Concat(signed, hinted, bare), nil
}

// matches reports whether the structure of p begins at offset 0 of src, whose first bytes are head.
func matches(ctx context.Context, src block.Source, head []byte, p *probe.Probe) (bool, error) {
	end := p.At + int64(len(p.Bytes))
	if end <= int64(len(head)) {
		return p.Matches(head[p.At:]), nil
	}
	if end <= headSize || end > src.Size() {
		return false, nil
	}
	b := make([]byte, len(p.Bytes))
	n, err := readAt(ctx, src, b, p.At)
	return p.Matches(b[:n]), err
}

// settle applies the rules that hold for every format to a report on the whole file src.
func (t *Table) settle(ctx context.Context, src block.Source, f *Format, r Report) (Report, error) {
	r.Verdict = min(r.Verdict, f.Ceiling)
	if r.Verdict < Consistent || r.Size >= src.Size() {
		return r, nil
	}
	r.Verdict = min(r.Verdict, Consistent)
	rest := block.Between(r.Size, src.Size())
	b, constant, err := ConstantFill(ctx, block.Section(src, rest))
	if err != nil && isContext(err) {
		return r, err
	}
	def := Trailing
	if err == nil && constant && b == 0 {
		def = Padded
	}
	r.Findings = append(r.Findings, def.New(finding.At(rest.Offset, rest.Length),
		finding.Arg("count", rest.Length), finding.Arg("format", f.Name)))
	return r, nil
}

// ConstantFill reports whether src holds only 0x00 or only 0xFF, and which. It stops at the first other
// byte, so that it is cheap for any file that does not begin with a long fill, and does not read holes, which
// may be of any size. An empty source holds no fill. Errors are those of reading.
func ConstantFill(ctx context.Context, src block.Source) (byte, bool, error) {
	if src.Size() <= 0 {
		return 0, false, nil
	}
	s := NewStream(ctx, src, 0)
	first, err := s.Peek(1)
	if err != nil {
		return 0, false, err
	}
	fill := first[0]
	if !isFill(fill) {
		return fill, false, nil
	}
	var holes []block.Extent // from where s stands on; asked for when the first bytes are zeros
	asked := false
	for s.Offset() < src.Size() {
		w, err := s.Window()
		if err != nil {
			return fill, false, err
		}
		if !allEqual(w, fill) {
			return fill, false, nil
		}
		s.Discard(len(w))
		if fill != 0 {
			continue
		}
		if !asked {
			holes, asked = block.OfKind(block.Origin(src, block.Extent{Length: src.Size()}), block.Zero).Extents(), true
		}
		for len(holes) > 0 && holes[0].End() <= s.Offset() {
			holes = holes[1:]
		}
		if len(holes) > 0 && holes[0].Has(s.Offset()) {
			s = NewStream(ctx, src, holes[0].End())
		}
	}
	return fill, true, nil
}

func isFill(b byte) bool { return b == 0x00 || b == 0xFF }

// allEqual reports whether p holds only b. Comparing with itself, moved by one byte, runs at the speed of
// the machine's memory comparison.
func allEqual(p []byte, b byte) bool {
	return len(p) == 0 || p[0] == b && string(p[1:]) == string(p[:len(p)-1])
}

// readAt fills p from src as far as it can be read. Only errors of ctx are errors here.
func readAt(ctx context.Context, src block.Source, p []byte, off int64) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := src.ReadAt(p, off)
	if err != nil && isContext(err) {
		return n, err
	}
	return n, nil
}
