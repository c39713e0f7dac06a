package layers

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filesystem"
	"salvor/volume"
	"salvor/volume/gpt"
	"salvor/volume/mbr"
)

// A fake volume has 512 bytes of superblock at its start, a backup in its middle and one at its end:
//
//	0 8 "FAKEFS!!"   8 8 size of the volume   16 8 place of this copy in the volume   24 1 the root reads
const fakeMagic = "FAKEFS!!"

type fake struct {
	name                   string
	panics, hangs, notOpen bool
}

func fakeVolume(size int) []byte {
	b := make([]byte, size)
	r := rand.New(rand.NewPCG(uint64(size), 1))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	for _, at := range []int{0, size / 2, size - 512} {
		s := b[at:]
		copy(s, fakeMagic)
		binary.LittleEndian.PutUint64(s[8:], uint64(size))
		binary.LittleEndian.PutUint64(s[16:], uint64(at))
		s[24] = 1
	}
	return b
}

type super struct {
	size, at int64
	root     bool
}

func parseSuper(src block.Source, off int64) (super, error) {
	b, err := cursor.Read(src, "fake", off, 25, 25)
	if err != nil || string(b[:8]) != fakeMagic {
		return super{}, cursor.ErrNot
	}
	s := super{int64(binary.LittleEndian.Uint64(b[8:])), int64(binary.LittleEndian.Uint64(b[16:])), b[24] == 1}
	if s.size < 2048 || s.size > 1<<40 || s.at < 0 || s.at >= s.size {
		return super{}, cursor.ErrNot
	}
	return s, nil
}

func (f fake) kind() filesystem.Kind {
	k := filesystem.Kind{
		Name:   f.name,
		Probes: []probe.Probe{{ID: f.name + ".super", Bytes: []byte(fakeMagic), Align: 512}},
		Locate: f.locate,
	}
	if !f.notOpen {
		k.Open = f.open
	}
	return k
}

func (f fake) locate(ctx context.Context, src block.Source, hit probe.Hit) ([]filesystem.Candidate, error) {
	s, err := parseSuper(src, hit.Offset)
	if err != nil || hit.Offset < s.at {
		return nil, nil
	}
	c := filesystem.Candidate{Kind: f.name, Extent: block.Extent{Offset: hit.Offset - s.at, Length: s.size}, Confirmed: 1, FromBackup: true}
	for _, at := range []int64{0, s.size / 2, s.size - 512} {
		o, err := parseSuper(src, c.Extent.Offset+at)
		switch {
		case err == nil && o.size == s.size && o.at == at:
			c.Confirmed++
			if at == 0 {
				c.FromBackup = false
			}
		case at == 0:
			c.Refuted++
		}
	}
	return []filesystem.Candidate{c}, nil
}

type fakeFS struct {
	f    fake
	s    super
	info filesystem.Info
}

func (f fake) open(ctx context.Context, vol block.Source) (filesystem.FileSystem, error) {
	if f.panics {
		panic("fake")
	}
	for f.hangs {
		if _, err := vol.ReadAt(make([]byte, 1), 0); err != nil {
			return nil, err
		}
	}
	s, err := parseSuper(vol, 0)
	state := filesystem.Clean
	if err != nil {
		state = filesystem.Damaged
		for _, at := range []int64{vol.Size() - 512, vol.Size() / 2} {
			if s, err = parseSuper(vol, at); err == nil && s.at == at {
				break
			}
		}
		if err != nil || s.at == 0 {
			return nil, cursor.ErrNot
		}
	}
	return &fakeFS{f, s, filesystem.Info{Kind: f.name, Size: s.size, State: state, Label: "label", UUID: fmt.Sprint("uuid-", s.size)}}, nil
}

func (f *fakeFS) Info() filesystem.Info { return f.info }
func (f *fakeFS) Files(ctx context.Context) iter.Seq2[*filesystem.File, error] {
	return func(yield func(*filesystem.File, error) bool) {
		if !f.s.root {
			yield(nil, errors.New("root is gone"))
			return
		}
		yield(&filesystem.File{ID: "i1", Mode: fs.ModeDir}, nil)
	}
}
func (f *fakeFS) Open(*filesystem.File, string) (block.Source, error) { return nil, fs.ErrNotExist }
func (f *fakeFS) Used(context.Context) (block.Set, error)             { return block.Set{}, nil }

func fakeTables(fakes ...fake) Tables {
	t := Tables{Schemes: []volume.Scheme{gpt.Scheme(), mbr.Scheme()}}
	if len(fakes) == 0 {
		fakes = []fake{{name: "fake"}}
	}
	for _, f := range fakes {
		t.Kinds = append(t.Kinds, f.kind())
	}
	return t
}

