package layers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/finding"
	"salvor/volume"
)

// world is some disks and what is known of sets.
type world struct {
	tables Tables
	keys   volume.Keyring
	trees  []*Layer
	found  []*Volume
	media  map[int]block.Source
}

func setTables() Tables {
	t := fakeTables()
	t.Stacks = []volume.Stack{fakeStack("md", 'm'), fakeStack("lvm", 'c')}
	t.Locks = []volume.Lock{fakeLock()}
	return t
}

// nested resolves the disks and all that stands on them.
func nested(t *testing.T, keys volume.Keyring, disks ...[]byte) *world {
	t.Helper()
	w := &world{tables: setTables(), keys: keys, media: map[int]block.Source{}}
	for i, d := range disks {
		l, err := Resolve(t.Context(), Disk{Number: i + 1, Name: fmt.Sprintf("disk%d", i+1), Source: block.Bytes(d), Volumes: 100 * i}, sweepAll(d, w.tables), w.tables)
		if err != nil {
			t.Fatal(err)
		}
		w.trees = append(w.trees, l)
		w.media[i+1] = block.Bytes(d)
	}
	var err error
	w.found, err = Nest(t.Context(), w.trees, w.nesting(t))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) nesting(t *testing.T) Nesting {
	number := len(w.trees)
	return Nesting{Tables: w.tables, Keys: w.keys, Resolve: func(ctx context.Context, v *Volume) (*Layer, error) {
		number++
		w.media[number] = v.Source
		var filled []byte
		for at := int64(0); at < v.Source.Size(); at += 512 {
			b := make([]byte, min(512, v.Source.Size()-at))
			_, _ = v.Source.ReadAt(b, at)
			filled = append(filled, b...)
		}
		return Resolve(ctx, Disk{Number: number, Source: v.Source, Volumes: 100 * (number - 1)}, sweepAll(filled, w.tables), w.tables)
	}}
}

