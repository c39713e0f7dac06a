package png

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"salvor/block"
	"salvor/block/probe"
	"salvor/filetype"
	"salvor/finding"
)

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{badChunk, badSum, badHeader, badOrder, badPixels, partPixels, badFilter, pixelCount,
	badAnimation, extraData, unknownCritical, foreignCgBI}

var (
	badChunk = &finding.Def{Code: "png.chunk", Severity: finding.Error,
		Text: "no chunk of a PNG stands at {offset}: expected {expected}, found {found}"}
	badSum = &finding.Def{Code: "png.checksum", Severity: finding.Error,
		Text: "the {chunk} chunk at {offset} fails its CRC-32: stored {expected}, computed {found}"}
	badHeader = &finding.Def{Code: "png.header", Severity: finding.Error,
		Text: "the {chunk} chunk at {offset} holds what no PNG can: {found}, expected {expected}"}
	badOrder = &finding.Def{Code: "png.order", Severity: finding.Error,
		Text: "the {chunk} chunk at {offset} stands in a wrong place: {expected}"}
	badPixels = &finding.Def{Code: "png.pixels", Severity: finding.Error,
		Text: "the pixels break at {offset} ({found}); {rows} of {height} rows are good before it"}
	partPixels = &finding.Def{Code: "png.part", Severity: finding.Error,
		Text: "{rows} of {height} rows of the picture are there, from the top"}
	badFilter = &finding.Def{Code: "png.filter", Severity: finding.Error,
		Text: "a row of pixels has filter {found}, expected {expected}; {rows} of {height} rows are good before it"}
	pixelCount = &finding.Def{Code: "png.pixel-count", Severity: finding.Error,
		Text: "the pixels do not fill the size in the header: expected {expected} bytes, found {found}"}
	badAnimation = &finding.Def{Code: "png.animation", Severity: finding.Error,
		Text: "the animation breaks at {offset}: expected {expected}, found {found}"}
	extraData = &finding.Def{Code: "png.extra-data", Severity: finding.Warning,
		Text: "{count} bytes follow the end of the pixels inside their chunks; no reader shows them"}
	unknownCritical = &finding.Def{Code: "png.unknown-critical", Severity: finding.Warning,
		Text: "the chunk {chunk} at {offset} is needed to show the picture and is not known"}
	foreignCgBI = &finding.Def{Code: "png.cgbi", Severity: finding.Info,
		Text: "an optimized picture of an iOS program (CgBI), whose pixels are not checked"}
)

const signature = "\x89PNG\r\n\x1a\n"

// overhead is the size of a chunk without its data: length, type and CRC.
const overhead = 12

// maxNotes is the most findings that one picture raises.
const maxNotes = 16

// Formats returns the row of this package.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name:       "png",
		Class:      filetype.Photo,
		Extensions: []string{"png", "apng"},
		Signatures: []probe.Probe{{ID: "png.signature", Bytes: []byte(signature)}},
		Ceiling:    filetype.Proven, // every chunk carries a CRC-32 of its type and data
		Carve:      true,
		Single:     true,
		Examine:    Examine,
		Preview:    preview,
		Thumbnail:  shown.Thumbnail,
		Scout:      Scout,
	}}
}

// chunk is the head of one chunk.
type chunk struct {
	off    int64 // of the length field
	length int64
	kind   string
}

func (c chunk) end() int64 { return c.off + c.length + overhead }

// critical reports whether a picture cannot be shown without knowing the chunk.
func (c chunk) critical() bool { return c.kind[0]&0x20 == 0 }

// parseHead reads the head of a chunk that stands at off.
func parseHead(off int64, p []byte) (chunk, bool) {
	c := chunk{off: off, length: int64(binary.BigEndian.Uint32(p)), kind: string(p[4:8])}
	for i := range len(c.kind) {
		if l := c.kind[i] | 0x20; l < 'a' || l > 'z' {
			return c, false
		}
	}
	return c, c.length <= 1<<31-1
}

// walker goes through the chunks of one picture.
type walker struct {
	ctx    context.Context
	src    block.Source
	s      *filetype.Stream
	r      filetype.Report
	broken bool  // a contradiction or a hole was met: only the structure is followed from there on
	summed int64 // behind the last chunk whose sum is right, with all before
	noted  bool  // something keeps the picture from being Proven
	state  state
}

// errStop ends the walk; the report is complete.
var errStop = errors.New("png: the walk ends")

// Examine judges the picture that begins at offset 0 of src.
func Examine(ctx context.Context, src block.Source) (filetype.Report, error) {
	w := &walker{ctx: ctx, src: src, s: filetype.NewStream(ctx, src, 0)}
	head, err := w.s.Peek(len(signature))
	if len(head) < len(signature) || string(head) != signature {
		if err != nil && ctx.Err() != nil {
			return filetype.Report{}, ctx.Err()
		}
		return filetype.Report{}, filetype.ErrNot
	}
	w.s.Discard(len(signature))
	w.r.GoodUntil = int64(len(signature))
	w.summed = w.r.GoodUntil
	for {
		done, err := w.step()
		if err == errStop || err == nil && done {
			break
		}
		if err != nil {
			return filetype.Report{}, err
		}
	}
	filetype.TellPart(&w.r, "png", partPixels, badPixels)
	w.r.Hints = w.state.hints()
	if w.state.animated() {
		w.r.Extension = "png"
	}
	return w.r, nil
}

