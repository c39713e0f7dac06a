package ewf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/adler32"
	"strings"

	"salvor/block"
	"salvor/container"
	"salvor/cursor"
)

// segment is one file of an image.
type segment struct {
	number int64
	name   string
	src    block.Source // nil when it is not there
	tables []*table
	volume *volume // as its volume, disk or data section has it
	bad    block.Set
	sums   []container.Sum
	done   bool  // it is the last one
	whole  bool  // its sections could all be walked, so that all its tables are known
	why    error // the first damage
}

// chunks returns how many chunks the known tables of the segment hold.
func (s *segment) chunks() (n int64) {
	for _, t := range s.tables {
		n += t.count
	}
	return n
}

// number reads the number of a segment from the head of its file. The error is cursor.ErrNot for all but an image of
// this format.
func number(src block.Source) (int64, error) {
	b := make([]byte, headerSize)
	n, err := src.ReadAt(b, 0)
	if n < headerSize {
		if err := tellable(err); err != nil && n == 0 && src.Size() >= headerSize {
			return 0, err
		}
		return 0, cursor.ErrNot
	}
	switch {
	case bytes.HasPrefix(b, signatureLogical):
		return 0, &container.UnsupportedError{What: "logical evidence (L01), which holds files instead of a disk,", Next: "export its files with the program that made it"}
	case bytes.HasPrefix(b, signature2), bytes.HasPrefix(b, signatureLogic2):
		return 0, &container.UnsupportedError{What: "version 2 of the format (Ex01, Lx01)", Next: "convert it with `ewfexport` of libewf, or write it again as E01"}
	case bytes.HasPrefix(b, signatureLocked):
		return 0, &container.LockedError{How: "AD encryption", Need: "open it with FTK Imager and write it again without"}
	case !bytes.HasPrefix(b, signature1):
		return 0, cursor.ErrNot
	}
	return int64(b[9]) | int64(b[10])<<8, nil
}

// readSegment walks over the sections of a segment.
func readSegment(ctx context.Context, src block.Source, name string, n int64) (*segment, error) {
	s := &segment{number: n, name: name, src: src, whole: true}
	broken := func(err error) {
		s.whole = false
		if s.why == nil {
			s.why = err
		}
	}
	var failed error
	ended := false
	r := &reader{segment: s, broken: broken}
	err := walk(ctx, src, broken, func(x section) {
		ended = ended || x.kind == "next" || x.kind == "done"
		if err := r.section(x); err != nil && failed == nil {
			if failed = tellable(err); failed == nil {
				broken(err)
			}
		}
	})
	if err = errors.Join(err, failed); err != nil {
		return nil, err
	}
	if !ended {
		broken(cursor.Corrupt("ewf: segment", src.Size(), "a section next or done", "the end"))
	}
	return s, nil
}

// reader takes up the sections of a segment.
type reader struct {
	*segment
	broken  func(error)
	sectors block.Extent // of the last sectors section
	last    *table
}

func (r *reader) section(x section) error {
	e := x.data()
	content := func(limit int64) ([]byte, error) {
		return cursor.Read(r.src, "ewf: section "+x.kind, e.Offset, min(e.Length, limit), limit)
	}
	switch x.kind {
	case "volume", "disk", "data":
		b, err := content(volumeSize)
		if err != nil {
			return err
		}
		v, err := parseVolume(b, e.Offset)
		if err != nil || r.volume != nil {
			return err
		}
		r.volume = &v
	case "sectors":
		r.sectors = e
	case "table", "table2":
		return r.table(x)
	case "error2":
		if r.volume == nil { // it counts in sectors
			return cursor.Corrupt("ewf: error2", x.at, "a volume or data section before it", "none")
		}
		b, err := content(520 + 8*maxBad + 4)
		if err != nil {
			return err
		}
		r.bad, err = parseErrors(b, e.Offset, r.volume.sectorSize)
		return err
	case "hash":
		b, err := content(36)
		if err != nil {
			return err
		}
		return r.sum(b, e.Offset, 36, func(b []byte) { r.addSum("md5", b[:16]) })
	case "digest":
		b, err := content(80)
		if err != nil {
			return err
		}
		return r.sum(b, e.Offset, 80, func(b []byte) {
			r.addSum("md5", b[:16])
			r.addSum("sha1", b[16:36])
		})
	case "done":
		r.done = true
	}
	return nil
}

// sum takes hashes out of a section whose own check fits.
func (r *reader) sum(b []byte, off int64, size int, take func([]byte)) error {
	if len(b) < size {
		return cursor.Corrupt("ewf: hash", off, size, len(b))
	}
	c := cursor.New("ewf: hash", off, b[size-4:])
	if sum := c.Uint32(); sum != adler32.Checksum(b[:size-4]) {
		return cursor.Corrupt("ewf: hash", off, "an Adler-32 that fits", fmt.Sprintf("%#x", sum))
	}
	take(b)
	return nil
}

func (r *reader) addSum(name string, value []byte) {
	if bytes.Count(value, []byte{0}) == len(value) {
		return // not computed
	}
	for _, s := range r.sums {
		if s.Name == name {
			return
		}
	}
	r.sums = append(r.sums, container.Sum{Name: name, Value: value})
}

// maxSegments is how many names there are: 01 to 99, then AA to ZZ below each letter from that of the format on.
const maxSegments = 99 + 26*26*26

// segmentName returns the name of segment n of an image, one file of which is called name; "" when the name is that of
// none. The case of letters is that of the name.
func segmentName(name string, n int64) string {
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 || len(name)-dot != 4 {
		return ""
	}
	ending := name[dot+1:]
	base, a, z := ending[0], byte('A'), byte('Z')
	if base >= 'a' && base <= 'z' {
		a, z = 'a', 'z'
	}
	if base < a || base > z {
		return ""
	}
	// The first letter goes on behind ZZ: the image begins at E or at S.
	if ending[1] < '0' || ending[1] > '9' {
		base = a + 'E' - 'A'
		if ending[0] >= a+'S'-'A' {
			base = a + 'S' - 'A'
		}
	}
	switch {
	case n < 1:
		return ""
	case n < 100:
		return fmt.Sprintf("%s%c%02d", name[:dot+1], base, n)
	}
	n -= 100
	first := int64(base) + n/(26*26)
	if first > int64(z) {
		return ""
	}
	return fmt.Sprintf("%s%c%c%c", name[:dot+1], rune(first), rune(int64(a)+n/26%26), rune(int64(a)+n%26))
}
