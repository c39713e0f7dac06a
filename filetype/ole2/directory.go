package ole2

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"

	"salvor/cursor"
)

// The kinds of entries.
const (
	unusedEntry  = 0
	storageEntry = 1
	streamEntry  = 2
	rootEntry    = 5
)

const noEntry = 0xFFFFFFFF

// entry is one entry of the directory.
type entry struct {
	name               string
	kind               byte
	left, right, child uint32
	class              [16]byte
	modified           time.Time
	start              uint32
	size               int64
	at                 int64 // where it stands in the file
	parent             int   // number of the storage; 0 for the root's; -1 for entries that are not in the tree
}

func parseEntry(b []byte, off int64, major uint16) (n entry, err error) {
	c := cursor.New("directory entry", off, b)
	name := c.Bytes(64)
	length := c.Uint16()
	n.kind = c.Uint8()
	c.Skip(1)
	n.left, n.right, n.child = c.Uint32(), c.Uint32(), c.Uint32()
	copy(n.class[:], c.Bytes(16))
	c.Skip(12)
	n.modified = filetime(c.Uint64())
	n.start = c.Uint32()
	size := c.Uint64()
	if major == 3 { // the upper half may hold anything
		size &= 0xFFFFFFFF
	}
	n.at, n.parent = off, -1
	switch {
	case c.Err() != nil:
		return n, c.Err()
	case n.kind == unusedEntry:
		return n, nil
	case n.kind != storageEntry && n.kind != streamEntry && n.kind != rootEntry:
		return n, cursor.Corrupt("directory entry", off+66, "a kind of entry", n.kind)
	case length < 2 || length > 64 || length%2 != 0:
		return n, cursor.Corrupt("directory entry", off+64, "a name of up to 32 characters", length)
	case size > maxSectors<<12:
		return n, cursor.Corrupt("directory entry", off+120, "a size", size)
	}
	units := make([]uint16, 0, 32)
	for i := 0; i+2 < int(length); i += 2 {
		units = append(units, binary.LittleEndian.Uint16(name[i:]))
	}
	n.name, n.size = string(utf16.Decode(units)), int64(size)
	return n, nil
}

// filetime returns the time of a number of 100 ns since 1601; zero for one that is no time of a file.
func filetime(v uint64) time.Time {
	const unix = 116444736000000000
	if v < unix || v > unix+1<<57 {
		return time.Time{}
	}
	return time.Unix(int64(v-unix)/1e7, int64(v-unix)%1e7*100).UTC()
}

// readDirectory reads the directory and walks its tree.
func (f *file) readDirectory(h *header) error {
	sectors, err := f.chain(h.dir, maxEntries*128>>f.shift, "directory", 48)
	if err != nil {
		return err
	}
	for _, n := range sectors {
		off := f.at(n)
		p, err := f.e.Need(off, int(f.size()), "the directory")
		if err != nil {
			return err
		}
		for i := 0; i+128 <= len(p); i += 128 {
			n, err := parseEntry(p[i:i+128], off+int64(i), h.major)
			if err != nil {
				return err
			}
			f.entries = append(f.entries, n)
		}
	}
	if len(f.entries) == 0 || f.entries[0].kind != rootEntry {
		return cursor.Corrupt("directory", f.at(h.dir), "a root", "none")
	}
	// The entries of a storage form a tree; each is in one.
	type waiting struct {
		n      uint32
		parent int
		from   int64
	}
	list := []waiting{{f.entries[0].child, 0, f.entries[0].at}}
	for len(list) > 0 {
		t := list[len(list)-1]
		list = list[:len(list)-1]
		if t.n == noEntry {
			continue
		}
		if int64(t.n) >= int64(len(f.entries)) {
			return cursor.Corrupt("directory", t.from, fmt.Sprintf("an entry below %d", len(f.entries)), t.n)
		}
		n := &f.entries[t.n]
		if n.kind != storageEntry && n.kind != streamEntry || n.parent >= 0 {
			return cursor.Corrupt("directory", t.from, "an entry in one place of the tree", fmt.Sprintf("entry %d", t.n))
		}
		n.parent = t.parent
		list = append(list, waiting{n.left, t.parent, n.at}, waiting{n.right, t.parent, n.at})
		if n.kind == storageEntry {
			list = append(list, waiting{n.child, int(t.n), n.at})
		}
	}
	// The stream that holds the small ones.
	root := &f.entries[0]
	if root.size == 0 {
		return nil
	}
	f.root, err = f.chain(root.start, f.count(root.size), "stream of small sectors", root.at+116)
	if err == nil && len(f.root) < f.count(root.size) {
		err = cursor.Corrupt("stream of small sectors", root.at+120, fmt.Sprintf("%d sectors", f.count(root.size)), len(f.root))
	}
	return err
}

