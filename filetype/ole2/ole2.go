package ole2

import (
	"fmt"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/media"
)

const (
	magic  = "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"
	format = "compound document"
	// maxSectors is how many sectors a file may have.
	maxSectors = 1 << 24
	// maxEntries is how many entries of the directory are followed.
	maxEntries = 1 << 18
	smallSize  = 64
)

// The values of a FAT that are no sector.
const (
	lastSector = 0xFFFFFFFA
	difSector  = 0xFFFFFFFC
	fatSector  = 0xFFFFFFFD
	endOfChain = 0xFFFFFFFE
	freeSector = 0xFFFFFFFF
)

var kind = exam.Kind{Format: format, Buffer: 256 << 10, Walk: walk}

// Formats returns the row of this package.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name:       "ole2",
		Class:      filetype.Document,
		Extensions: []string{"ole", "doc", "xls", "ppt", "msi", "msg", "vsd", "pub", "dot", "xlt", "pps", "pot", "mpp"},
		Signatures: []probe.Probe{{ID: "ole2.header", Bytes: []byte(magic)}},
		Ceiling:    filetype.Consistent, // no checksum
		Carve:      true,
		Single:     true,
		Examine:    kind.Examine,
		Scout:      scout,
		Preview:    kind.Preview,
	}}
}

// file is one compound file.
type file struct {
	e       *exam.Exam
	shift   uint // of a sector
	cutoff  uint32
	fat     []uint32
	small   []uint32
	used    []uint64 // sectors that something uses
	entries []entry
	root    []uint32 // chain of the stream that holds the small ones
}

type header struct {
	major               uint16
	shift               uint16
	fats, dir           uint32
	cutoff              uint32
	firstSmall, smalls  uint32
	firstDIFAT, numDIFs uint32
	places              [109]uint32
}

func parseHeader(b []byte) (h header, err error) {
	c := cursor.New("header", 0, b)
	c.Skip(24 + 2)
	h.major = c.Uint16()
	order := c.Uint16()
	h.shift = c.Uint16()
	small := c.Uint16()
	c.Skip(10)
	h.fats, h.dir = c.Uint32(), c.Uint32()
	c.Skip(4)
	h.cutoff = c.Uint32()
	h.firstSmall, h.smalls = c.Uint32(), c.Uint32()
	h.firstDIFAT, h.numDIFs = c.Uint32(), c.Uint32()
	for i := range h.places {
		h.places[i] = c.Uint32()
	}
	switch {
	case c.Err() != nil:
		return h, c.Err()
	case order != 0xFFFE:
		return h, cursor.Corrupt("header", 28, "the byte order FFFE", fmt.Sprintf("%04X", order))
	case !(h.major == 3 && h.shift == 9 || h.major == 4 && h.shift == 12):
		return h, cursor.Corrupt("header", 26, "version 3 with sectors of 512 bytes or 4 with 4096", fmt.Sprintf("%d with 2^%d", h.major, h.shift))
	case small != 6:
		return h, cursor.Corrupt("header", 32, "small sectors of 64 bytes", fmt.Sprintf("2^%d", small))
	case h.cutoff != 4096:
		return h, cursor.Corrupt("header", 56, "4096 as the size of small streams", h.cutoff)
	}
	return h, nil
}

func (f *file) size() int64 { return 1 << f.shift }

func (f *file) at(sector uint32) int64 { return (int64(sector) + 1) << f.shift }

// use notes that sector n is used by what; from is the place of the number.
func (f *file) use(n uint32, what string, from int64) error {
	if n >= maxSectors || f.fat != nil && int(n) >= len(f.fat) {
		return cursor.Corrupt(what, from, fmt.Sprintf("a sector below %d", len(f.fat)), fmt.Sprintf("%#x", n))
	}
	for int(n/64) >= len(f.used) {
		f.used = append(f.used, make([]uint64, max(64, int(n/64)+1-len(f.used)))...)
	}
	if f.used[n/64]&(1<<(n%64)) != 0 {
		return cursor.Corrupt(what, from, "a sector that nothing else uses", n)
	}
	f.used[n/64] |= 1 << (n % 64)
	return nil
}

