package jpeg

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exif"
	"salvor/finding"
)

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{badSegment, badScan, part, missingPart, unchecked, coarse, otherPicture, tooManyScans}

var (
	badSegment = &finding.Def{Code: "jpeg.segment", Severity: finding.Error,
		Text: "the JPEG breaks at {offset}, in its {structure}: expected {expected}, found {found}"}
	badScan = &finding.Def{Code: "jpeg.scan", Severity: finding.Error,
		Text: "the pixels of the JPEG break at {offset}: expected {expected}, found {found}"}
	part = &finding.Def{Code: "jpeg.part", Severity: finding.Error,
		Text: "the upper {percent} % of the picture (scan {scan}) are good"}
	missingPart = &finding.Def{Code: "jpeg.missing-part", Severity: finding.Error,
		Text: "the JPEG ends at {offset} and lacks {expected}"}
	unchecked = &finding.Def{Code: "jpeg.unchecked", Severity: finding.Info,
		Text: "a JPEG of a kind whose pixels are not checked: {found}"}
	coarse = &finding.Def{Code: "jpeg.coarse", Severity: finding.Warning,
		Text: "the progressive JPEG ends before its finest details are sent"}
	otherPicture = &finding.Def{Code: "jpeg.other-picture", Severity: finding.Warning,
		Text: "picture {number} of the file, announced at {offset}, is not a whole JPEG"}
	tooManyScans = &finding.Def{Code: "jpeg.scans", Severity: finding.Warning,
		Text: "more than {expected} scans; the rest is not checked"}
)

const (
	// maxScans is the most scans that are decoded. Encoders make about ten; each costs a pass.
	maxScans = 500
	// maxBlocks is the most blocks of a progressive picture, whose coefficients need 8 bytes for each: 100
	// megapixels in three full colours.
	maxBlocks = 100e6 * 3 / 64
	// maxFill is the most fill bytes before a marker.
	maxFill = 4096
)

// Formats returns the row of this package.
func Formats() []filetype.Format {
	start := func(id string, next, mask byte) probe.Probe {
		return probe.Probe{ID: "jpeg." + id, Bytes: []byte{0xFF, mSOI, 0xFF, next}, Mask: []byte{0xFF, 0xFF, 0xFF, mask}}
	}
	return []filetype.Format{{
		Name:       "jpeg",
		Class:      filetype.Photo,
		Extensions: []string{"jpg", "jpeg", "jpe", "jfif", "mpo"},
		Signatures: []probe.Probe{
			start("app", mAPP0, 0xF0),
			start("quantization", mDQT, 0xFF),
			start("frame", mSOF0, 0xF0),
			start("restart", mDRI, 0xFF),
			start("comment", mCOM, 0xFF),
		},
		Ceiling: filetype.Consistent, // no checksum anywhere in the format
		Carve:   true,
		Examine: Examine,
		Scout:   Scout,

		Preview:   preview,
		Thumbnail: thumbnail,
	}}
}

// walker goes through the segments of one picture.
type walker struct {
	ctx     context.Context
	src     block.Source
	s       *filetype.Stream
	r       filetype.Report
	f       *frame
	quant   [4]*[64]uint16
	dc, ac  [4]*table
	restart int
	current *scan // of the last SOS segment
	scans   int
	known   bool  // a segment that only a JPEG has was read
	blind   int64 // where the first scan begins that is not decoded; 0 for none
	why     string
	index   []picture // further pictures of the file
	notes   []finding.Finding
	keep    func(filetype.Mark) // of a scout; nil otherwise
}

// Examine judges the picture that begins at offset 0 of src.
func Examine(ctx context.Context, src block.Source) (filetype.Report, error) {
	return examine(ctx, src, true)
}

