package recovery

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"salvor/cursor"
)

// A chunk holds what listings ask of the entries of 4096 numbers in a row, column by column, so that a million of them are
// looked through in the time of a page. It is three blobs, digest, facts and names, whose numbers are little-endian:
//
//	digest  version, CRC-32C of the facts and of the names (4 bytes each), rows, smallest and largest size, earliest and
//	        latest time, flags, first and last name, first and last folder; number of groups, each: source, volume, marks,
//	        files, bytes (varints)
//	facts   number of folders; each folder: source, volume, length, path (varints); bytes of a size: 4 or 8; then for all
//	        rows: the number of the entry from the chunk's first, 2 bytes; its folder, 2; its marks, 2; its size; its time, 8
//	names   for all rows the length of the name, 2 bytes; the names, folded, without anything between
//
// The folder of a directory is itself.
const (
	chunkBits    = 12
	chunkRows    = 1 << chunkBits
	chunkVersion = 1
)

// The marks of a row: verdict, class, drawer and kind.
const (
	classShift  = 3
	drawerShift = 7
	kindShift   = 9
	markBits    = 11
)

// castagnoli is the polynomial that processors compute.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// foldName returns what two names have in common that a search takes for one: upper and lower case are alike, and so are
// characters that are written as one sign or as several.
func foldName(name string) string {
	for i := range len(name) {
		if name[i] >= utf8.RuneSelf {
			return strings.ToLower(norm.NFC.String(name))
		}
	}
	return strings.ToLower(name)
}

// chunkFolder is a folder of a volume.
type chunkFolder struct {
	source, volume int
	path           string
}

// chunkRow is what a chunk holds of an entry.
type chunkRow struct {
	seq        int64
	source     int
	volume     int
	marks      uint16
	path, name string // name is "" where it is the end of path
	size, time int64
}

// blobs are the parts of a chunk as they stand in the catalogue.
type blobs struct{ digest, facts, names []byte }

// encodeChunk returns the blobs of chunk n.
func encodeChunk(n int64, rows []chunkRow) blobs {
	numbers := map[chunkFolder]uint16{}
	var folders []chunkFolder
	var seqs, places, marks, lengths, sizes, times, text []byte
	d := newDigest()
	wide := false
	for _, r := range rows {
		wide = wide || r.size > math.MaxUint32
	}
	for _, r := range rows {
		at := chunkFolder{r.source, r.volume, r.path}
		if r.marks>>kindShift != kindDir {
			at.path = parent(r.path)
		}
		f, ok := numbers[at]
		if !ok {
			f = uint16(len(folders))
			numbers[at] = f
			folders = append(folders, at)
		}
		name := r.name
		if name == "" {
			name = lastName(r.path)
		}
		name = foldName(name)
		name = name[:min(len(name), math.MaxUint16)]
		d.add(r, at.path, name)
		le := binary.LittleEndian
		seqs = le.AppendUint16(seqs, uint16(r.seq-n<<chunkBits))
		places = le.AppendUint16(places, f)
		marks = le.AppendUint16(marks, r.marks)
		if wide {
			sizes = le.AppendUint64(sizes, uint64(r.size))
		} else {
			sizes = le.AppendUint32(sizes, uint32(r.size))
		}
		times = le.AppendUint64(times, uint64(r.time))
		lengths = le.AppendUint16(lengths, uint16(len(name)))
		text = append(text, name...)
	}
	e := &encoder{}
	e.uint(uint64(len(folders)))
	for _, f := range folders {
		e.int(int64(f.source))
		e.int(int64(f.volume))
		e.string(f.path)
	}
	width := byte(4)
	if wide {
		width = 8
	}
	b := blobs{facts: append(e.b, width), names: append(lengths, text...)}
	for _, column := range [][]byte{seqs, places, marks, sizes, times} {
		b.facts = append(b.facts, column...)
	}
	b.digest = d.encode(crc32.Checksum(b.facts, castagnoli), crc32.Checksum(b.names, castagnoli))
	return b
}

// parent returns the folder of a path, "" for the root.
func parent(p string) string {
	if i := strings.LastIndexByte(p, '/'); i >= 0 {
		return p[:i]
	}
	return ""
}

// chunk is a chunk that is read, its facts and names when they were asked for. Its columns point into the blobs.
type chunk struct {
	n      int64
	digest digest
	load   func(part int) ([]byte, error)
	// of the facts
	folders                            []chunkFolder
	seqs, places, marks, sizes, clocks []byte
	width                              int
	// of the names
	text []byte
	ends []int32
}

