package mend

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"

	"salvor/block"
)

// Patch says what bytes should stand at a place.
type Patch struct {
	Structure string // "FAT32 boot sector"
	Offset    int64  // on the source that the patches are for, bytes
	New       []byte
	// Old is what stands there now, as long as New; bytes in Unread are zeros there.
	Old []byte
	// Unread are the ranges of the source under the patch that cannot be read.
	Unread block.Set
	// Evidence says, for a person, by what the new bytes are known: "the backup in sector 6, whose checksum fits".
	Evidence []string
}

// Extent is the place of the patch.
func (p *Patch) Extent() block.Extent {
	return block.Extent{Offset: p.Offset, Length: int64(len(p.New))}
}

// MaxStructure bounds the new bytes of one patch, so that no broken field asks for more.
const MaxStructure = 64 << 20

// New makes a patch that gives bytes at off of src, and reads what stands there. It returns false where that is the
// same already. The only errors are those of a source that fails otherwise than by unreadable bytes, and of a place
// that src does not have.
func New(src block.Source, structure string, off int64, data []byte, evidence ...string) (Patch, bool, error) {
	e := block.Extent{Offset: off, Length: int64(len(data))}
	if !e.Valid() || e.End() > src.Size() || len(data) == 0 || len(data) > MaxStructure {
		return Patch{}, false, fmt.Errorf("mend: %s: %v does not lie in %d bytes", structure, e, src.Size())
	}
	p := Patch{Structure: structure, Offset: off, New: bytes.Clone(data), Old: make([]byte, len(data)), Evidence: evidence}
	now := block.Filled(src)
	if n, err := now.ReadAt(p.Old, off); n < len(p.Old) {
		return Patch{}, false, fmt.Errorf("mend: %s: %w", structure, err)
	}
	p.Unread = now.Used()
	return p, !p.Unread.Empty() || !bytes.Equal(p.Old, p.New), nil
}

// List gathers the patches of one source.
type List struct {
	Patches []Patch
	// Notes say, for a person, what could not be given back and why, and what the patches do not do.
	Notes []string
}

// Add makes a patch as [New] does and keeps it when it changes anything.
func (l *List) Add(src block.Source, structure string, off int64, data []byte, evidence ...string) error {
	p, changes, err := New(src, structure, off, data, evidence...)
	if err == nil && changes {
		l.Patches = append(l.Patches, p)
	}
	return err
}

// Note adds a sentence for a person.
func (l *List) Note(format string, args ...any) {
	l.Notes = append(l.Notes, fmt.Sprintf(format, args...))
}

// Shift returns the list for the source on which the list's own source begins at by.
func (l *List) Shift(by int64) List {
	out := List{Notes: slices.Clone(l.Notes)}
	for _, p := range l.Patches {
		p.Offset += by
		p.Unread = p.Unread.Shift(by)
		out.Patches = append(out.Patches, p)
	}
	return out
}

// ConflictError says that two patches want other bytes at one place.
type ConflictError struct{ A, B Patch }

func (e *ConflictError) Error() string {
	return fmt.Sprintf("mend: %s at 0x%x and %s at 0x%x want different bytes at the same place", e.A.Structure, e.A.Offset, e.B.Structure, e.B.Offset)
}

func byPlace(a, b Patch) int { return cmp.Compare(a.Offset, b.Offset) }

// Combine puts lists for one source together, in order of their places. Patches that overlap and agree both stay; those
// that do not are a *ConflictError.
func Combine(lists ...List) (List, error) {
	var out List
	for _, l := range lists {
		out.Patches = append(out.Patches, l.Patches...)
		out.Notes = append(out.Notes, l.Notes...)
	}
	slices.SortStableFunc(out.Patches, byPlace)
	// A long patch may reach over many short ones: each is compared with all that reach so far.
	var reach []int
	for i := range out.Patches {
		b := &out.Patches[i]
		reach = slices.DeleteFunc(reach, func(k int) bool { return out.Patches[k].Extent().End() <= b.Offset })
		for _, k := range reach {
			a := &out.Patches[k]
			both := a.Extent().Intersect(b.Extent())
			if !bytes.Equal(a.New[both.Offset-a.Offset:both.End()-a.Offset], b.New[both.Offset-b.Offset:both.End()-b.Offset]) {
				return List{}, &ConflictError{*a, *b}
			}
		}
		reach = append(reach, i)
	}
	return out, nil
}

// Apply returns src as it would be with the patches made.
func Apply(src block.Source, list List) block.Source {
	patches := slices.Clone(list.Patches)
	slices.SortStableFunc(patches, byPlace)
	var covered block.Set
	for i := range patches {
		covered.Add(patches[i].Extent())
	}
	return &patched{src, patches, covered}
}

// patched is a source with patches over it.
type patched struct {
	block.Source
	patches []Patch
	covered block.Set
}

// Unreadable returns what cannot be read of the source where no patch gives bytes.
func (s *patched) Unreadable(within block.Extent) []block.Unreadable {
	var out []block.Unreadable
	for _, u := range block.UnreadableIn(s.Source, within) {
		for e := range block.SetOf(u.Extent).Subtract(s.covered).All() {
			out = append(out, block.Unreadable{Extent: e, Why: u.Why})
		}
	}
	return out
}

// Origin answers as the source does: patches do not move bytes.
func (s *patched) Origin(within block.Extent) []block.Run { return block.Origin(s.Source, within) }

func (s *patched) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, block.ErrNegativeOffset
	}
	want := block.Extent{Offset: off, Length: min(int64(len(p)), max(s.Size()-off, 0))}
	done := 0
	for at := want.Offset; at < want.End(); {
		if i := slices.IndexFunc(s.patches, func(q Patch) bool { return q.Extent().Has(at) }); i >= 0 {
			q := &s.patches[i]
			n := copy(p[at-off:want.End()-off], q.New[at-q.Offset:])
			at, done = at+int64(n), done+n
			continue
		}
		end := want.End()
		if next := s.covered.Within(block.Between(at, end)).Extents(); len(next) > 0 {
			end = next[0].Offset
		}
		n, err := s.Source.ReadAt(p[at-off:end-off], at)
		at, done = at+int64(n), done+n
		if err != nil && at < end {
			return done, err
		}
	}
	if done < len(p) {
		return done, io.EOF
	}
	return done, nil
}
