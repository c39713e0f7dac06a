package layers

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"salvor/block"
	"salvor/block/probe"
	"salvor/volume"
)

// A fake member has 512 bytes of label at its start, or at its end:
//
//	0 8 "FAKESET!"   8 8 set   16 1 number   17 1 members   18 1 level: m mirror, c concatenation
//	19 1 at its end  20 8 size with the label   28 8 events   36 then, for a concatenation, volumes of 32 bytes each:
//	name of 8 bytes, first byte and length on the joined data; "" is the end
const (
	setMagic = "FAKESET!"
	setHead  = 4096 // bytes from the start of a member to its data
)

type setLabel struct {
	set             string
	number, members int
	level           byte
	end             bool
	size            int64
	events          uint64
	volumes         []fakeLV
}

type fakeLV struct {
	name         string
	offset, size int64
}

func (l setLabel) bytes() []byte {
	b := make([]byte, 512)
	copy(b, setMagic)
	copy(b[8:16], l.set)
	b[16], b[17], b[18] = byte(l.number), byte(l.members), l.level
	if l.end {
		b[19] = 1
	}
	binary.LittleEndian.PutUint64(b[20:], uint64(l.size))
	binary.LittleEndian.PutUint64(b[28:], l.events)
	for i, v := range l.volumes {
		e := b[36+32*i:]
		copy(e[:8], v.name)
		binary.LittleEndian.PutUint64(e[8:], uint64(v.offset))
		binary.LittleEndian.PutUint64(e[16:], uint64(v.size))
	}
	return b
}

func parseSetLabel(b []byte) (l setLabel, ok bool) {
	if len(b) < 512 || string(b[:8]) != setMagic {
		return l, false
	}
	l = setLabel{set: strings.TrimRight(string(b[8:16]), "\x00"), number: int(b[16]), members: int(b[17]), level: b[18], end: b[19] == 1,
		size: int64(binary.LittleEndian.Uint64(b[20:])), events: binary.LittleEndian.Uint64(b[28:])}
	for e := b[36:]; len(e) >= 32 && e[0] != 0; e = e[32:] {
		l.volumes = append(l.volumes, fakeLV{strings.TrimRight(string(e[:8]), "\x00"),
			int64(binary.LittleEndian.Uint64(e[8:])), int64(binary.LittleEndian.Uint64(e[16:]))})
	}
	return l, l.size > setHead && l.number < l.members
}

// data returns where the data of a member stands in it.
func (l setLabel) data() block.Extent {
	if l.end {
		return block.Extent{Length: l.size - setHead}
	}
	return block.Extent{Offset: setHead, Length: l.size - setHead}
}

// member writes a member with that data.
func (l setLabel) member(data []byte) []byte {
	b := make([]byte, l.size)
	copy(b[l.data().Offset:], data)
	at := 0
	if l.end {
		at = len(b) - 512
	}
	copy(b[at:], l.bytes())
	return b
}

// fakeStack reads sets of one level.
func fakeStack(name string, level byte) volume.Stack {
	probes := []probe.Probe{{ID: name + ".label", Bytes: []byte(setMagic), Align: 512}}
	return volume.Stack{Name: name, Probes: probes,
		Members: func(ctx context.Context, src block.Source, hits []probe.Hit) ([]volume.Member, error) {
			places := []int64{0, src.Size() - 512}
			for _, h := range hits {
				places = append(places, h.Offset)
			}
			slices.Sort(places)
			var out []volume.Member
			for _, at := range slices.Compact(places) {
				b := make([]byte, 512)
				if n, _ := src.ReadAt(b, at); at < 0 || n < 512 {
					continue
				}
				l, ok := parseSetLabel(b)
				start := at
				if l.end {
					start = at + 512 - l.size
				}
				if !ok || l.level != level || start < 0 {
					continue
				}
				e := block.Extent{Offset: start, Length: l.size}
				out = append(out, volume.Member{Stack: name, Format: "fake", Set: l.set, ID: fmt.Sprintf("%s-%d", l.set, l.number), Label: l.set,
					Role: fmt.Sprintf("disk %d of %d", l.number+1, l.members), Header: at, Extent: e, Source: block.Section(src, e), Valid: true, Detail: l})
			}
			return out, ctx.Err()
		},
		Assemble: func(_ context.Context, members []volume.Member) ([]volume.Set, error) {
			return assembleFake(name, members), nil
		},
	}
}

func assembleFake(name string, members []volume.Member) []volume.Set {
	var out []volume.Set
	byID := map[string][]int{}
	for i, m := range members {
		byID[m.Set] = append(byID[m.Set], i)
	}
	for _, id := range slices.Sorted(mapsKeys(byID)) {
		label := members[byID[id][0]].Detail.(setLabel)
		events := uint64(0)
		for _, i := range byID[id] {
			events = max(events, members[i].Detail.(setLabel).events)
		}
		s := volume.Set{Stack: name, UUID: id, Label: id, Level: "level " + string(label.level)}
		of := make([]int, label.members)
		for i := range of {
			of[i] = -1
		}
		for _, i := range byID[id] {
			l := members[i].Detail.(setLabel)
			switch {
			case l.events < events:
				s.Stale = append(s.Stale, i)
			case of[l.number] < 0:
				of[l.number] = i
				s.Members = append(s.Members, i)
			}
		}
		for i, m := range of {
			if m < 0 {
				s.Missing = append(s.Missing, fmt.Sprintf("disk %d of %d", i+1, label.members))
			}
		}
		if label.level == 'm' {
			s.Degraded = len(s.Missing) > 0
			i := s.Members[0]
			d := members[i].Detail.(setLabel).data()
			v := &pieces{members: members, list: []volume.Place{{Length: d.Length, Member: i, Physical: d.Offset}}}
			s.Volumes = []volume.Logical{{Kind: "mirror", Size: d.Length, Source: v}}
		} else {
			for _, lv := range label.volumes {
				v := &pieces{members: members}
				at, logical := int64(0), int64(0)
				for n := range of {
					length := label.data().Length
					part := block.Extent{Offset: at, Length: length}.Intersect(block.Extent{Offset: lv.offset, Length: lv.size})
					if part.Length > 0 {
						v.list = append(v.list, volume.Place{Logical: logical, Length: part.Length, Member: of[n],
							Physical: label.data().Offset + part.Offset - at})
						logical += part.Length
					}
					at += length
				}
				s.Volumes = append(s.Volumes, volume.Logical{Name: lv.name, UUID: id + "-" + lv.name, Kind: "linear", Size: lv.size, Source: v})
			}
		}
		out = append(out, s)
	}
	return out
}