func examine(ctx context.Context, src block.Source, first bool) (filetype.Report, error) {
	w := &walker{ctx: ctx, src: src, s: filetype.NewStream(ctx, src, 0)}
	p, err := w.s.Peek(3)
	if len(p) < 3 || p[0] != 0xFF || p[1] != mSOI || p[2] != 0xFF {
		if err != nil && ctx.Err() != nil {
			return filetype.Report{}, ctx.Err()
		}
		return filetype.Report{}, filetype.ErrNot
	}
	w.s.Discard(2)
	w.r.GoodUntil = 2
	for {
		done, err := w.segment()
		if err != nil {
			return w.settle(err)
		}
		if done {
			break
		}
	}
	if err := w.finish(); err != nil {
		return w.settle(err)
	}
	if first && w.r.Verdict == filetype.Consistent {
		if err := w.others(); err != nil {
			return filetype.Report{}, err
		}
	}
	w.r.Findings = append(w.r.Findings, w.notes...)
	return w.r, nil
}

// cutError says that the source could not give what stands at off.
type cutError struct {
	off, need int64
	expected  string
	err       error
}

func (e *cutError) Error() string { return fmt.Sprintf("jpeg: %s: %v", e.expected, e.err) }

// settle turns what ended the walk into a report.
func (w *walker) settle(err error) (filetype.Report, error) {
	if w.ctx.Err() != nil {
		return filetype.Report{}, w.ctx.Err()
	}
	var cut *cutError
	if errors.As(err, &cut) {
		if !w.known {
			if _, unread := block.IsUnreadable(cut.err); !unread {
				return filetype.Report{}, filetype.ErrNot
			}
		}
		err := filetype.Stopped(w.src, &w.r, "JPEG", cut.off, cut.need, cut.expected, cut.err)
		w.r.Findings = append(w.r.Findings, w.notes...)
		filetype.TellPart(&w.r, "JPEG", part)
		return w.r, err
	}
	if c, ok := cursor.IsCorrupt(err); ok {
		if !w.known {
			return filetype.Report{}, filetype.ErrNot
		}
		def := badSegment
		if c.Structure == "scan" {
			def = badScan
		}
		w.r.Verdict = filetype.Damaged
		w.r.GoodUntil = min(w.r.GoodUntil, max(c.Offset, 0))
		w.r.Size = w.r.GoodUntil
		w.r.Findings = append([]finding.Finding{def.New(finding.At(c.Offset, 0), finding.Arg("structure", c.Structure),
			finding.Expected(c.Expected, c.Found))}, append(w.r.Findings, w.notes...)...)
		filetype.TellPart(&w.r, "JPEG", part)
		return w.r, nil
	}
	return filetype.Report{}, err
}

// segment reads one marker with what belongs to it. done says that it was the end of the picture.
func (w *walker) segment() (done bool, err error) {
	fill := 0
	var p []byte
	for {
		if p, err = w.s.Peek(2); err != nil {
			return false, &cutError{w.s.Offset() + int64(len(p)), w.s.Offset() + 2, "a marker", err}
		}
		if p[0] != 0xFF || p[1] != 0xFF || fill == maxFill {
			break
		}
		w.s.Discard(1)
		fill++
	}
	off, m := w.s.Offset(), p[1]
	switch {
	case p[0] != 0xFF || m == 0 || m == 0xFF:
		return false, cursor.Corrupt("markers", off, "a marker", fmt.Sprintf("% x", p))
	case m == mEOI:
		w.s.Discard(2)
		return true, nil
	case m == mTEM:
		w.s.Discard(2)
		w.r.GoodUntil = w.s.Offset()
		return false, nil
	case isRestart(m) || m == mSOI || m < mSOF0:
		return false, cursor.Corrupt("markers", off, "a segment", fmt.Sprintf("FF%02X", m))
	}
	if p, err = w.s.Peek(4); err != nil {
		return false, &cutError{off + int64(len(p)), off + 4, "a segment", err}
	}
	n := int(p[2])<<8 | int(p[3])
	if n < 2 {
		return false, cursor.Corrupt("markers", off+2, "a length of at least 2", n)
	}
	if p, err = w.s.Peek(2 + n); err != nil {
		if len(p) >= 9 && identified(m, p[4:]) {
			w.known = true
		}
		return false, &cutError{off + int64(len(p)), off + 2 + int64(n) + 2, "the rest of a segment", err}
	}
	if err := w.take(m, off+4, p[4:]); err != nil {
		return false, err
	}
	w.s.Discard(2 + n)
	w.r.GoodUntil = w.s.Offset()
	if m == mSOS {
		return false, w.nextScan()
	}
	return false, nil
}

