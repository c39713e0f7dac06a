package sparse

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sort"
	"sync/atomic"

	"salvor/block"
	"salvor/block/probe"
	"salvor/container"
	"salvor/container/internal/mapped"
	"salvor/cursor"
	"salvor/finding"
)

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{broken, short, sumWrong, sumRight, sumUnknown}

var (
	broken = &finding.Def{Code: "sparse.chunk", Severity: finding.Error,
		Text: "the list of chunks is damaged ({why}): the {count} bytes of the disk behind that place cannot be read"}
	short = &finding.Def{Code: "sparse.short", Severity: finding.Error,
		Text: "the image ends before the disk does: the last {count} bytes of the disk cannot be read"}
	sumWrong = &finding.Def{Code: "sparse.sum.wrong", Severity: finding.Error,
		Text: "the CRC-32 that the image stores of the first {count} bytes of its disk is {expected}, that of what it holds is {found}"}
	sumRight   = &finding.Def{Code: "sparse.sum.right", Severity: finding.Info, Text: "the CRC-32 that the image stores of the first {count} bytes of its disk is right: {expected}"}
	sumUnknown = &finding.Def{Code: "sparse.sum.unknown", Severity: finding.Warning,
		Text: "the CRC-32s that the image stores cannot be checked from {offset} of its disk on, since that cannot be read"}
)

var signature = []byte{0x3a, 0xff, 0x26, 0xed}

// Types of chunks.
const (
	raw      = 0xcac1
	fill     = 0xcac2
	dontCare = 0xcac3
	crc      = 0xcac4
)

const (
	headerSize = 28
	chunkSize  = 12
)

// header says what disk an image holds.
type header struct {
	first  int64 // where the first chunk begins
	chunk  int64 // bytes of the header of a chunk
	block  int64
	blocks int64
	chunks int64
	sum    uint32 // 0 where there is none
	minor  uint16
}

func (h *header) size() int64 { return h.block * h.blocks }

func parseHeader(b []byte) (*header, error) {
	if len(b) < len(signature) || string(b[:4]) != string(signature) {
		return nil, cursor.ErrNot
	}
	c := cursor.New("sparse: header", 0, b)
	c.Skip(4)
	major := c.Uint16()
	h := &header{minor: c.Uint16(), first: int64(c.Uint16()), chunk: int64(c.Uint16()), block: int64(c.Uint32()), blocks: int64(c.Uint32()), chunks: int64(c.Uint32()), sum: c.Uint32()}
	if err := c.Err(); err != nil {
		return nil, err
	}
	bad := func(expected, found any) (*header, error) {
		return nil, cursor.Corrupt("sparse: header", 0, expected, found)
	}
	switch {
	case major != 1:
		return bad("version 1", major)
	case h.first < headerSize || h.chunk < chunkSize:
		return bad("headers of 28 and 12 bytes", fmt.Sprintf("%d and %d", h.first, h.chunk))
	case h.block < 4 || h.block%4 != 0 || h.block > 64<<20:
		return bad("blocks of a multiple of 4 bytes", h.block)
	case h.blocks == 0:
		return bad("blocks", 0)
	}
	return h, nil
}

// chunk is one of an image.
type chunk struct {
	kind   uint16
	blocks int64 // of the disk
	at     int64 // where it stands in the file
	size   int64 // with its header
	spare  uint16
}

// readChunk reads the header of the chunk at a place of the file.
func (im *image) readChunk(at int64) (chunk, error) {
	b, err := cursor.Read(im.src, "sparse: chunk", at, chunkSize, chunkSize)
	if err != nil {
		return chunk{}, err
	}
	c := cursor.New("sparse: chunk", at, b)
	x := chunk{kind: c.Uint16(), at: at, spare: c.Uint16()}
	x.blocks, x.size = int64(c.Uint32()), int64(c.Uint32())
	want := im.chunk
	switch x.kind {
	case raw:
		want += x.blocks * im.block
	case fill:
		want += 4
	case dontCare:
	case crc:
		want += 4
		x.blocks = 0
	default:
		return x, cursor.Corrupt("sparse: chunk", at, "a type that is known", fmt.Sprintf("%#x", x.kind))
	}
	if x.size != want {
		return x, cursor.Corrupt("sparse: chunk", at, fmt.Sprintf("%d bytes", want), x.size)
	}
	return x, nil
}