// readable names the file systems that can be read, with what is around them.
func (w *world) readable() string {
	var out []string
	trees := slices.Clone(w.trees)
	for _, v := range w.found {
		trees = append(trees, v.Tree)
	}
	for _, tree := range trees {
		for _, v := range tree.Volumes() {
			if v.FS == nil {
				continue
			}
			var path []string
			for l := v; l != nil; l = l.Parent {
				path = append(path, l.Kind)
			}
			slices.Reverse(path)
			out = append(out, strings.Join(path, ">"))
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func (w *world) codes() []string {
	var out []string
	for _, t := range w.trees {
		out = append(out, findings(t)...)
	}
	for _, v := range w.found {
		out = append(out, findings(v.Tree)...)
	}
	return out
}

func (w *world) expect(t *testing.T, readable string, codes ...string) {
	t.Helper()
	if got := w.readable(); got != readable {
		t.Errorf("got  %s\nwant %s", got, readable)
	}
	for _, c := range codes {
		if !slices.Contains(w.codes(), c) {
			t.Errorf("no finding %s among %v", c, w.codes())
		}
	}
	if t.Failed() {
		for _, l := range w.trees {
			t.Log("\n" + l.ID + "\n" + show(l))
		}
		for _, v := range w.found {
			t.Logf("%s below %s:\n%s", v.Key, v.parent.ID, show(v.Tree))
		}
	}
}

// partitioned puts volumes on a disk with a GPT, each at a MiB of its own.
func partitioned(volumes ...[]byte) []byte {
	at := 1
	var spans []span
	for _, v := range volumes {
		spans = append(spans, span{at, (len(v) + mib - 1) / mib})
		at += spans[len(spans)-1].size
	}
	img := make([]byte, (at+1)*mib)
	for i, v := range volumes {
		copy(img[spans[i].at*mib:], v)
	}
	writeGPT(img, 512, spans...)
	return img
}

func mirrorOf(set string, number, members int, end bool, size int, events uint64, data []byte) []byte {
	return setLabel{set: set, number: number, members: members, level: 'm', end: end, size: int64(size), events: events}.member(data)
}

func TestMirror(t *testing.T) {
	for _, end := range []bool{false, true} {
		t.Run(fmt.Sprintf("label at the end %v", end), func(t *testing.T) {
			fs := fakeVolume(3*mib + 512<<10)
			a := partitioned(mirrorOf("set1", 0, 2, end, 4*mib, 7, fs))
			b := partitioned(mirrorOf("set1", 1, 2, end, 4*mib, 7, fs))
			const want = "disk>gpt>partition>linux_raid>md>fake"
			w := nested(t, nil, a, b)
			w.expect(t, want, "layers.member.inside")
			root := w.found[0].Tree
			if root.State != Good || len(root.Members) != 2 || w.trees[1].Children[1].Children[0].Children[0].Set != root.ID {
				t.Errorf("root %+v", root)
			}
			// Either half alone, and both the other way round.
			nested(t, nil, b, a).expect(t, want)
			for _, half := range [][]byte{a, b} {
				w := nested(t, nil, half)
				w.expect(t, want, "layers.member.missing")
				if root := w.found[0].Tree; root.State != Damaged {
					t.Errorf("root %+v", root)
				}
			}
			// A stale half is not used.
			stale := partitioned(mirrorOf("set1", 0, 2, end, 4*mib, 3, fakeVolume(3*mib)))
			nested(t, nil, stale, b).expect(t, want, "layers.member.stale")
		})
	}
}

// TestBetterHalf reads a volume on the half of a mirror that has it whole, when the set gives it damaged.
func TestBetterHalf(t *testing.T) {
	fs := fakeVolume(3*mib + 512<<10)
	broken := bytes.Clone(fs)
	clear(broken[:512])
	a := partitioned(mirrorOf("set1", 0, 3, false, 4*mib, 7, broken))
	b := partitioned(mirrorOf("set1", 1, 3, false, 4*mib, 7, fs))
	c := partitioned(mirrorOf("set1", 2, 3, false, 4*mib, 7, fs))
	nested(t, nil, a, b, c).expect(t, "disk>gpt>partition>linux_raid>fake disk>gpt>partition>linux_raid>md>fake", "layers.member.better")
	nested(t, nil, b, a, c).expect(t, "disk>gpt>partition>linux_raid>md>fake")
}

// TestMemberAlone reads what stands in a member when no set comes out.
func TestMemberAlone(t *testing.T) {
	fs := fakeVolume(3 * mib)
	img := partitioned(mirrorOf("set1", 0, 2, true, 4*mib, 7, fs))
	w := &world{tables: setTables(), media: map[int]block.Source{}}
	w.tables.Stacks[0].Assemble = func(context.Context, []volume.Member) ([]volume.Set, error) { panic("broken") }
	l, err := Resolve(t.Context(), Disk{Number: 1, Source: block.Bytes(img)}, sweepAll(img, w.tables), w.tables)
	if err != nil {
		t.Fatal(err)
	}
	w.trees = []*Layer{l}
	if w.found, err = Nest(t.Context(), w.trees, w.nesting(t)); err != nil {
		t.Fatal(err)
	}
	w.expect(t, "disk>gpt>partition>linux_raid>fake", "guard.panic")
}

// concatenated makes the members of a volume group over that joined data.
func concatenated(set string, volumes []fakeLV, data []byte, sizes ...int) [][]byte {
	var out [][]byte
	at := 0
	for i, size := range sizes {
		l := setLabel{set: set, number: i, members: len(sizes), level: 'c', size: int64(size), volumes: volumes}
		n := min(len(data)-at, size-setHead)
		out = append(out, l.member(data[at:at+n]))
		at += n
	}
	return out
}

func TestDeepNesting(t *testing.T) {
	// A file system in an encrypted volume in a volume of a group of which one half stands on a mirror.
	fs := fakeVolume(2 * mib)
	locked := lockedVolume("00000001", "secret", fs)
	other := fakeVolume(mib)
	const size = 2 * mib
	joined := make([]byte, 2*(size-setHead))
	copy(joined, locked)
	copy(joined[len(locked):], other)
	lvs := []fakeLV{{"data", 0, int64(len(locked))}, {"root", int64(len(locked)), int64(len(other))}}
	pvs := concatenated("group", lvs, joined, size, size)
	half := func(n int) []byte {
		return partitioned(mirrorOf("set1", n, 2, true, size+setHead, 1, pvs[0]))
	}
	a, b, c := half(0), half(1), partitioned(pvs[1])
	const data = "disk>gpt>partition>linux_raid>md>lvm2>lvm>lv>luks>plain>fake"
	const root = "disk>gpt>partition>linux_raid>md>lvm2>lvm>lv>fake"
	w := nested(t, keyring{"wrong", "secret"}, a, b, c)
	w.expect(t, root+" "+data)
	nested(t, keyring{"secret"}, c, a).expect(t, "disk>gpt>partition>lvm2>lvm>lv>fake disk>gpt>partition>lvm2>lvm>lv>luks>plain>fake", "layers.member.missing")
	nested(t, nil, a, b, c).expect(t, root, "layers.locked")
	nested(t, keyring{"wrong"}, a, b, c).expect(t, root, "layers.locked", "layers.locked.refused")
	nested(t, keyring{"secret"}, a, b).expect(t, data, "layers.member.missing")

	t.Run("places", func(t *testing.T) {
		byNumber := map[int]*Volume{}
		for i, v := range w.found {
			byNumber[i+4] = v
		}
		var plain *Volume
		top := 0
		for n, v := range byNumber {
			if v.Encrypted {
				plain, top = v, n
			}
		}
		// Byte by byte, through three floors, over the border between the mirror and the bare member.
		got, covered := Down(func(n int) *Volume { return byNumber[n] }, top, block.Extent{Length: int64(len(fs))}), int64(0)
		for _, p := range got {
			if p.Logical != covered || !p.Encrypted || p.Computed || p.Source > 3 {
				t.Fatalf("place %+v at %d", p, covered)
			}
			raw := make([]byte, p.Length)
			if _, err := w.media[p.Source].ReadAt(raw, p.Offset); err != nil {
				t.Fatal(err)
			}
			for i := range raw {
				raw[i] ^= keySum("secret")
			}
			if !bytes.Equal(raw, fs[p.Logical:p.Logical+p.Length]) {
				t.Fatalf("other bytes at %+v", p)
			}
			covered += p.Length
		}
		if covered != int64(len(fs)) || len(got) != 2 {
			t.Errorf("%d bytes in %d places", covered, len(got))
		}
		// What each explains is claimed on what is below it.
		if n := plain.Claimed[plain.Members[0].Source].Bytes(); n != int64(len(locked)) {
			t.Errorf("%d bytes are claimed", n)
		}
	})
	t.Run("again", func(t *testing.T) {
		o := Nesting{Tables: w.tables, Keys: keyring{"secret"}}
		byNumber := map[int]*Volume{}
		for i, v := range w.found {
			byNumber[i+4] = v
		}
		gone := 0
		var open func(ctx context.Context, n int) (block.Source, error)
		open = func(ctx context.Context, n int) (block.Source, error) {
			if n == gone {
				return nil, errors.New("unplugged")
			}
			if n <= 3 {
				return w.media[n], nil
			}
			v, _, err := Rebuild(ctx, byNumber[n].Recipe(), o, open)
			if err != nil {
				return nil, err
			}
			return v.Source, nil
		}
		for n, v := range byNumber {
			want, got := make([]byte, v.Source.Size()), make([]byte, v.Source.Size())
			src, err := open(t.Context(), n)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = v.Source.ReadAt(want, 0)
			_, _ = src.ReadAt(got, 0)
			if !bytes.Equal(want, got) {
				t.Errorf("%s is another one", v.Key)
			}
			if v.Encrypted {
				_, _, err := Rebuild(t.Context(), v.Recipe(), Nesting{Tables: w.tables}, open)
				var locked *LockedError
				if !errors.As(err, &locked) || !strings.Contains(locked.Needs, "passphrase") {
					t.Errorf("without a key: %v", err)
				}
			}
			if v.Name == "" && !v.Encrypted {
				gone = 2
				v, absent, err := Rebuild(t.Context(), v.Recipe(), o, open)
				if err != nil || len(absent) != 1 || v.Source == nil {
					t.Errorf("without a disk: %v, %v", absent, err)
				}
				gone = 0
			}
		}
	})
}

func TestPartitionedMirror(t *testing.T) {
	inner := partitioned(fakeVolume(2*mib), fakeVolume(mib))
	for _, end := range []bool{false, true} {
		a := mirrorOf("set1", 0, 2, end, len(inner)+setHead, 1, inner)
		b := mirrorOf("set1", 1, 2, end, len(inner)+setHead, 1, inner)
		nested(t, nil, a, b).expect(t, "disk>linux_raid>md>gpt>partition>fake disk>linux_raid>md>gpt>partition>fake")
	}
}

// TestOldLabels holds that the remains of sets do not take healthy volumes away.
func TestOldLabels(t *testing.T) {
	for _, c := range []struct {
		name string
		make func() []byte
		want string
	}{
		{"a label at the end, in the last bytes of the volume", func() []byte {
			v := fakeVolume(4 * mib)
			copy(v[len(v)-1024:], setLabel{set: "old", members: 2, level: 'm', end: true, size: 4*mib - 512, events: 9}.bytes())
			return partitioned(v)
		}, "disk>gpt>partition>fake"},
		{"a label behind the boot block", func() []byte {
			v := fakeVolume(4 * mib)
			copy(v[512:], setLabel{set: "old", members: 2, level: 'c', size: 4*mib - 512, volumes: []fakeLV{{"lv", 0, mib}}}.bytes())
			return partitioned(v)
		}, "disk>gpt>partition>fake"},
		{"an image of a member in a file", func() []byte {
			v := fakeVolume(8 * mib)
			copy(v[3*mib:], mirrorOf("inner", 0, 1, false, mib, 1, fakeVolume(512<<10)))
			return partitioned(v)
		}, "disk>gpt>partition>fake"},
	} {
		t.Run(c.name, func(t *testing.T) { nested(t, nil, c.make()).expect(t, c.want) })
	}
}

// TestNestingEnds holds that a volume group which contains itself comes to an end.
func TestNestingEnds(t *testing.T) {
	data := fakeVolume(mib)
	for i := range 12 {
		l := setLabel{set: fmt.Sprintf("set%d", i), members: 1, level: 'm', size: int64(len(data)) + setHead}
		data = l.member(data)
	}
	w := nested(t, nil, partitioned(data))
	if len(w.found) != maxNested || !slices.Contains(w.codes(), "layers.nested.depth") {
		t.Errorf("%d volumes, %v", len(w.found), w.codes())
	}
}

// TestTwins gives copies of one encrypted volume names of their own.
func TestTwins(t *testing.T) {
	v := lockedVolume("00000001", "secret", fakeVolume(mib))
	w := nested(t, keyring{"secret"}, partitioned(v, v))
	if len(w.found) != 2 || w.found[0].Key != "luks/00000001" || w.found[1].Key != "luks/00000001#2" {
		t.Errorf("%v", w.found)
	}
}

// TestUnsure holds that bytes which a set computes out of members that may disagree are guessed ones, through all floors.
func TestUnsure(t *testing.T) {
	tables := setTables()
	assemble := tables.Stacks[0].Assemble
	tables.Stacks[0].Assemble = func(ctx context.Context, members []volume.Member) ([]volume.Set, error) {
		sets, err := assemble(ctx, members)
		for i := range sets {
			sets[i].Findings = append(sets[i].Findings, finding.Finding{Code: "md.parity.unsure"})
			v := sets[i].Volumes[0].Source.(*pieces)
			whole := v.list[0]
			// The second MiB is computed.
			v.list = []volume.Place{{Length: mib, Physical: whole.Physical}, {Logical: mib, Length: mib, Physical: whole.Physical + mib, Computed: true},
				{Logical: 2 * mib, Length: whole.Length - 2*mib, Physical: whole.Physical + 2*mib}}
		}
		return sets, err
	}
	fs := fakeVolume(2 * mib)
	pv := concatenated("group", []fakeLV{{"data", 0, 2 * mib}}, fs, 3*mib)[0]
	img := partitioned(mirrorOf("set1", 0, 1, false, 3*mib+setHead, 1, pv))
	w := &world{tables: tables, media: map[int]block.Source{}}
	l, err := Resolve(t.Context(), Disk{Number: 1, Source: block.Bytes(img)}, sweepAll(img, tables), tables)
	if err != nil {
		t.Fatal(err)
	}
	w.trees = []*Layer{l}
	if w.found, err = Nest(t.Context(), w.trees, w.nesting(t)); err != nil {
		t.Fatal(err)
	}
	w.expect(t, "disk>gpt>partition>linux_raid>md>lvm2>lvm>lv>fake")
	want := []block.Run{{Length: mib - setHead, Kind: block.Data}, {Logical: mib - setHead, Physical: mib - setHead, Length: mib, Kind: block.Guessed},
		{Logical: 2*mib - setHead, Physical: 2*mib - setHead, Length: setHead, Kind: block.Data}}
	if got := block.Origin(w.found[1].Source, block.Extent{Length: 2 * mib}); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if got := block.Origin(block.Section(w.found[1].Source, block.Extent{Offset: mib, Length: 100}), block.Extent{Length: 100}); len(got) != 1 || got[0].Kind != block.Guessed || got[0].Physical != mib {
		t.Errorf("a part: %v", got)
	}
}