// identified reports whether an application segment carries a name that only pictures carry.
func identified(m byte, p []byte) bool {
	var names []string
	switch m {
	case mAPP0:
		names = []string{"JFIF\x00", "JFXX\x00", "AVI1"}
	case mAPP1:
		names = []string{"Exif\x00", "http:"}
	case mAPP2:
		names = []string{"ICC_P", "MPF\x00"}
	case 0xEE:
		names = []string{"Adobe"}
	}
	for _, n := range names {
		if bytes.HasPrefix(p, []byte(n)) {
			return true
		}
	}
	return false
}

// take looks at the data of a segment, which stands at off.
func (w *walker) take(m byte, off int64, p []byte) (err error) {
	switch {
	case m == mDQT:
		if err = parseQuant(off, p, &w.quant); err == nil && len(p) >= 65 {
			w.known = true
		}
	case m == mDHT:
		if err = parseHuffman(off, p, &w.dc, &w.ac); err == nil && len(p) > 17 {
			w.known = true
		}
	case m == mDRI:
		w.restart, err = parseRestart(off, p)
	case isFrame(m):
		if w.f != nil && w.f.marker == mDHP {
			return nil // a frame of a hierarchical picture, of which there are several
		}
		if w.f != nil {
			return cursor.Corrupt("markers", off, "one frame", "another")
		}
		if w.f, err = parseFrame(m, off, p); err == nil {
			w.known = true
			if !w.f.decodable() {
				w.why = w.f.kind()
			}
		}
	case m == mSOS && w.f != nil && w.why == "":
		w.current, err = parseScan(w.f, off, p)
		if err == nil && w.f.progressive() && w.f.blocks() > maxBlocks {
			w.why = "progressive, of more pixels than are followed"
		}
	case m == mDHP:
		w.known = true
		w.why = "hierarchical"
		w.f = &frame{marker: m}
	case m == mDNL:
		if len(p) != 2 {
			return cursor.Corrupt("number of lines", off, "2 bytes", len(p))
		}
	case m == mAPP1 && bytes.HasPrefix(p, []byte("Exif\x00\x00")):
		w.known = true
		w.r.Hints = exif.Hints(p[6:])
	case m == mAPP2 && bytes.HasPrefix(p, []byte("MPF\x00")):
		w.known = true
		w.index = parseIndex(off+4, p[4:])
	default:
		w.known = w.known || identified(m, p)
	}
	return err
}

// nextScan judges the scan whose SOS segment was just read.
func (w *walker) nextScan() error {
	start := w.s.Offset()
	if w.f == nil {
		return cursor.Corrupt("markers", start, "a frame before the scan", "none")
	}
	w.scans++
	switch {
	case w.why != "":
	case w.scans > maxScans:
		w.why = "more scans than any encoder makes"
		w.notes = append(w.notes, tooManyScans.New(finding.At(start, 0), finding.Expected(maxScans, nil)))
	default:
		return w.decodeScan()
	}
	if w.blind == 0 {
		w.blind = start
	}
	return w.passScan()
}

// decodeScan decodes the data of the current scan, at which the stream stands.
func (w *walker) decodeScan() error {
	start := w.s.Offset()
	d := &decoder{ctx: w.ctx, f: w.f, s: w.current, dc: w.dc, ac: w.ac, restart: w.restart}
	d.b.open(w.s)
	for i, c := range d.s.c {
		if d.s.ss == 0 && d.s.ah == 0 {
			c.quant = w.quant[c.tq]
			if c.quant == nil || d.dc[d.s.dc[i]] == nil {
				return cursor.Corrupt("markers", start, "the tables of component", c.id)
			}
		}
		if (!w.f.progressive() || d.s.ss > 0) && d.ac[d.s.ac[i]] == nil {
			return cursor.Corrupt("markers", start, "the Huffman table of component", c.id)
		}
	}
	w.watch(d)
	return w.finishScan(d)
}