// step is how many chunks lie between two whose places are kept.
const step = 100

// mark is the place of a chunk.
type mark struct{ block, at int64 }

// image is the disk in an image.
type image struct {
	*header
	src   block.Source
	marks []mark
	last  atomic.Pointer[mark] // where the one stands that was used last
	known int64                // blocks of which the chunks are known
	count int64                // chunks that are
	sums  bool                 // there are chunks with a CRC-32
	end   int64                // where the last chunk that is known ends
	odd   bool                 // a field that is to be 0 is not
}

// Format returns the row of the table of containers.
func Format() container.Format {
	return container.Format{
		Name: "sparse", Title: "Android sparse image", Extensions: []string{".simg", ".img"},
		Signatures: []probe.Probe{{ID: "sparse.header", Bytes: signature}},
		Open:       Open,
	}
}

// Open opens the disk in src.
func Open(ctx context.Context, src block.Source, name string, _ container.Opener) (*container.Image, error) {
	im, why, err := walked(ctx, src)
	if err != nil {
		return nil, err
	}
	h := im.header
	out := &container.Image{Format: "sparse", SectorSize: 0, Files: []string{name}}
	switch {
	case why != nil:
		out.Findings = append(out.Findings, broken.New(finding.Arg("why", why), finding.Arg("count", h.size()-im.known*h.block)))
	case im.known < h.blocks:
		out.Findings = append(out.Findings, short.New(finding.Arg("count", h.size()-im.known*h.block)))
	}
	disk := mapped.New(h.size(), im)
	out.Source = disk
	if h.sum != 0 || im.sums {
		out.Verify = func(ctx context.Context) ([]finding.Finding, error) { return im.verify(ctx, disk) }
	}
	return out, nil
}

// walk looks at all chunks once. why is what ended that before the end.
func (im *image) walk(ctx context.Context) (why, err error) {
	at := im.first
	im.end = at
	for i := range im.chunks {
		if i%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		x, err := im.readChunk(at)
		if err == nil && x.blocks > im.blocks-im.known {
			err = cursor.Corrupt("sparse: chunk", at, fmt.Sprintf("at most %d blocks", im.blocks-im.known), x.blocks)
		}
		if err != nil {
			if _, ok := cursor.IsCorrupt(err); ok {
				return err, nil
			}
			if _, ok := block.IsUnreadable(err); ok {
				return err, nil
			}
			return nil, err
		}
		if i%step == 0 {
			im.marks = append(im.marks, mark{im.known, at})
		}
		im.sums = im.sums || x.kind == crc
		im.known += x.blocks
		im.odd = im.odd || x.spare != 0
		im.count++
		at += x.size
		im.end = at
	}
	return nil, nil
}

// Layout is what an image says of itself, and how far its chunks go.
type Layout struct {
	BlockSize int64 // bytes
	Blocks    int64 // of the disk, as the header says
	Known     int64 // blocks that the chunks give
	Chunks    int64 // as the header says
	Read      int64 // chunks whose headers are whole
	End       int64 // where the last of those ends; behind the end of a file that was cut off
	Plain     bool  // headers have the sizes of version 1.0, and what is to be 0 in them is
	Broken    error // what ended the list of chunks early; nil when nothing did
}

// Stat walks over the chunks of an image, and reads nothing that they hold.
func Stat(ctx context.Context, src block.Source) (*Layout, error) {
	im, why, err := walked(ctx, src)
	if err != nil {
		return nil, err
	}
	plain := !im.odd && im.minor == 0 && im.first == headerSize && im.chunk == chunkSize
	return &Layout{BlockSize: im.block, Blocks: im.blocks, Known: im.known, Chunks: im.chunks, Read: im.count, End: im.end, Plain: plain, Broken: why}, nil
}

// walked reads the header, and looks at all chunks. why is what ended that before the end.
func walked(ctx context.Context, src block.Source) (im *image, why, err error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	b := make([]byte, min(headerSize, src.Size()))
	n, err := src.ReadAt(b, 0)
	if n < len(b) && err != nil {
		return nil, nil, err
	}
	h, err := parseHeader(b[:n])
	if err != nil {
		return nil, nil, err
	}
	im = &image{header: h, src: src}
	why, err = im.walk(ctx)
	return im, why, err
}

