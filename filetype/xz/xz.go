package xz

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"

	"github.com/ulikunitz/xz/lzma"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
)

const (
	magic       = "\xFD7zXZ\x00"
	headerSize  = 12
	footerMagic = "YZ"
	// maxContent is the most content that is unpacked, in bytes.
	maxContent = 32 << 30
	// maxDict is the largest dictionary that is made, in bytes.
	maxDict = 64 << 20
	// maxBlocks is how many blocks of a stream are followed.
	maxBlocks = 1 << 20
	lzma2     = 0x21
)

// checkSize is the size of the check of each kind, in bytes; 255 are not defined.
var checkSize = [16]int{0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64}

var kind = exam.Kind{Format: "xz file", Buffer: 256 << 10, Walk: walk}

// Formats returns the row of this package.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name:       "xz",
		Class:      filetype.Archive,
		Extensions: []string{"xz", "txz"},
		Signatures: []probe.Probe{{ID: "xz.stream", Bytes: []byte(magic + "\x00"), At: 0}},
		Ceiling:    filetype.Proven, // checks over headers, index, footer and content, and over each chunk
		Carve:      true,
		Examine:    kind.Examine,
		Scout:      Scout,
		Tells:      true,
		Preview:    kind.Preview,
	}}
}

// record is what the index says of a block.
type record struct{ unpadded, content int64 }

// walker goes through the streams of one file.
type walker struct {
	e       *exam.Exam
	flags   byte // kind of check of the stream
	records []record
	blocks  int64
	content int64
	head    []byte
	loose   string // why the file is not Proven, "" for no reason
	heads   bool   // nothing is unpacked
}

func walk(e *exam.Exam) error {
	p, err := e.Head(headerSize)
	if err != nil {
		return err
	}
	if len(p) < 8 || string(p[:6]) != magic {
		return filetype.ErrNot
	}
	w := &walker{e: e}
	for off := int64(0); ; {
		if off, err = w.stream(off); err != nil {
			w.describe()
			if err == errListed {
				return nil
			}
			if t, ok := err.(tooMuch); ok {
				return e.Report(filetype.Unknown, max(off, e.R.GoodUntil), filetype.NotChecked("xz file", string(t)))
			}
			return err
		}
		e.R.GoodUntil = off
		p, err := e.Upto(off, len(magic))
		if e.Context().Err() != nil {
			return e.Context().Err()
		}
		if len(p) >= len(magic) && string(p[:len(magic)]) == magic {
			continue
		}
		if _, unread := block.IsUnreadable(err); unread && off < e.Size() {
			return e.Lost(off+int64(len(p)), off+headerSize, "the end of the file or another stream", err)
		}
		break
	}
	w.describe()
	if w.loose != "" {
		return e.Whole(filetype.Consistent, e.R.GoodUntil, filetype.PartlyChecked("xz file", "the structure", w.loose))
	}
	return e.Whole(filetype.Proven, e.R.GoodUntil)
}

// tooMuch is content that is not unpacked, and why.
type tooMuch string

func (t tooMuch) Error() string { return string(t) }

var errListed = fmt.Errorf("xz: enough is known for a preview")

