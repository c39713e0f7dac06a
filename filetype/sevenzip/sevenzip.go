package sevenzip

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/exif"
	"salvor/filetype/internal/window"
)

const (
	magic     = "7z\xBC\xAF\x27\x1C"
	startSize = 32
	// maxHeader is the largest header that is read, in bytes.
	maxHeader = 64 << 20
	// maxContent is the most content that is unpacked, in bytes.
	maxContent = 32 << 30
	format     = "7z archive"
)

var kind = exam.Kind{Format: format, Buffer: 256 << 10, Walk: walk}

// Formats returns the row of this package.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name:       "7z",
		Class:      filetype.Archive,
		Extensions: []string{"7z"},
		Signatures: []probe.Probe{{ID: "7z.start", Bytes: []byte(magic + "\x00")}},
		Ceiling:    filetype.Proven, // stored members with CRC-32, under headers with CRC-32
		Carve:      true,
		Single:     true,
		Examine:    kind.Examine,
		Scout:      scout,
		Preview:    kind.Preview,
	}}
}

// walker judges one archive.
type walker struct {
	e         *exam.Exam
	done, all int64 // members with content
	loose     string
	failed    error // of the first folder that is broken
	undone    string
	covered   block.Set
	content   int64
}

func walk(e *exam.Exam) error {
	p, err := e.Head(startSize)
	if err != nil {
		return err
	}
	if len(p) < len(magic) || string(p[:6]) != magic {
		return filetype.ErrNot
	}
	if p, err = e.Need(0, startSize, "the start header"); err != nil {
		return err
	}
	if p[6] != 0 {
		return filetype.ErrNot
	}
	if sum := crc32.ChecksumIEEE(p[12:]); sum != binary.LittleEndian.Uint32(p[8:]) {
		return cursor.Corrupt("start header", 8, fmt.Sprintf("CRC-32 %08x", sum), fmt.Sprintf("%08x", binary.LittleEndian.Uint32(p[8:])))
	}
	offset, size := binary.LittleEndian.Uint64(p[12:]), binary.LittleEndian.Uint64(p[20:])
	crc := binary.LittleEndian.Uint32(p[28:])
	if offset > 1<<60 || size > 1<<60 {
		return cursor.Corrupt("start header", 12, "a place in a file", offset)
	}
	at := startSize + int64(offset)
	e.Want = at + int64(size)
	e.R.GoodUntil = startSize
	e.R.Uncovered.Add(block.Extent{Offset: 7, Length: 1}) // the minor version
	if size == 0 {
		if offset != 0 || crc != 0 {
			return cursor.Corrupt("start header", 12, "an empty archive", offset)
		}
		return e.Whole(filetype.Proven, startSize)
	}
	if size > maxHeader {
		return e.Report(filetype.Unknown, e.Want, filetype.NotChecked(format, fmt.Sprintf("its header has %d bytes", size)))
	}
	// Every byte must be there. What stands before the header is only known to be good when it was unpacked.
	if !e.Listing {
		err := e.Each(block.Between(startSize, at), "packed content", func(p []byte) error {
			e.R.GoodUntil += int64(len(p))
			return nil
		})
		if err != nil {
			return err
		}
	}
	raw, err := gather(e, at, int64(size))
	if err != nil {
		return err
	}
	if sum := crc32.ChecksumIEEE(raw); sum != crc {
		e.R.GoodUntil = startSize
		return cursor.Corrupt("header", at, fmt.Sprintf("CRC-32 %08x", crc), fmt.Sprintf("%08x", sum))
	}
	w := &walker{e: e}
	h, err := w.header(raw, at)
	if err != nil {
		if errors.Is(err, errLocked) {
			return e.Report(filetype.Encrypted, e.Want, filetype.Locked(format, "its list of members is encrypted"))
		}
		var n notUndone
		if errors.As(err, &n) {
			return e.Report(filetype.Unknown, e.Want, filetype.NotChecked(format, string(n)))
		}
		return err
	}
	w.describe(&h)
	if e.Listing {
		return nil
	}
	return w.judge(&h.streams, at)
}

// gather reads n bytes at off, of which there are at most maxHeader.
func gather(e *exam.Exam, off, n int64) ([]byte, error) {
	var out []byte
	err := e.Each(block.Extent{Offset: off, Length: n}, "the header", func(p []byte) error {
		out = append(out, p...)
		return nil
	})
	return out, err
}

// header parses the header, unpacking it as often as it is packed.
func (w *walker) header(raw []byte, at int64) (header, error) {
	for range 4 {
		if len(raw) == 0 || raw[0] != idEncodedHeader {
			return parseHeader(raw, at)
		}
		s, err := parseEncoded(raw, at)
		if err != nil {
			return header{}, err
		}
		f := &s.folders[0]
		if err := f.supported(); err != nil {
			return header{}, err
		}
		if f.content() > maxHeader {
			return header{}, notUndone(fmt.Sprintf("its header unpacks to %d bytes", f.content()))
		}
		var out []byte
		if err := w.folder(f, s.extents(0), func(p []byte) { out = append(out, p...) }); err != nil {
			return header{}, err
		}
		if sum := crc32.ChecksumIEEE(out); !f.crc.defined || sum != f.crc.sum {
			return header{}, cursor.Corrupt("packed header", startSize+s.pos, fmt.Sprintf("CRC-32 %08x", f.crc.sum), fmt.Sprintf("%08x", sum))
		}
		if !f.stored() {
			w.doubt()
		}
		raw = out
	}
	return header{}, cursor.Corrupt("header", at, "a header", "one packed again and again")
}