// Locate says what the disk stands on at off.
func (im *image) Locate(off int64) (mapped.Piece, error) {
	want := off / im.block
	if want >= im.known {
		return mapped.LostPiece(block.Between(im.known*im.block, im.size())), nil
	}
	i := sort.Search(len(im.marks), func(i int) bool { return im.marks[i].block > want }) - 1
	first, at := im.marks[i].block, im.marks[i].at
	if l := im.last.Load(); l != nil && l.block <= want && l.block > first {
		first, at = l.block, l.at
	}
	for {
		x, err := im.readChunk(at)
		if err != nil { // it could be read a moment ago
			return mapped.Piece{Extent: block.Extent{Offset: off, Length: 1}}, err
		}
		if want < first+x.blocks {
			im.last.Store(&mark{first, at})
			return im.piece(x, block.Extent{Offset: first * im.block, Length: x.blocks * im.block}), nil
		}
		first += x.blocks
		at += x.size
	}
}

func (im *image) piece(x chunk, e block.Extent) mapped.Piece {
	switch x.kind {
	case raw:
		return mapped.Piece{Extent: e, Kind: mapped.Stored, Source: im.src, At: x.at + im.chunk}
	case fill:
		return mapped.Piece{Extent: e, Kind: mapped.Stored, Source: &pattern{im: im, at: x.at + im.chunk, size: e.Length}}
	}
	return mapped.Piece{Extent: e}
}

// pattern is four bytes again and again.
type pattern struct {
	im   *image
	at   int64 // where they stand
	size int64
}

func (p *pattern) Size() int64 { return p.size }

func (p *pattern) ReadAt(b []byte, off int64) (int, error) {
	v, err := cursor.Read(p.im.src, "sparse: value", p.at, 4, 4)
	if err != nil {
		return 0, err
	}
	n := int(min(int64(len(b)), p.size-off))
	for i := range min(n, 4) {
		b[i] = v[(off+int64(i))%4]
	}
	for done := min(n, 4); done < n; {
		done += copy(b[done:n], b[:done])
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// verify compares the CRC-32s: those of chunks cover all before them, that of the header the whole.
func (im *image) verify(ctx context.Context, disk block.Source) ([]finding.Finding, error) {
	var out []finding.Finding
	sum, done := uint32(0), int64(0)
	compare := func(want uint32) {
		def := sumRight
		if want != sum {
			def = sumWrong
		}
		out = append(out, def.New(finding.Arg("count", done), finding.Expected(fmt.Sprintf("%08x", want), fmt.Sprintf("%08x", sum))))
	}
	buf := make([]byte, 1<<20)
	upTo := func(end int64) (bool, error) {
		for done < end {
			if err := ctx.Err(); err != nil {
				return false, err
			}
			n, err := disk.ReadAt(buf[:min(int64(len(buf)), end-done)], done)
			sum = crc32.Update(sum, crc32.IEEETable, buf[:n])
			done += int64(n)
			if _, ok := block.IsUnreadable(err); ok {
				out = append(out, sumUnknown.New(finding.At(done, 0)))
				return false, nil
			} else if err != nil && !errors.Is(err, io.EOF) {
				return false, err
			}
		}
		return true, nil
	}
	at, blocks := im.first, int64(0)
	for range im.count {
		x, err := im.readChunk(at)
		if err != nil {
			return out, err
		}
		blocks += x.blocks
		if x.kind == crc {
			if ok, err := upTo(blocks * im.block); !ok {
				return out, err
			}
			b, err := cursor.Read(im.src, "sparse: CRC-32", at+im.chunk, 4, 4)
			if err != nil {
				return out, err
			}
			if compare(binary.LittleEndian.Uint32(b)); len(out) > 100 {
				return out, nil
			}
		}
		at += x.size
	}
	if im.sum == 0 {
		return out, nil
	}
	if ok, err := upTo(im.size()); !ok {
		return out, err
	}
	compare(im.sum)
	return out, nil
}