// readFAT reads the list of FAT sectors and the FAT.
func (f *file) readFAT(h *header) error {
	e := f.e
	if h.fats == 0 || h.fats > maxSectors>>(f.shift-2) || h.numDIFs > h.fats {
		return cursor.Corrupt("header", 44, "a number of FAT sectors", h.fats)
	}
	var places []uint32
	from := []int64{76}
	for _, n := range h.places {
		if len(places) == int(h.fats) {
			break
		}
		places = append(places, n)
	}
	next := h.firstDIFAT
	per := int(f.size()/4) - 1
	for i := uint32(0); len(places) < int(h.fats); i++ {
		if i >= h.numDIFs || next >= lastSector {
			return cursor.Corrupt("header", 68, fmt.Sprintf("the places of %d FAT sectors", h.fats), len(places))
		}
		if err := f.use(next, "list of FAT sectors", from[0]); err != nil {
			return err
		}
		off := f.at(next)
		p, err := e.Need(off, int(f.size()), "the list of FAT sectors")
		if err != nil {
			return err
		}
		c := cursor.New("list of FAT sectors", off, p)
		for range per {
			if n := c.Uint32(); len(places) < int(h.fats) {
				places = append(places, n)
			}
		}
		next = c.Uint32()
		from[0] = off + f.size() - 4
	}
	var fat []uint32
	for i, n := range places {
		if err := f.use(n, "list of FAT sectors", 76+4*int64(min(i, 109))); err != nil {
			return err
		}
		p, err := e.Need(f.at(n), int(f.size()), "a FAT sector")
		if err != nil {
			return err
		}
		c := cursor.New("FAT", f.at(n), p)
		for range f.size() / 4 {
			fat = append(fat, c.Uint32())
		}
	}
	for i, n := range places {
		if int(n) >= len(fat) {
			return cursor.Corrupt("list of FAT sectors", 76, fmt.Sprintf("sectors below %d", len(fat)), n)
		}
		if fat[n] != fatSector {
			return cursor.Corrupt("FAT", f.at(places[int(n)>>(f.shift-2)])+int64(n)<<2&(f.size()-1), fmt.Sprintf("sector %d as one of the FAT, as the list says in place %d", n, i), fmt.Sprintf("%#x", fat[n]))
		}
	}
	f.fat = fat
	for len(fat) > 0 && fat[len(fat)-1] == freeSector {
		fat = fat[:len(fat)-1]
	}
	e.Want = (int64(len(fat)) + 1) << f.shift
	e.R.GoodUntil = min(e.Want, e.Size())
	return nil
}

// least returns how long the file is at least, by the places of its FAT sectors.
func (f *file) least(h *header) int64 {
	last := h.dir
	for _, n := range h.places[:min(h.fats, uint32(len(h.places)))] {
		if n < maxSectors {
			last = max(last, n)
		}
	}
	if last >= maxSectors {
		return 512
	}
	return f.at(last) + f.size()
}

// chain follows the chain that begins with sector n, of at most limit sectors, and claims them.
func (f *file) chain(n uint32, limit int, what string, from int64) ([]uint32, error) {
	var out []uint32
	for n != endOfChain {
		if len(out) == limit {
			return out, nil // more than is needed is allowed, and stays unclaimed
		}
		if len(out)&0xFFFF == 0xFFFF && f.e.Context().Err() != nil {
			return nil, f.e.Context().Err()
		}
		if err := f.use(n, what, from); err != nil {
			return nil, err
		}
		out = append(out, n)
		from = f.at(n)
		n = f.fat[n]
	}
	return out, nil
}

// readSmall reads the FAT of small sectors.
func (f *file) readSmall(h *header) error {
	if h.smalls == 0 {
		return nil
	}
	sectors, err := f.chain(h.firstSmall, int(min(h.smalls, maxSectors)), "small FAT", 60)
	if err != nil {
		return err
	}
	if len(sectors) < int(h.smalls) {
		return cursor.Corrupt("small FAT", 64, fmt.Sprintf("%d sectors", h.smalls), len(sectors))
	}
	for _, n := range sectors {
		p, err := f.e.Need(f.at(n), int(f.size()), "the small FAT")
		if err != nil {
			return err
		}
		c := cursor.New("small FAT", f.at(n), p)
		for range f.size() / 4 {
			f.small = append(f.small, c.Uint32())
		}
	}
	return nil
}

func walk(e *exam.Exam) error {
	p, err := e.Head(512)
	if err != nil {
		return err
	}
	if len(p) < len(magic) || string(p[:8]) != magic {
		return filetype.ErrNot
	}
	if p, err = e.Need(0, 512, "the header"); err != nil {
		return err
	}
	h, err := parseHeader(p)
	if err != nil {
		return err
	}
	f := &file{e: e, shift: uint(h.shift), cutoff: h.cutoff}
	e.R.GoodUntil = 512
	if err := f.readFAT(&h); err != nil {
		if media.Broken(err) && e.Context().Err() == nil {
			// Without its table, what still looks like a document's is all that can be told.
			e.R.GoodUntil = media.Packed(e, max(512, f.least(&h)))
			e.Want = f.least(&h)
		}
		return err
	}
	if err := f.readSmall(&h); err != nil {
		return err
	}
	if err := f.readDirectory(&h); err != nil {
		if media.Broken(err) && e.Context().Err() == nil {
			e.R.GoodUntil = media.Packed(e, min(e.R.GoodUntil, f.at(h.dir)))
		}
		return err
	}
	locked := f.describe()
	if cerr := e.Context().Err(); cerr != nil {
		return cerr
	}
	if e.Listing {
		f.text()
		return e.Context().Err()
	}
	if err := f.streams(); err != nil {
		return err
	}
	e.R.GoodUntil = 0
	err = e.Each(block.Extent{Length: e.Want}, "sectors of the document", func(p []byte) error {
		e.R.GoodUntil += int64(len(p))
		return nil
	})
	if err != nil {
		return err
	}
	if locked != "" {
		return e.Report(filetype.Encrypted, e.Want, filetype.Locked(format, locked))
	}
	return e.Whole(filetype.Consistent, e.Want)
}
