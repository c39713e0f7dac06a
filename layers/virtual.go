package layers

import (
	"fmt"
	"maps"
	"slices"

	"salvor/block"
	"salvor/finding"
	"salvor/volume"
)

// Volume is a volume that is no disk: one that members of a set give, or what an encrypted volume holds. Its Source
// is a medium of its own: offsets of files in it are those of the volume, and Places leads down from there.
type Volume struct {
	// Key is the same for the same volume in every run, whatever the order of disks: "md/UUID", "lvm/UUID/UUID",
	// "luks/UUID".
	Key     string
	Reader  string // name of the stack or the lock
	Kind    string // of its layer: "md", "lv", "plain"
	Set     string // UUID of the set
	UUID    string // of the volume itself
	Name    string // of the volume in its set
	Label   string // for people
	Detail  string
	Members []Part
	// Whole says that every byte can be read as far as its members can: a set that lacks more members than its
	// redundancy makes good is not.
	Whole     bool
	Encrypted bool // its bytes stand below as ciphertext
	// Source has origins of its own; bytes that were computed out of members which may disagree are guessed there.
	Source block.Source

	// Claimed are the bytes of each source below that the volume explains, by number. They are known when its own
	// layers are, and empty when it shows nothing.
	Claimed map[int]block.Set
	// Tree are its layers.
	Tree *Layer

	shown    map[int]block.Set // what of them it shows: without metadata of the set
	findings []finding.Finding
	parent   *Layer
	missing  []string
	members  []*Layer
	stale    []*Layer
	depth    int
}

// Part is a member of a volume, by its place.
type Part struct {
	Source int // number
	Extent block.Extent
	Header int64  // on the source, bytes
	ID     string // UUID of the member
	Role   string
}

// Place is where bytes of a volume stand on a source under it.
type Place struct {
	Logical, Length int64 // on the volume, bytes
	Source          int   // number
	Offset          int64 // on that source
	// Computed says that the bytes do not stand there as such: they come out of all members of the stripe.
	Computed bool
	// Encrypted says that what stands there is the ciphertext of the bytes.
	Encrypted bool
}

// Places returns where the readable bytes of within stand one floor below, in order. Bytes that stand nowhere, since
// their member is missing, have no place.
func (v *Volume) Places(within block.Extent) []Place {
	m, ok := v.Source.(*medium)
	if !ok {
		return nil
	}
	return m.places(within)
}

// Down returns where the bytes of within on a source stand on the disks at the bottom. volumeOf answers for the number
// of a source; nil says that it is a disk. Logical counts on the first source.
func Down(volumeOf func(source int) *Volume, source int, within block.Extent) []Place {
	return down(volumeOf, source, within, 0)
}

func down(volumeOf func(source int) *Volume, source int, within block.Extent, depth int) []Place {
	v := volumeOf(source)
	if v == nil || depth > maxNested {
		return []Place{{Logical: within.Offset, Length: within.Length, Source: source, Offset: within.Offset}}
	}
	var out []Place
	for _, p := range v.Places(within) {
		for _, q := range down(volumeOf, p.Source, block.Extent{Offset: p.Offset, Length: p.Length}, depth+1) {
			q.Logical += p.Logical - p.Offset
			q.Computed, q.Encrypted = q.Computed || p.Computed, q.Encrypted || p.Encrypted
			if n := len(out) - 1; n >= 0 && out[n].Continues(q) {
				out[n].Length += q.Length
				continue
			}
			out = append(out, q)
		}
	}
	return out
}

// Continues reports whether q goes on where p ends, above and below.
func (p Place) Continues(q Place) bool {
	return p.Source == q.Source && p.Logical+p.Length == q.Logical && p.Offset+p.Length == q.Offset &&
		p.Computed == q.Computed && p.Encrypted == q.Encrypted
}

// medium is the source of a volume. It has no origin below itself: places of files are places on the volume.
type medium struct {
	src       block.Source
	parts     []Part    // by the member's number
	below     []*medium // the volumes that they stand on; nil for disks
	encrypted bool
	unsure    bool // bytes that this set computes may be wrong
	guesses   bool // those of this one, or of one below
}