// sweepAll finds all landmarks in img, as the sweep would.
func sweepAll(img []byte, t Tables) []probe.Hit {
	var hits []probe.Hit
	var probes []probe.Probe
	for _, k := range t.Kinds {
		probes = append(probes, k.Probes...)
	}
	for _, s := range t.Schemes {
		probes = append(probes, s.Probes...)
	}
	for _, s := range t.Stacks {
		probes = append(probes, s.Probes...)
	}
	for _, l := range t.Locks {
		probes = append(probes, l.Probes...)
	}
	for i := range probes {
		p := &probes[i]
		lead := 0 // bytes that count in full
		for lead < len(p.Bytes) && (p.Mask == nil || p.Mask[lead] == 0xff) {
			lead++
		}
		for at := 0; at < len(img); at++ {
			j := bytes.Index(img[at:], p.Bytes[:lead])
			if j < 0 {
				break
			}
			at += j
			if place := int64(at) - p.At; p.Aligned(place) && p.Matches(img[at:]) {
				hits = append(hits, probe.Hit{ID: p.ID, Offset: place})
			}
		}
	}
	// The sweep's order is that of the reading, not that of the medium.
	rand.New(rand.NewPCG(7, 7)).Shuffle(len(hits), func(i, j int) { hits[i], hits[j] = hits[j], hits[i] })
	return hits
}

func resolve(t *testing.T, img []byte, tables Tables, sweep bool) *Layer {
	t.Helper()
	var hits []probe.Hit
	if sweep {
		hits = sweepAll(img, tables)
	}
	l, err := Resolve(t.Context(), Disk{Number: 1, Name: "test", Source: block.Bytes(img)}, hits, tables)
	if err != nil {
		t.Fatal(err)
	}
	check(t, l)
	return l
}

// check holds a tree to what every tree promises.
func check(t *testing.T, root *Layer) {
	t.Helper()
	ids := map[string]bool{}
	number := 0
	var last int64
	for _, v := range root.Volumes() {
		number++
		if v.ID != fmt.Sprintf("v%d", v.Volume) || v.Score < AcceptScore {
			t.Errorf("volume %+v", v)
		}
		if v.Extent.Offset < last && v.Volume == number {
			t.Errorf("volumes are not in order")
		}
		last = v.Extent.Offset
	}
	root.Walk(func(l *Layer, depth int) bool {
		if ids[l.ID] {
			t.Errorf("two layers have the ID %q", l.ID)
		}
		ids[l.ID] = true
		if l.Score < 0 || l.Score > 100 || !l.Extent.Valid() || l.State == "" {
			t.Errorf("layer %+v", l)
		}
		for _, c := range l.Children {
			if c.Parent != l {
				t.Errorf("%s has a wrong parent", c.ID)
			}
		}
		return true
	})
}

// show describes the tree in short: MiB and what stands there.
func show(l *Layer) string {
	var b strings.Builder
	l.Walk(func(l *Layer, depth int) bool {
		if depth == 0 {
			return true
		}
		fmt.Fprintf(&b, "%s%s %s %s", strings.Repeat(" ", depth-1), l.ID, l.Kind, place(l.Extent))
		if l.State != Good {
			fmt.Fprintf(&b, " %s", l.State)
		}
		if l.Rival {
			b.WriteString(" rival")
		}
		b.WriteString("\n")
		return true
	})
	return b.String()
}

func place(e block.Extent) string {
	if e.Offset%mib == 0 && e.Length%mib == 0 {
		return fmt.Sprintf("%d+%dM", e.Offset/mib, e.Length/mib)
	}
	return e.String()
}

func volumes(l *Layer) string {
	var out []string
	for _, v := range l.Volumes() {
		s := fmt.Sprintf("%s %s %s", v.ID, v.Kind, place(v.Extent))
		if v.State != Good {
			s += " " + string(v.State)
		}
		out = append(out, s)
	}
	return strings.Join(out, "; ")
}

func findings(l *Layer) []string {
	var out []string
	l.Walk(func(l *Layer, _ int) bool {
		for _, f := range l.Findings {
			out = append(out, f.Code)
		}
		return true
	})
	slices.Sort(out)
	return slices.Compact(out)
}

func has(t *testing.T, l *Layer, codes ...string) {
	t.Helper()
	have := findings(l)
	for _, c := range codes {
		if !slices.Contains(have, c) {
			t.Errorf("no finding %s among %v\n%s", c, have, show(l))
		}
	}
}