// finishScan decodes what is left of a scan.
func (w *walker) finishScan(d *decoder) error {
	err := d.run()
	if w.r.GoodUntil = max(w.r.GoodUntil, min(d.good, w.src.Size())); err != nil {
		if w.ctx.Err() != nil {
			return w.ctx.Err()
		}
		if d.rows > 0 && w.f.height > 0 {
			w.notes = append([]finding.Finding{part.New(finding.Arg("percent", 100*d.row/d.rows), finding.Arg("scan", w.scans))}, w.notes...)
		}
		if err == errSource {
			at := w.s.Offset() + int64(len(d.b.p))
			return &cutError{at, at + 2, "more pixels", d.b.err}
		}
		return err
	}
	if w.f.height == 0 {
		if err := w.lateLines(d.row); err != nil {
			return err
		}
	}
	return w.scanned(d.s)
}

// scanned notes what a scan has added, and makes room for the coefficients of a progressive picture, whose
// blocks the data has shown to be there.
func (w *walker) scanned(s *scan) error {
	for _, c := range s.c {
		if s.ss == 0 {
			c.coded = true
		}
		if !w.f.progressive() {
			continue
		}
		for k := s.ss; k <= s.se; k++ {
			c.bits[k] = int8(s.al)
		}
		if c.nonzero == nil {
			c.nonzero = make([]uint64, c.stride*c.rows)
		}
	}
	return nil
}

// lateLines reads the DNL segment behind the first scan, which had rows rows of MCUs.
func (w *walker) lateLines(rows int) error {
	off := w.s.Offset()
	p, err := w.s.Peek(6)
	if err != nil {
		return &cutError{off + int64(len(p)), off + 8, "the number of lines", err}
	}
	lines := int(p[4])<<8 | int(p[5])
	if p[1] != mDNL || lines == 0 {
		return cursor.Corrupt("markers", off, "the number of lines", fmt.Sprintf("% x", p))
	}
	w.f.setHeight(lines)
	_, down := w.f.mcus()
	if len(w.current.c) == 1 {
		down = w.current.c[0].height
	}
	if down != rows {
		return cursor.Corrupt("number of lines", off+4, fmt.Sprintf("%d rows of blocks", rows), fmt.Sprintf("%d", down))
	}
	return nil
}

// passScan reads over entropy-coded data up to the marker behind it.
func (w *walker) passScan() error {
	for {
		p, err := w.s.Window()
		if err != nil {
			return &cutError{w.s.Offset(), w.s.Offset() + 2, "more pixels", err}
		}
		i := bytes.IndexByte(p, 0xFF)
		if i < 0 {
			w.s.Discard(len(p))
			continue
		}
		w.s.Discard(i)
		if p, err = w.s.Peek(2); err != nil {
			return &cutError{w.s.Offset() + int64(len(p)), w.s.Offset() + 2, "more pixels", err}
		}
		switch {
		case p[1] == 0 || isRestart(p[1]):
			w.s.Discard(2)
		case p[1] == 0xFF:
			w.s.Discard(1)
		default:
			return nil
		}
	}
}

// finish judges the picture as a whole, at its end.
func (w *walker) finish() error {
	end := w.s.Offset()
	if w.f == nil || w.scans == 0 {
		return cursor.Corrupt("markers", end-2, "a picture", "the end")
	}
	w.r.Size = end
	if w.blind > 0 {
		w.r.Verdict = filetype.Unknown
		w.r.GoodUntil = w.blind
		w.r.Findings = append(w.r.Findings, unchecked.New(finding.At(w.blind, 0), finding.Expected(nil, w.why)))
		return nil
	}
	full := true
	for i := range w.f.c {
		c := &w.f.c[i]
		if !c.coded {
			return cursor.Corrupt("markers", end-2, fmt.Sprintf("a scan of component %d", c.id), "the end")
		}
		for _, b := range c.bits {
			full = full && (b == 0 || !w.f.progressive())
		}
	}
	if !full {
		w.notes = append(w.notes, coarse.New(finding.At(end-2, 0)))
	}
	w.r.Verdict, w.r.GoodUntil = filetype.Consistent, end
	w.r.Findings = append(w.r.Findings, filetype.NoProof.New(finding.Arg("format", "JPEG")))
	return nil
}