// Origin answers with places on the volume itself.
func (m *medium) Origin(within block.Extent) []block.Run {
	within = within.Intersect(block.Extent{Length: m.Size()})
	whole := []block.Run{{Logical: within.Offset, Physical: within.Offset, Length: within.Length, Kind: block.Data}}
	placer, ok := m.src.(volume.Placer)
	if !m.guesses || !ok {
		return whole
	}
	runs := []block.Run{}
	add := func(e block.Extent) {
		runs = append(runs, block.Run{Logical: e.Offset, Physical: e.Offset, Length: e.Length, Kind: block.Guessed})
	}
	for _, p := range placer.Places(within) {
		switch {
		case p.Computed && m.unsure:
			add(block.Extent{Offset: p.Logical, Length: p.Length})
		case p.Member >= 0 && p.Member < len(m.below) && m.below[p.Member] != nil:
			for _, r := range m.below[p.Member].Origin(block.Extent{Offset: p.Physical + m.parts[p.Member].Extent.Offset, Length: p.Length}) {
				if r.Kind == block.Guessed {
					add(block.Extent{Offset: p.Logical + r.Logical - p.Physical - m.parts[p.Member].Extent.Offset, Length: r.Length})
				}
			}
		}
	}
	if len(runs) == 0 {
		return whole
	}
	var guessed block.Set
	for _, r := range runs {
		guessed.Add(r.LogicalExtent())
	}
	for e := range guessed.Complement(within).All() {
		runs = append(runs, block.Run{Logical: e.Offset, Physical: e.Offset, Length: e.Length, Kind: block.Data})
	}
	slices.SortFunc(runs, func(a, b block.Run) int { return cmpInt(a.Logical, b.Logical) })
	return runs
}

func (m *medium) Size() int64                             { return m.src.Size() }
func (m *medium) ReadAt(p []byte, off int64) (int, error) { return m.src.ReadAt(p, off) }
func (m *medium) Unreadable(within block.Extent) []block.Unreadable {
	return block.UnreadableIn(m.src, within)
}

func (m *medium) places(within block.Extent) []Place {
	placer, ok := m.src.(volume.Placer)
	if !ok {
		return nil
	}
	var out []Place
	for _, x := range placer.Places(within) {
		if x.Member < 0 || x.Member >= len(m.parts) {
			continue
		}
		part := m.parts[x.Member]
		out = append(out, Place{Logical: x.Logical, Length: x.Length, Source: part.Source, Offset: part.Extent.Offset + x.Physical,
			Computed: x.Computed, Encrypted: m.encrypted})
	}
	return out
}

// window is how much of a volume is asked for its places at once, in bytes.
const window = 1 << 30

// claim works out which bytes below the volume explains, when it shows anything that speaks for having been put
// together well.
func (v *Volume) claim() {
	if !v.Encrypted && (!v.Whole || len(v.Tree.Volumes()) == 0) {
		return // that it opened proves an encrypted one
	}
	v.Claimed = map[int]block.Set{}
	if v.Encrypted || v.Name == "" {
		for _, p := range v.Members {
			s := v.Claimed[p.Source]
			s.Add(p.Extent)
			v.Claimed[p.Source] = s
		}
		v.shown = v.Claimed
		return
	}
	// What of its members a set does not use for this volume may hold another, removed one.
	size := v.Source.Size()
	for at := int64(0); at < size; at += window {
		lists := map[int][]block.Extent{}
		for _, p := range v.Places(block.Between(at, min(size, at+window))) {
			lists[p.Source] = append(lists[p.Source], block.Extent{Offset: p.Offset, Length: p.Length})
		}
		for source, list := range lists {
			v.Claimed[source] = v.Claimed[source].Union(block.SetOf(list...))
		}
	}
	v.shown = maps.Clone(v.Claimed)
	for _, p := range v.Members {
		s := v.Claimed[p.Source].Clone()
		// The set's own metadata stand at the start of a member.
		head := block.Extent{Offset: p.Extent.Offset, Length: min(headClaim, p.Extent.Length)}
		for e := range s.Within(head).All() {
			head = block.Between(head.Offset, e.Offset)
			break
		}
		s.Add(head)
		v.Claimed[p.Source] = s
	}
}

// headClaim is how much of a member is taken for metadata of its set at most, in bytes: what LVM leaves before its data.
const headClaim = mib

func (v *Volume) String() string {
	if v.Label == "" {
		return v.Kind
	}
	return fmt.Sprintf("%s %q", v.Kind, v.Label)
}
