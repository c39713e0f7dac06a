package journald

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"sort"

	"salvor/block"
	"salvor/cursor"
)

// What the format sets.
const (
	headerLeast  = 208
	objectHead   = 16
	entryHead    = 64
	typeData     = 1
	typeEntry    = 3
	typeLast     = 7
	packedXZ     = 1
	packedLZ4    = 2
	packedZSTD   = 4
	flagsKnown   = 0x1f // XZ, LZ4, keyed hashes, ZSTD, compact
	flagCompact  = 0x10
	maxItems     = 256      // of an entry; real ones have some 30
	maxMessage   = 64 << 10 // bytes of a value that are kept, as diagnosis/logs does
	maxPacked    = 16 << 20
	fieldLongest = 64
	cacheMost    = 8192
	window       = 64 << 10
)

// Entry is where the message of an entry stands in the file.
type Entry struct {
	Offset, Length int64 // bytes: of the message, or where Packed of the object that holds it
	Packed         bool
}

// Journal is a file as text. It is read once, to its end.
type Journal struct {
	ctx     context.Context
	src     block.Source
	at, end int64 // of the next object
	compact bool
	data    int64 // where the payload of data begins
	begun   bool
	err     error
	out     bytes.Buffer
	given   int64 // bytes of text handed over
	starts  []int64
	entries []Entry
	cache   map[int64]field
	view    []byte // a piece of the file, from viewAt
	viewAt  int64
	broken  int
}

// field is a value of an entry.
type field struct {
	name, value string
	entry       Entry
}

// wanted are the fields that a line is made of.
var wanted = []string{"MESSAGE", "SYSLOG_IDENTIFIER", "_COMM", "_PID", "SYSLOG_PID", "_TRANSPORT", "PRIORITY"}

// Open returns the journal in src. What is wrong with it is told by reading.
func Open(ctx context.Context, src block.Source) *Journal {
	return &Journal{ctx: ctx, src: src, cache: map[int64]field{}}
}

// Read gives the entries in journald's export format. The error at the end is [io.EOF], or a [*cursor.CorruptError] for a
// file that is no journal.
func (j *Journal) Read(p []byte) (int, error) {
	for j.out.Len() == 0 && j.err == nil {
		if err := j.ctx.Err(); err != nil {
			j.err = err
			break
		}
		if !j.begun {
			j.begun = true
			j.err = j.begin()
			continue
		}
		j.next()
	}
	if j.out.Len() == 0 {
		return 0, j.err
	}
	n, err := j.out.Read(p)
	j.given += int64(n)
	return n, err
}

// Entry returns where the message stands that the text has at offset; ok is false before the first.
func (j *Journal) Entry(offset int64) (e Entry, ok bool) {
	i := sort.Search(len(j.starts), func(i int) bool { return j.starts[i] > offset })
	if i == 0 {
		return e, false
	}
	return j.entries[i-1], true
}

// Broken returns how many stretches of the file were no objects.
func (j *Journal) Broken() int { return j.broken }

func (j *Journal) begin() error {
	h, err := j.read(0, headerLeast)
	if err != nil {
		return err
	}
	if string(h[:8]) != "LPKSHHRH" {
		return cursor.Corrupt("journal header", 0, "LPKSHHRH", fmt.Sprintf("%q", h[:8]))
	}
	incompatible := binary.LittleEndian.Uint32(h[12:])
	if incompatible&^flagsKnown != 0 {
		return cursor.Corrupt("journal header", 12, "flags that are known", fmt.Sprintf("0x%x", incompatible))
	}
	size := binary.LittleEndian.Uint64(h[88:])
	arena := binary.LittleEndian.Uint64(h[96:])
	if size < headerLeast || size > 4096 || size%8 != 0 {
		return cursor.Corrupt("journal header", 88, "a size from 208 to 4096", size)
	}
	j.at, j.end = int64(size), j.src.Size()
	if arena < uint64(j.end) && int64(size+arena) < j.end {
		j.end = int64(size + arena)
	}
	j.compact, j.data = incompatible&flagCompact != 0, entryHead
	if j.compact {
		j.data += 8
	}
	return nil
}

// read returns n bytes at off; fewer are an error.
func (j *Journal) read(off int64, n int) ([]byte, error) {
	if n > window {
		b := make([]byte, n)
		if m, err := j.src.ReadAt(b, off); m < n {
			return nil, short(off, err)
		}
		return b, nil
	}
	if off < j.viewAt || off+int64(n) > j.viewAt+int64(len(j.view)) {
		if j.view == nil {
			j.view = make([]byte, 0, window)
		}
		j.view = j.view[:window]
		m, err := j.src.ReadAt(j.view, off)
		j.view, j.viewAt = j.view[:m], off
		if m < n {
			return nil, short(off+int64(m), err)
		}
	}
	from := off - j.viewAt
	return j.view[from : from+int64(n)], nil
}

func short(at int64, err error) error {
	if err == nil || err == io.EOF {
		return cursor.Corrupt("journal", at, "more bytes", "the end")
	}
	return err
}

