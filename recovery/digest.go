package recovery

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"salvor/cursor"
)

// digest says of the rows of a chunk what often makes it needless to look at them.
type digest struct {
	facts, names uint32 // CRC-32C
	rows         int
	least, most  int64 // sizes
	early, late  int64 // times that are known
	timeless     bool  // a time is not known
	first, last  string
	low, high    string // folders, in the order in which what is below one follows it
	odd          bool   // a folder has a name that upsets that order
	groups       []digestGroup
	numbers      map[digestKey]int
}

type digestKey struct {
	source, volume int
	marks          uint16
}

// digestGroup counts rows that are alike.
type digestGroup struct {
	digestKey
	files, bytes int64
}

func newDigest() *digest {
	return &digest{least: math.MaxInt64, early: math.MaxInt64, late: math.MinInt64, numbers: map[digestKey]int{}}
}

func (d *digest) add(r chunkRow, folder, name string) {
	d.odd = d.odd || strings.IndexByte(folder, 0) >= 0
	folder = treeOrder(folder)
	if d.rows == 0 || folder < d.low {
		d.low = folder
	}
	d.high = max(d.high, folder)
	if d.rows == 0 || name < d.first {
		d.first = name
	}
	d.last = max(d.last, name)
	d.rows++
	d.least, d.most = min(d.least, r.size), max(d.most, r.size)
	if r.time == noTime {
		d.timeless = true
	} else {
		d.early, d.late = min(d.early, r.time), max(d.late, r.time)
	}
	key := digestKey{r.source, r.volume, r.marks}
	i, ok := d.numbers[key]
	if !ok {
		i = len(d.groups)
		d.numbers[key] = i
		d.groups = append(d.groups, digestGroup{digestKey: key})
	}
	d.groups[i].files++
	d.groups[i].bytes = addSizes(d.groups[i].bytes, r.size)
}

// treeOrder makes a path into what sorts such that all that is below a folder follows it at once.
func treeOrder(p string) string { return strings.ReplaceAll(p, "/", "\x00") }

// addSizes adds sizes that files claim, however large.
func addSizes(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

func (d *digest) encode(facts, names uint32) []byte {
	e := &encoder{}
	e.uint(chunkVersion)
	e.b = binary.LittleEndian.AppendUint32(e.b, facts)
	e.b = binary.LittleEndian.AppendUint32(e.b, names)
	e.uint(uint64(d.rows))
	for _, n := range []int64{d.least, d.most, d.early, d.late, int64(bit(d.timeless, 0) | bit(d.odd, 1))} {
		e.int(n)
	}
	for _, text := range []string{d.first, d.last, d.low, d.high} {
		e.string(text)
	}
	e.uint(uint64(len(d.groups)))
	for _, g := range d.groups {
		e.int(int64(g.source))
		e.int(int64(g.volume))
		e.uint(uint64(g.marks))
		e.uint(uint64(g.files))
		e.int(g.bytes)
	}
	return e.b
}

// decodeDigest reads the digest of chunk n. Errors: a [*cursor.CorruptError].
func decodeDigest(n int64, b []byte) (d digest, err error) {
	what := fmt.Sprintf("catalogue: digest of chunk %d", n)
	r := &decoder{b: b}
	if v := r.uint(); v != chunkVersion || len(r.b) < 8 {
		return d, cursor.Corrupt(what, -1, chunkVersion, v)
	}
	d.facts, d.names = binary.LittleEndian.Uint32(r.b), binary.LittleEndian.Uint32(r.b[4:])
	r.b = r.b[8:]
	d.rows = int(min(r.uint(), chunkRows+1))
	d.least, d.most, d.early, d.late = r.int(), r.int(), r.int(), r.int()
	flags := r.int()
	d.timeless, d.odd = flags&1 != 0, flags&2 != 0
	d.first, d.last, d.low, d.high = r.string(), r.string(), r.string(), r.string()
	d.groups = make([]digestGroup, r.count(5))
	files := int64(0)
	for i := range d.groups {
		d.groups[i] = digestGroup{digestKey{int(r.int()), int(r.int()), uint16(r.uint())}, int64(r.uint()), r.int()}
		files += d.groups[i].files
	}
	if r.bad || d.rows > chunkRows || files != int64(d.rows) {
		return d, cursor.Corrupt(what, -1, fmt.Sprintf("%d rows in all groups", d.rows), files)
	}
	return d, nil
}