// step judges one chunk. Its error is errStop or that of a context.
func (w *walker) step() (done bool, err error) {
	p, err := w.s.Peek(8)
	if err != nil {
		return false, w.stopped(w.s.Offset()+int64(len(p)), w.s.Offset()+overhead, "a chunk", err)
	}
	c, ok := parseHead(w.s.Offset(), p)
	if !ok {
		w.damage(c.off, badChunk.New(finding.At(c.off, 8), finding.Expected("a length and a type of four letters", fmt.Sprintf("% x", p))))
		return false, errStop
	}
	if !w.broken {
		if f := w.state.enter(c); f != nil {
			w.damage(c.off, *f)
		}
	}
	if w.state.foreign {
		w.r.Verdict, w.r.Size = filetype.Unknown, w.r.GoodUntil
		w.r.Findings = append(w.r.Findings, foreignCgBI.New(finding.At(c.off, 0)))
		return false, errStop
	}
	w.s.Discard(8)
	switch {
	case w.broken:
		err = w.pass(c)
	case c.kind == "IDAT" || c.kind == "fdAT" && w.state.animated():
		err = w.pixels(c)
	default:
		err = w.plain(c)
	}
	if err != nil {
		return false, err
	}
	if c.kind != "IEND" {
		return false, nil
	}
	w.r.Size = c.end()
	if !w.broken {
		w.r.GoodUntil = w.r.Size
		w.r.Verdict = filetype.Proven
		if w.noted {
			w.r.Verdict = filetype.Consistent
		}
	}
	return true, nil
}

// plain reads a chunk that holds no pixels, checks its sum and takes over what it says.
func (w *walker) plain(c chunk) error {
	keep := make([]byte, 0, min(c.length, maxKept))
	sum := crc32.Update(0, crc32.IEEETable, []byte(c.kind))
	err := w.s.Skip(c.length, func(p []byte) {
		sum = crc32.Update(sum, crc32.IEEETable, p)
		keep = append(keep, p[:min(len(p), cap(keep)-len(keep))]...)
	})
	if err != nil {
		return w.interrupted(c, err)
	}
	if ok, err := w.sum(c, sum); err != nil || !ok {
		return err
	}
	f := w.state.take(c, keep)
	switch {
	case f == nil:
		w.r.GoodUntil = c.end()
	case f.Severity == finding.Error:
		w.damage(c.off, *f)
	default:
		w.note(*f)
		w.r.GoodUntil = c.end()
	}
	return nil
}

// sum reads the stored CRC of c and compares it. After a difference the walk goes on, broken.
func (w *walker) sum(c chunk, computed uint32) (bool, error) {
	p, err := w.s.Peek(4)
	if err != nil {
		return false, w.interrupted(c, err)
	}
	stored := binary.BigEndian.Uint32(p)
	w.s.Discard(4)
	if stored != computed {
		w.damage(c.off, badSum.New(finding.At(c.off, c.length+overhead), finding.Arg("chunk", c.kind),
			finding.Expected(fmt.Sprintf("%08x", stored), fmt.Sprintf("%08x", computed))))
	}
	if stored == computed && !w.broken {
		w.summed = c.end()
	}
	return stored == computed, nil
}

// pass reads over the rest of a chunk whose content no longer matters, holes included, so that the end of
// the picture is still found.
func (w *walker) pass(c chunk) error {
	for left := c.end() - w.s.Offset(); left > 0; left = c.end() - w.s.Offset() {
		err := w.s.Skip(left, nil)
		if err == nil {
			break
		}
		if err := w.interrupted(c, err); err != nil {
			return err
		}
	}
	return nil
}

// interrupted handles an error of the source inside c: behind an unreadable range the walk goes on, broken,
// up to the end of the chunk and on to the next.
func (w *walker) interrupted(c chunk, err error) error {
	at := w.s.Offset()
	need := c.end()
	if c.kind != "IEND" {
		need += overhead
	}
	u, unread := block.IsUnreadable(err)
	if stop := w.stopped(at, need, "the rest of the "+c.kind+" chunk", err); stop != errStop || !unread {
		return stop
	}
	next := at + 1
	for _, r := range u.Ranges {
		if r.Has(at) {
			next = max(next, r.End())
		}
	}
	if next >= w.src.Size() || len(w.r.Findings) >= maxNotes {
		return errStop
	}
	w.s = filetype.NewStream(w.ctx, w.src, next)
	if next > c.end() {
		return errStop // the hole reaches over the next chunk's head: nothing says where that stands
	}
	return w.pass(c)
}

// stopped records that the source could not give what stands at off. It returns errStop or the error of a
// context.
func (w *walker) stopped(off, need int64, expected string, err error) error {
	before := w.r.Verdict
	if !w.broken {
		w.r.GoodUntil = max(w.r.GoodUntil, off)
		w.r.Findings = append(w.r.Findings, w.state.progress()...)
	}
	if err := filetype.Stopped(w.src, &w.r, "png", off, need, expected, err); err != nil {
		return err
	}
	if w.broken && before == filetype.Damaged {
		w.r.Verdict = before
	}
	w.broken = true
	return errStop
}

// maxUnnoticed is how long other bytes in the pixels may go unnoticed, in bytes.
const maxUnnoticed = 64 << 10

// damage records the first contradiction; the picture is good up to off.
func (w *walker) damage(off int64, f finding.Finding) {
	if len(w.r.Findings) < maxNotes {
		w.r.Findings = append(w.r.Findings, f)
	}
	if w.broken {
		return
	}
	w.broken = true
	w.r.Verdict = filetype.Damaged
	// Other bytes in the pixels unpack to something for a while: what is sure is what a sum covers.
	if w.r.GoodUntil = min(off, w.summed); off-maxUnnoticed > w.summed {
		w.r.GoodUntil = off - maxUnnoticed
	}
	w.r.Size = max(w.r.Size, off)
}

func (w *walker) note(f finding.Finding) {
	w.noted = true
	if len(w.r.Findings) < maxNotes {
		w.r.Findings = append(w.r.Findings, f)
	}
}