// stream judges the stream that begins at off and returns its end.
func (w *walker) stream(off int64) (int64, error) {
	e := w.e
	p, err := e.Need(off, headerSize, "the header of a stream")
	if err != nil {
		return off, err
	}
	if sum := crc32.ChecksumIEEE(p[6:8]); sum != binary.LittleEndian.Uint32(p[8:]) {
		return off, wrongSum("header of the stream", off, binary.LittleEndian.Uint32(p[8:]), sum)
	}
	if p[6] != 0 || p[7]&0xF0 != 0 {
		return off, cursor.Corrupt("header of the stream", off+6, "flags that are known", fmt.Sprintf("%02x %02x", p[6], p[7]))
	}
	w.flags = p[7]
	w.records = w.records[:0]
	start := off
	off += headerSize
	for {
		p, err := e.Need(off, 1, "a block or the index")
		if err != nil {
			return off, err
		}
		if p[0] == 0 {
			break
		}
		if len(w.records) == maxBlocks {
			return off, tooMuch(fmt.Sprintf("more than %d blocks", maxBlocks))
		}
		if off, err = w.block(off, int(p[0])*4+4); err != nil {
			return off, err
		}
		w.blocks++
		e.R.GoodUntil = off
		e.Units(w.blocks, 0, "blocks")
	}
	index := off
	if off, err = w.index(off); err != nil {
		return off, err
	}
	if p, err = e.Need(off, headerSize, "the footer of the stream"); err != nil {
		return off, err
	}
	size := off - index
	switch sum := crc32.ChecksumIEEE(p[4:10]); {
	case string(p[10:]) != footerMagic:
		return off, cursor.Corrupt("footer of the stream", off+10, footerMagic, fmt.Sprintf("%q", p[10:]))
	case sum != binary.LittleEndian.Uint32(p):
		return off, wrongSum("footer of the stream", off, binary.LittleEndian.Uint32(p), sum)
	case p[8] != 0 || p[9] != w.flags:
		return off, cursor.Corrupt("footer of the stream", off+8, fmt.Sprintf("flags 00 %02x as in the header at %d", w.flags, start), fmt.Sprintf("%02x %02x", p[8], p[9]))
	case (int64(binary.LittleEndian.Uint32(p[4:]))+1)*4 != size:
		return off, cursor.Corrupt("footer of the stream", off+4, fmt.Sprintf("an index of %d bytes", size), (int64(binary.LittleEndian.Uint32(p[4:]))+1)*4)
	}
	return off + headerSize, nil
}

func wrongSum(structure string, off int64, stored, computed uint32) error {
	return cursor.Corrupt(structure, off, fmt.Sprintf("CRC-32 %08x", stored), fmt.Sprintf("%08x", computed))
}

// multibyte reads a number of 7 bits a byte from p; n is 0 when there is none.
func multibyte(p []byte) (v int64, n int) {
	for i, c := range p {
		if i == 9 || i > 0 && c == 0 {
			return 0, 0
		}
		v |= int64(c&0x7F) << (7 * i)
		if c&0x80 == 0 {
			return v, i + 1
		}
	}
	return 0, 0
}

// blockHeader is what a block says before its content; -1 where a size is not told.
type blockHeader struct {
	packed, content int64
	dict            int64
	filtered        bool // other filters stand before LZMA2
}

// parseBlockHeader parses a whole header, which stands at off.
func parseBlockHeader(p []byte, off int64) (h blockHeader, err error) {
	h = blockHeader{packed: -1, content: -1}
	end := len(p) - 4
	if sum := crc32.ChecksumIEEE(p[:end]); sum != binary.LittleEndian.Uint32(p[end:]) {
		return h, wrongSum("header of the block", off, binary.LittleEndian.Uint32(p[end:]), sum)
	}
	bad := func(expected string, found any) (blockHeader, error) {
		return h, cursor.Corrupt("header of the block", off, expected, found)
	}
	flags := p[1]
	if flags&0x3C != 0 {
		return bad("flags that are known", fmt.Sprintf("%02x", flags))
	}
	rest := p[2:end]
	for _, f := range []struct {
		bit byte
		to  *int64
	}{{0x40, &h.packed}, {0x80, &h.content}} {
		if flags&f.bit == 0 {
			continue
		}
		v, n := multibyte(rest)
		if n == 0 {
			return bad("a size", "none")
		}
		*f.to = v
		rest = rest[n:]
	}
	for i := range int(flags&3) + 1 {
		id, n := multibyte(rest)
		if n == 0 || n >= len(rest) {
			return bad("a filter", "none")
		}
		rest = rest[n:]
		size, n := multibyte(rest)
		if n == 0 || size > int64(len(rest)-n) {
			return bad("the properties of a filter", "none")
		}
		props := rest[n : n+int(size)]
		rest = rest[n+int(size):]
		last := i == int(flags&3)
		if (id == lzma2) != last {
			return bad("LZMA2 as the last filter", fmt.Sprintf("filter %#x", id))
		}
		if !last {
			h.filtered = true
			continue
		}
		if size != 1 || props[0] > 40 {
			return bad("the size of a dictionary", fmt.Sprintf("%x", props))
		}
		h.dict = 1<<32 - 1
		if props[0] < 40 {
			h.dict = int64(2|props[0]&1) << (props[0]/2 + 11)
		}
	}
	for _, c := range rest {
		if c != 0 {
			return bad("zeros behind the filters", c)
		}
	}
	return h, nil
}