// extents returns where the packed streams of folder i stand.
func (s *streams) extents(i int) []block.Extent {
	off, n := startSize+s.pos, 0
	var out []block.Extent
	for j := range s.folders[:i+1] {
		for range s.folders[j].packed {
			if j == i {
				out = append(out, block.Extent{Offset: off, Length: s.packed[n]})
			}
			off += s.packed[n]
			n++
		}
	}
	return out
}

func (w *walker) doubt() { w.loose = "its packed form" }

// folder unpacks f and gives the content to see.
func (w *walker) folder(f *folder, at []block.Extent, see func(p []byte)) error {
	e := w.e
	for _, x := range at {
		if !x.Valid() || x.End() > e.Want {
			return cursor.Corrupt("header: packed stream", x.Offset, fmt.Sprintf("one that ends before %d", e.Want), x)
		}
		w.covered.Add(x)
	}
	start := at[0].Offset
	// Streams that are read in turns need a window each.
	var src []*window.Reader
	var packed []io.Reader
	for _, x := range at {
		r := window.New(e.Context(), e.Source(), 64<<10).Reader(x)
		src, packed = append(src, r), append(packed, r)
	}
	wrong := func(err error) error {
		for i, r := range src {
			if r.Err() != nil {
				return e.Lost(r.Offset(), at[i].End(), "packed content", r.Err())
			}
		}
		var n notUndone
		if errors.As(err, &n) {
			return n
		}
		return cursor.Corrupt("packed content", start, "content that unpacks", err)
	}
	r, err := f.open(packed)
	if err != nil {
		return wrong(err)
	}
	buf := make([]byte, 64<<10)
	var got int64
	for {
		n, err := r.Read(buf)
		if cerr := e.Context().Err(); cerr != nil {
			return cerr
		}
		got += int64(n)
		see(buf[:n])
		if err == io.EOF || err == nil && got >= f.content() {
			break
		}
		if err != nil {
			return wrong(err)
		}
	}
	if got != f.content() {
		return wrong(fmt.Errorf("%d of %d bytes", got, f.content()))
	}
	return nil
}

// judge unpacks all members.
func (w *walker) judge(s *streams, header int64) error {
	e := w.e
	for i := range s.folders {
		w.all += int64(len(s.folders[i].streams))
	}
	good := header
	for i := range s.folders {
		f := &s.folders[i]
		at := s.extents(i)
		switch err := f.supported(); {
		case errors.Is(err, errLocked):
			return e.Report(filetype.Encrypted, e.Want, filetype.Locked(format, "its members are encrypted"))
		case err != nil:
			w.undone = err.Error()
			for _, x := range at {
				w.covered.Add(x)
			}
			continue
		}
		if w.content += f.content(); w.content > maxContent {
			return e.Report(filetype.Unknown, e.Want, filetype.NotChecked(format, fmt.Sprintf("more than %d bytes of content", int64(maxContent))))
		}
		if !f.stored() {
			w.doubt()
		}
		err := w.members(f, at)
		var n notUndone
		if errors.As(err, &n) {
			w.undone = string(n)
			continue
		}
		if _, broken := cursor.IsCorrupt(err); broken {
			if w.failed == nil {
				w.failed = err
			}
			good = min(good, at[0].Offset)
			continue
		}
		if err != nil {
			e.Units(w.done, w.all, "members")
			return err
		}
	}
	e.Units(w.done, w.all, "members")
	if w.failed != nil {
		e.R.GoodUntil = good
		return w.failed
	}
	if w.undone != "" {
		return e.Report(filetype.Unknown, e.Want, filetype.NotChecked(format, w.undone))
	}
	if w.loose == "" && !w.covered.Contains(block.Between(startSize, header)) {
		w.loose = "what stands between its members"
	}
	if w.loose != "" {
		return e.Whole(filetype.Consistent, e.Want, filetype.PartlyChecked(format, fmt.Sprintf("the content of all %d members", w.all), w.loose))
	}
	return e.Whole(filetype.Proven, e.Want)
}

// members unpacks the members of a folder and compares their sums.
func (w *walker) members(f *folder, at []block.Extent) error {
	i, left := 0, int64(0)
	sum := uint32(0)
	var bad error
	begin := func() {
		for i < len(f.streams) && f.streams[i].size == 0 {
			w.done++
			i++
		}
		if i < len(f.streams) {
			left, sum = f.streams[i].size, 0
		}
	}
	begin()
	err := w.folder(f, at, func(p []byte) {
		for len(p) > 0 && i < len(f.streams) {
			n := min(left, int64(len(p)))
			sum = crc32.Update(sum, crc32.IEEETable, p[:n])
			p, left = p[n:], left-n
			if left > 0 {
				return
			}
			switch d := f.streams[i].crc; {
			case !d.defined:
				w.loose = "a member"
				w.done++
			case d.sum == sum:
				w.done++
			case bad == nil:
				bad = cursor.Corrupt(fmt.Sprintf("member %d", i+1), at[0].Offset, fmt.Sprintf("CRC-32 %08x", d.sum), fmt.Sprintf("%08x", sum))
			}
			i++
			begin()
		}
	})
	if err != nil {
		return err
	}
	return bad
}

// describe says what the archive holds.
func (w *walker) describe(h *header) {
	var sizes []int64
	for i := range h.streams.folders {
		for _, s := range h.streams.folders[i].streams {
			sizes = append(sizes, s.size)
		}
	}
	for _, m := range h.members {
		size, note := int64(0), ""
		if !m.empty && len(sizes) > 0 {
			size, sizes = sizes[0], sizes[1:]
		}
		w.e.Member(m.name, size, note)
	}
	for _, m := range h.members {
		if !m.empty || len(h.members) == 1 {
			w.e.R.Hints.Title = exif.Text(m.name)
			w.e.R.Hints.Taken = m.modified
			break
		}
	}
}