func (c *chunk) seq(i int) int64 {
	return c.n<<chunkBits + int64(binary.LittleEndian.Uint16(c.seqs[2*i:]))
}
func (c *chunk) place(i int) int   { return int(binary.LittleEndian.Uint16(c.places[2*i:])) }
func (c *chunk) mark(i int) uint16 { return binary.LittleEndian.Uint16(c.marks[2*i:]) }
func (c *chunk) time(i int) int64  { return int64(binary.LittleEndian.Uint64(c.clocks[8*i:])) }

func (c *chunk) size(i int) int64 {
	if c.width == 4 {
		return int64(binary.LittleEndian.Uint32(c.sizes[4*i:]))
	}
	return int64(binary.LittleEndian.Uint64(c.sizes[8*i:]))
}

func (c *chunk) begin(i int) int32 {
	if i == 0 {
		return 0
	}
	return c.ends[i-1]
}

func (c *chunk) name(i int) []byte { return c.text[c.begin(i):c.ends[i]] }

// The parts of a chunk.
const (
	partDigest = iota
	partFacts
	partNames
)

// needFacts reads the facts, when that was not done.
func (c *chunk) needFacts() error {
	if c.seqs != nil || c.digest.rows == 0 {
		return nil
	}
	facts, err := c.load(partFacts)
	if err != nil {
		return err
	}
	return c.takeFacts(facts)
}

// takeFacts reads the facts. Errors: a [*cursor.CorruptError].
func (c *chunk) takeFacts(facts []byte) error {
	what := fmt.Sprintf("catalogue: chunk %d", c.n)
	rows := c.digest.rows
	d := &decoder{b: facts}
	folders := d.uint()
	if folders > uint64(rows) {
		return cursor.Corrupt(what+": folders", -1, fmt.Sprintf("up to %d", rows), folders)
	}
	c.folders = make([]chunkFolder, folders)
	for i := range c.folders {
		c.folders[i] = chunkFolder{int(d.int()), int(d.int()), d.string()}
	}
	rest := d.b
	if !d.bad && len(rest) > 0 {
		c.width = int(rest[0])
		rest = rest[1:]
	}
	if c.width != 4 && c.width != 8 || len(rest) != rows*(14+c.width) {
		return cursor.Corrupt(what+": columns", -1, fmt.Sprintf("those of %d rows", rows), fmt.Sprintf("%d bytes, sizes of %d", len(rest), c.width))
	}
	for _, column := range []struct {
		to    *[]byte
		width int
	}{{&c.seqs, 2}, {&c.places, 2}, {&c.marks, 2}, {&c.sizes, c.width}, {&c.clocks, 8}} {
		*column.to, rest = rest[:rows*column.width], rest[rows*column.width:]
	}
	for i := range rows {
		if c.place(i) >= len(c.folders) {
			return cursor.Corrupt(what+": folder of a row", -1, fmt.Sprintf("less than %d", len(c.folders)), c.place(i))
		}
	}
	return nil
}

// needNames reads the names, when that was not done.
func (c *chunk) needNames() error {
	if c.ends != nil || c.digest.rows == 0 {
		return nil
	}
	names, err := c.load(partNames)
	if err != nil {
		return err
	}
	return c.takeNames(names)
}

// takeNames reads the names. Errors: a [*cursor.CorruptError].
func (c *chunk) takeNames(names []byte) error {
	what := fmt.Sprintf("catalogue: names of chunk %d", c.n)
	rows := c.digest.rows
	if len(names) < 2*rows {
		return cursor.Corrupt(what, -1, fmt.Sprintf("those of %d rows", rows), fmt.Sprintf("%d bytes", len(names)))
	}
	c.text = names[2*rows:]
	c.ends = make([]int32, rows)
	at := 0
	for i := range rows {
		at += int(binary.LittleEndian.Uint16(names[2*i:]))
		c.ends[i] = int32(at)
	}
	if at != len(c.text) {
		return cursor.Corrupt(what, -1, at, len(c.text))
	}
	return nil
}

// folderName is the name of the folder in which p stands, or which it is, seen from inside.
func folderName(inside, p string) (name string, exact, ok bool) {
	switch {
	case p == inside:
		return "", true, true
	case inside == "":
		name, _, _ = strings.Cut(p, "/")
		return name, false, true
	case len(p) > len(inside) && p[len(inside)] == '/' && p[:len(inside)] == inside:
		name, _, _ = strings.Cut(p[len(inside)+1:], "/")
		return name, false, true
	}
	return "", false, false
}