func mapsKeys[V any](m map[string]V) iter.Seq[string] {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// pieces is a volume made of pieces of members; those of member -1 are missing.
type pieces struct {
	members []volume.Member
	list    []volume.Place
}

func (p *pieces) Size() int64 {
	last := p.list[len(p.list)-1]
	return last.Logical + last.Length
}

func (p *pieces) ReadAt(b []byte, off int64) (int, error) {
	n := 0
	for _, x := range p.list {
		e := block.Extent{Offset: x.Logical, Length: x.Length}.Intersect(block.Extent{Offset: off + int64(n), Length: int64(len(b) - n)})
		if e.Length == 0 {
			continue
		}
		if x.Member < 0 {
			return n, block.NewUnreadable(block.Extent{Offset: x.Logical, Length: x.Length}, block.Absent, nil)
		}
		m, err := p.members[x.Member].Source.ReadAt(b[n:n+int(e.Length)], x.Physical+e.Offset-x.Logical)
		if n += m; m < int(e.Length) {
			return n, err
		}
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (p *pieces) Unreadable(within block.Extent) []block.Unreadable {
	var out []block.Unreadable
	for _, x := range p.list {
		if e := (block.Extent{Offset: x.Logical, Length: x.Length}).Intersect(within); e.Length > 0 && x.Member < 0 {
			out = append(out, block.Unreadable{Extent: e, Why: block.Absent})
		}
	}
	return out
}

func (p *pieces) Places(within block.Extent) []volume.Place {
	var out []volume.Place
	for _, x := range p.list {
		if e := (block.Extent{Offset: x.Logical, Length: x.Length}).Intersect(within); e.Length > 0 && x.Member >= 0 {
			out = append(out, volume.Place{Logical: e.Offset, Length: e.Length, Member: x.Member, Physical: x.Physical + e.Offset - x.Logical, Computed: x.Computed})
		}
	}
	return out
}

// A fake encrypted volume has 4096 bytes of header: "FAKELOCK", 8 bytes of UUID, the sum of its key's bytes. Behind it
// each byte is the plain one, exclusive or that sum.
const lockMagic = "FAKELOCK"

func keySum(key string) (sum byte) {
	for _, c := range []byte(key) {
		sum += c
	}
	return sum | 1
}

func lockedVolume(id, key string, plain []byte) []byte {
	b := make([]byte, setHead+len(plain))
	copy(b, lockMagic+id)
	b[16] = keySum(key)
	for i, c := range plain {
		b[setHead+i] = c ^ keySum(key)
	}
	return b
}

func fakeLock() volume.Lock {
	return volume.Lock{Name: "luks", Probes: []probe.Probe{{ID: "luks.header", Bytes: []byte(lockMagic), Align: 512}},
		Read: func(ctx context.Context, src block.Source, hits []probe.Hit) ([]volume.Locked, error) {
			var out []volume.Locked
			for _, h := range append(hits, probe.Hit{}) {
				b := make([]byte, 17)
				if n, _ := src.ReadAt(b, h.Offset); n < 17 || !bytes.HasPrefix(b, []byte(lockMagic)) {
					continue
				}
				e := block.Between(h.Offset, src.Size())
				out = append(out, volume.Locked{Lock: "luks", Format: "FAKE", UUID: string(b[8:16]), Cipher: "xor", Header: h.Offset, Extent: e, Valid: true,
					Needs: []volume.Need{{Kind: volume.Passphrase, ID: "slot 0"}},
					Open: func(_ context.Context, s volume.Secret) (block.Source, error) {
						if keySum(string(s.Bytes)) != b[16] {
							return nil, volume.ErrWrongSecret
						}
						return &xored{block.Section(src, block.Between(e.Offset+setHead, e.End())), b[16]}, nil
					}})
			}
			return out, ctx.Err()
		}}
}

type xored struct {
	block.Source
	key byte
}

func (x *xored) ReadAt(p []byte, off int64) (int, error) {
	n, err := x.Source.ReadAt(p, off)
	for i := range p[:n] {
		p[i] ^= x.key
	}
	return n, err
}

func (x *xored) Places(within block.Extent) []volume.Place {
	return []volume.Place{{Logical: within.Offset, Length: within.Length, Physical: within.Offset + setHead}}
}

// keyring offers passphrases.
type keyring []string

func (k keyring) Secrets(context.Context, volume.Locked) iter.Seq[volume.Secret] {
	return func(yield func(volume.Secret) bool) {
		for _, word := range k {
			if !yield(volume.Secret{Kind: volume.Passphrase, Bytes: []byte(word)}) {
				return
			}
		}
	}
}

func (k keyring) Header() block.Source { return nil }