// block judges a block and returns its end.
func (w *walker) block(off int64, size int) (int64, error) {
	e := w.e
	p, err := e.Need(off, size, "the header of a block")
	if err != nil {
		return off, err
	}
	h, err := parseBlockHeader(p, off)
	if err != nil {
		return off, err
	}
	start := off + int64(size)
	next, err := w.chunks(off, start, size, &h)
	if _, corrupt := cursor.IsCorrupt(err); corrupt && !h.filtered && !w.heads && !e.Listing {
		// The chunks before are whole.
		e.R.GoodUntil = w.remains(start, h.dict)
	}
	return next, err
}

// chunks judges the content of the block at off, whose header has size bytes, and returns where the block ends.
func (w *walker) chunks(off, start int64, size int, h *blockHeader) (int64, error) {
	e := w.e
	end, content, forced, err := chunks(e, start, w.heads)
	if err != nil {
		return off, err
	}
	switch {
	case h.packed >= 0 && h.packed != end-start:
		return off, cursor.Corrupt("block", off, fmt.Sprintf("%d packed bytes", h.packed), end-start)
	case h.content >= 0 && h.content != content:
		return off, cursor.Corrupt("block", off, fmt.Sprintf("%d bytes of content", h.content), content)
	}
	pad := int(-(end - start) & 3)
	n := checkSize[w.flags]
	p, err := e.Copy(end, pad+n, "the check of a block")
	if err != nil {
		return off, err
	}
	for _, c := range p[:pad] {
		if c != 0 {
			return off, cursor.Corrupt("block", end, "zeros behind the packed bytes", c)
		}
	}
	w.records = append(w.records, record{int64(size) + end - start + int64(n), content})
	next := end + int64(pad+n)
	if w.heads {
		return next, nil
	}
	if !forced {
		w.doubt("the choice of the packed form")
	}
	if h.filtered {
		w.doubt("the content behind a filter")
		return next, nil
	}
	if e.Listing && w.content > 0 {
		return next, errListed
	}
	if w.content += content; w.content > maxContent {
		return off, tooMuch(fmt.Sprintf("more than %d bytes of content", int64(maxContent)))
	}
	dict := max(min(h.dict, content), lzma.MinDictCap)
	if dict > maxDict {
		return off, tooMuch(fmt.Sprintf("unpacking needs %d bytes of memory", dict))
	}
	return next, w.unpack(start, end, content, int(dict), p[pad:])
}

// doubt notes the first reason why the file is not Proven.
func (w *walker) doubt(why string) {
	if w.loose == "" {
		w.loose = why
	}
}