// count returns how many sectors a stream of n bytes takes.
func (f *file) count(n int64) int { return int((n + f.size() - 1) >> f.shift) }

// streams follows the chains of all streams.
func (f *file) streams() error {
	small := cursor.NewVisited(len(f.small) + 1)
	var whole, all int64
	var first error
	for i := range f.entries {
		if f.entries[i].kind == streamEntry {
			all++
		}
	}
	for i := range f.entries {
		n := &f.entries[i]
		if n.kind != streamEntry {
			continue
		}
		var err error
		if n.size >= int64(f.cutoff) {
			var sectors []uint32
			sectors, err = f.chain(n.start, f.count(n.size), "stream", n.at+116)
			if err == nil && len(sectors) < f.count(n.size) {
				err = cursor.Corrupt("stream", n.at+120, fmt.Sprintf("%d sectors", f.count(n.size)), len(sectors))
			}
			if err == nil && f.there(sectors) {
				whole++
			}
		} else if n.size > 0 {
			err = f.smallChain(n, func(s uint32) bool { return small.Enter(int64(s)) })
			if err == nil {
				whole++
			}
		} else {
			whole++
		}
		if cerr := f.e.Context().Err(); cerr != nil {
			return cerr
		}
		if first == nil {
			first = err
		}
	}
	f.e.Units(whole, all, "streams")
	return first
}

// there reports whether the sectors lie in the source.
func (f *file) there(sectors []uint32) bool {
	for _, n := range sectors {
		if f.at(n)+f.size() > f.e.Size() {
			return false
		}
	}
	return true
}

// smallChain follows the chain of a small stream, asking enter for each sector.
func (f *file) smallChain(n *entry, enter func(s uint32) bool) error {
	want := int((n.size + smallSize - 1) / smallSize)
	s := n.start
	for i := range want {
		if int64(s) >= int64(len(f.small)) || (int64(s)+1)*smallSize > int64(len(f.root))<<f.shift {
			return cursor.Corrupt("small stream", n.at+116, fmt.Sprintf("%d small sectors", want), i)
		}
		if !enter(s) {
			return cursor.Corrupt("small stream", n.at+116, "small sectors that nothing else uses", s)
		}
		s = f.small[s]
	}
	return nil
}

// content returns up to limit bytes of a stream, what there is of it.
func (f *file) content(n *entry, limit int) []byte {
	size := int(min(n.size, int64(limit)))
	var out []byte
	if n.size >= int64(f.cutoff) {
		s := n.start
		for len(out) < size && int64(s) < int64(len(f.fat)) {
			p, err := f.e.Need(f.at(s), int(f.size()), "a stream")
			if err != nil {
				break
			}
			out = append(out, p...)
			s = f.fat[s]
		}
	} else {
		s := n.start
		for len(out) < size && int64(s) < int64(len(f.small)) {
			at := int64(s) * smallSize
			if at>>f.shift >= int64(len(f.root)) {
				break
			}
			p, err := f.e.Need(f.at(f.root[at>>f.shift])+at&(f.size()-1), smallSize, "a small stream")
			if err != nil {
				break
			}
			out = append(out, p...)
			s = f.small[s]
		}
	}
	return out[:min(len(out), size)]
}

// find returns the entry of that name in the root, nil when there is none.
func (f *file) find(name string) *entry {
	for i := range f.entries {
		if n := &f.entries[i]; n.parent == 0 && n.kind != unusedEntry && strings.EqualFold(n.name, name) {
			return n
		}
	}
	return nil
}