// object reads the head of an object; size 0 says that there is none.
func (j *Journal) object(off int64) (kind, flags byte, size int64) {
	if off < 0 || off > j.end-objectHead {
		return 0, 0, 0
	}
	h, err := j.read(off, objectHead)
	if err != nil {
		return 0, 0, 0
	}
	n := binary.LittleEndian.Uint64(h[8:])
	if h[0] < typeData || h[0] > typeLast || h[1] > 7 || h[2]|h[3]|h[4]|h[5]|h[6]|h[7] != 0 || n < objectHead || n > uint64(j.end-off) {
		return 0, 0, 0
	}
	return h[0], h[1], int64(n)
}

// next takes the object at j.at.
func (j *Journal) next() {
	kind, _, size := j.object(j.at)
	if size == 0 {
		j.resume()
		return
	}
	if kind == typeEntry {
		j.entry(j.at, size)
	}
	j.at += (size + 7) &^ 7
}

// resume looks for the next object behind what is none. Behind the last one there are zeros.
func (j *Journal) resume() {
	told := false
	for off := j.at + 8; off <= j.end-objectHead; off += 8 {
		if off%window == 0 && j.ctx.Err() != nil {
			break
		}
		h, err := j.read(off, objectHead)
		if err != nil {
			off += 512 // a bad place is skipped by sectors
			off &^= 511
			off -= 8
			continue
		}
		if !told && h[0] != 0 {
			told = true
			j.broken++
		}
		if h[0] == typeEntry { // others mean nothing by themselves
			if _, _, size := j.object(off); size >= entryHead && size%8 == 0 {
				j.at = off
				return
			}
		}
	}
	j.err = io.EOF
}

// entry writes one entry.
func (j *Journal) entry(off, size int64) {
	if size < entryHead || size > entryHead+16*maxItems {
		return
	}
	raw, err := j.read(off, int(size))
	if err != nil {
		return
	}
	raw = slices.Clone(raw) // reading its items moves the view
	realtime := binary.LittleEndian.Uint64(raw[24:])
	boot := hex.EncodeToString(raw[40:56])
	step := 16
	if j.compact {
		step = 4
	}
	var fields []field
	message := -1
	for b := raw[entryHead:]; len(b) >= step; b = b[step:] {
		at := int64(binary.LittleEndian.Uint32(b))
		if !j.compact {
			n := binary.LittleEndian.Uint64(b)
			if n > uint64(j.end) {
				continue
			}
			at = int64(n)
		}
		f, ok := j.field(at)
		if !ok || f.name == "" || slices.ContainsFunc(fields, func(o field) bool { return o.name == f.name }) {
			continue
		}
		if f.name == "MESSAGE" {
			message = len(fields)
		}
		fields = append(fields, f)
	}
	if message < 0 || realtime == 0 || realtime > 1<<56 {
		return
	}
	fmt.Fprintf(&j.out, "__REALTIME_TIMESTAMP=%d\n_BOOT_ID=%s\n", realtime, boot)
	for i, f := range fields {
		if i != message && !bytes.ContainsRune([]byte(f.value), '\n') {
			fmt.Fprintf(&j.out, "%s=%s\n", f.name, f.value)
		}
	}
	m := fields[message]
	j.out.WriteString("MESSAGE\n")
	_ = binary.Write(&j.out, binary.LittleEndian, uint64(len(m.value))) // a buffer takes all
	j.starts = append(j.starts, j.given+int64(j.out.Len()))
	j.entries = append(j.entries, m.entry)
	j.out.WriteString(m.value + "\n\n")
}

// field returns the value of a data object; its name is "" when nobody asks for it.
func (j *Journal) field(off int64) (f field, ok bool) {
	if f, ok = j.cache[off]; ok {
		return f, true
	}
	kind, flags, size := j.object(off)
	if kind != typeData || size <= j.data {
		return f, false
	}
	payload := size - j.data
	var text []byte
	if flags == 0 {
		b, err := j.read(off+j.data, int(min(payload, maxMessage+fieldLongest)))
		if err != nil {
			return f, false
		}
		text = b
	} else {
		if payload > maxPacked {
			return f, false
		}
		b, err := j.read(off+j.data, int(payload))
		if err != nil {
			return f, false
		}
		if text, err = unpacked(j.ctx, flags, slices.Clone(b)); err != nil {
			return f, false
		}
	}
	name, value, cut := bytes.Cut(text, []byte{'='})
	if !cut || len(name) > fieldLongest {
		return f, false
	}
	if slices.Contains(wanted, string(name)) {
		f = field{name: string(name), value: string(value[:min(len(value), maxMessage)])}
		f.entry = Entry{Offset: off + j.data + int64(len(name)) + 1, Length: payload - int64(len(name)) - 1}
		if flags != 0 {
			f.entry = Entry{Offset: off, Length: size, Packed: true}
		}
	}
	if f.name != "MESSAGE" && len(j.cache) < cacheMost {
		j.cache[off] = f
	}
	return f, true
}