// unpack unpacks the chunks between start and end, and compares the check.
func (w *walker) unpack(start, end, content int64, dict int, check []byte) error {
	e := w.e
	var sum hash.Hash
	switch w.flags {
	case 1:
		sum = crc32.NewIEEE()
	case 4:
		sum = crc64.New(crc64.MakeTable(crc64.ECMA))
	case 10:
		sum = sha256.New()
	}
	if w.flags == 0 || sum == nil {
		w.doubt("the content")
	}
	r := e.Reader(block.Between(start, end))
	wrong := func(expected string, found any) error {
		if r.Err() != nil {
			return e.Lost(r.Offset(), end, "the packed content", r.Err())
		}
		return cursor.Corrupt(fmt.Sprintf("block %d", w.blocks+1), max(start, min(r.Offset(), end)), expected, found)
	}
	z, err := lzma.Reader2Config{DictCap: dict}.NewReader2(r)
	if err != nil {
		return wrong("content that unpacks", err)
	}
	buf := make([]byte, 64<<10)
	var got int64
	for {
		n, err := z.Read(buf)
		if cerr := e.Context().Err(); cerr != nil {
			return cerr
		}
		if got += int64(n); got > content {
			return wrong(fmt.Sprintf("%d bytes of content", content), "more")
		}
		if sum != nil {
			sum.Write(buf[:n])
		}
		if len(w.head) < 8<<10 {
			w.head = append(w.head, buf[:min(n, 8<<10-len(w.head))]...)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return wrong("content that unpacks", err)
		}
		if e.Listing && len(w.head) >= 8<<10 {
			return errListed
		}
	}
	if got != content || !z.EOS() || r.Offset() != end {
		return wrong(fmt.Sprintf("%d bytes of content", content), got)
	}
	if sum == nil {
		return nil
	}
	computed := sum.Sum(nil)
	if w.flags != 10 { // CRCs are stored with the low byte first
		for i, j := 0, len(computed)-1; i < j; i, j = i+1, j-1 {
			computed[i], computed[j] = computed[j], computed[i]
		}
	}
	if string(computed) != string(check) {
		return wrong(fmt.Sprintf("the check %x", check), fmt.Sprintf("%x", computed))
	}
	return nil
}

// index compares the index that begins at off with the blocks, and returns its end.
func (w *walker) index(off int64) (int64, error) {
	e := w.e
	sum := crc32.NewIEEE()
	at := off + 1
	sum.Write([]byte{0})
	number := func() (int64, error) {
		p, err := e.Upto(at, 9)
		v, n := multibyte(p[:min(len(p), 9)])
		if n == 0 {
			if err != nil && len(p) < 9 {
				return 0, e.Lost(at+int64(len(p)), at+int64(len(p))+1, "the index", err)
			}
			return 0, cursor.Corrupt("index", at, "a number", fmt.Sprintf("%x", p[:min(len(p), 9)]))
		}
		sum.Write(p[:n])
		at += int64(n)
		return v, nil
	}
	n, err := number()
	if err != nil {
		return off, err
	}
	if n != int64(len(w.records)) {
		return off, cursor.Corrupt("index", off+1, fmt.Sprintf("%d blocks", len(w.records)), n)
	}
	for _, r := range w.records {
		place := at
		unpadded, err := number()
		if err != nil {
			return off, err
		}
		content, err := number()
		if err != nil {
			return off, err
		}
		if unpadded != r.unpadded || content != r.content {
			return off, cursor.Corrupt("index", place, fmt.Sprintf("%d and %d bytes", r.unpadded, r.content), fmt.Sprintf("%d and %d", unpadded, content))
		}
	}
	pad := int(-(at - off) & 3)
	p, err := e.Need(at, pad+4, "the end of the index")
	if err != nil {
		return off, err
	}
	for _, c := range p[:pad] {
		if c != 0 {
			return off, cursor.Corrupt("index", at, "zeros behind the sizes", c)
		}
	}
	sum.Write(p[:pad])
	if stored := binary.LittleEndian.Uint32(p[pad:]); stored != sum.Sum32() {
		return off, wrongSum("index", off, stored, sum.Sum32())
	}
	return at + int64(pad+4), nil
}

// describe says what a person would call the file.
func (w *walker) describe() {
	w.e.Inside(w.head, "xz")
}
