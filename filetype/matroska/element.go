package matroska

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"math/bits"

	"salvor/block"
	"salvor/cursor"
)

// The elements that are known by their ids.
const (
	idEBML        = 0x1A45DFA3
	idDocType     = 0x4282
	idSegment     = 0x18538067
	idSeekHead    = 0x114D9B74
	idInfo        = 0x1549A966
	idTracks      = 0x1654AE6B
	idCluster     = 0x1F43B675
	idCues        = 0x1C53BB6B
	idTags        = 0x1254C367
	idAttachments = 0x1941A469
	idChapters    = 0x1043A770
	idVoid        = 0xEC
	idCRC         = 0xBF

	idScale    = 0x2AD7B1
	idDuration = 0x4489
	idTitle    = 0x7BA9
	idDate     = 0x4461

	idTrack    = 0xAE
	idNumber   = 0xD7
	idType     = 0x83
	idCodec    = 0x86
	idVideo    = 0xE0
	idAudio    = 0xE1
	idWidth    = 0xB0
	idHeight   = 0xBA
	idRate     = 0xB5
	idChannels = 0x9F

	idTimestamp   = 0xE7
	idSimpleBlock = 0xA3
	idBlockGroup  = 0xA0
	idBlock       = 0xA1
	idPrevSize    = 0xAB
	idPosition    = 0xA7
	idSilent      = 0x5854
	idEncrypted   = 0xAF

	idCuePoint    = 0xBB
	idCueTrack    = 0xB7
	idCuePosition = 0xF1

	idTag       = 0x7373
	idSimpleTag = 0x67C8
	idTagName   = 0x45A3
	idTagString = 0x4487
)

// inSegment are the elements that a segment holds.
var inSegment = map[uint32]string{idSeekHead: "SeekHead", idInfo: "Info", idTracks: "Tracks", idCluster: "Cluster", idCues: "Cues", idTags: "Tags",
	idAttachments: "Attachments", idChapters: "Chapters", idVoid: "Void", idCRC: "CRC-32"}

// inCluster are the elements that a cluster holds.
var inCluster = map[uint32]bool{idTimestamp: true, idSimpleBlock: true, idBlockGroup: true, idPrevSize: true, idPosition: true,
	idSilent: true, idEncrypted: true, idVoid: true, idCRC: true}

// element is the head of one.
type element struct {
	id        uint32
	off, body int64
	end       int64
	open      bool // it does not tell its size
}

// maxHead is the longest head of an element, in bytes.
const maxHead = 12

// parseID reads an id; n is 0 when there is none.
func parseID(p []byte) (id uint32, n int) {
	if len(p) == 0 {
		return 0, 0
	}
	n = bits.LeadingZeros8(p[0]) + 1
	if n > 4 || n > len(p) {
		return 0, 0
	}
	for _, b := range p[:n] {
		id = id<<8 | uint32(b)
	}
	return id, n
}

// parseSize reads a size or another number of such a form; n is 0 when there is none.
func parseSize(p []byte) (size uint64, n int, open bool) {
	if len(p) == 0 {
		return 0, 0, false
	}
	n = bits.LeadingZeros8(p[0]) + 1
	if n > 8 || n > len(p) {
		return 0, 0, false
	}
	size = uint64(p[0]) & (1<<(8-n) - 1)
	for _, b := range p[1:n] {
		size = size<<8 | uint64(b)
	}
	return size, n, size == 1<<(7*n)-1
}

// parseHead reads the head of the element that p, at off, begins with; ok is false when it is none.
func parseHead(off int64, p []byte) (e element, ok bool) {
	id, n := parseID(p)
	if n == 0 {
		return e, false
	}
	size, m, open := parseSize(p[n:])
	if m == 0 || !open && size > 1<<56 {
		return e, false
	}
	e = element{id: id, off: off, body: off + int64(n+m), open: open}
	e.end = e.body + int64(size)
	if open {
		e.end = math.MaxInt64
	}
	return e, true
}

// at reads the head of the element at off, which must end before end. A head is read whole even where it is shorter.
func (w *walker) at(off, end int64) (element, error) {
	p, err := w.Upto(off, maxHead)
	if int64(len(p)) > end-off {
		p = p[:end-off]
	}
	e, ok := parseHead(off, p)
	if !ok {
		if len(p) < maxHead && off+int64(len(p)) < end {
			return e, w.Lost(off+int64(len(p)), off+maxHead, "element", err)
		}
		return e, cursor.Corrupt("elements", off, "an element", fmt.Sprintf("% x", p[:min(len(p), 4)]))
	}
	if !e.open && e.end > end {
		return e, cursor.Corrupt(fmt.Sprintf("element %X", e.id), off, fmt.Sprintf("at most %d bytes", end-e.body), e.end-e.body)
	}
	return e, nil
}

// sum is the CRC-32 of an element that carries one.
type sum struct {
	on           bool
	stored, hash uint32
}

// read reads e, adding it to the check.
func (w *walker) read(e block.Extent, what string) error {
	return w.Each(e, what, func(p []byte) error {
		if w.sum.on {
			w.sum.hash = crc32.Update(w.sum.hash, crc32.IEEETable, p)
		}
		return nil
	})
}

// check begins the check of the element e when its first child is a CRC-32, and returns where the others begin.
func (w *walker) check(e element) (int64, error) {
	w.sum = sum{}
	if e.end-e.body < 6 {
		return e.body, nil
	}
	p, err := w.Need(e.body, 6, "element")
	if err != nil {
		return e.body, err
	}
	if p[0] != idCRC || p[1] != 0x84 {
		return e.body, nil
	}
	w.sum = sum{on: true, stored: binary.LittleEndian.Uint32(p[2:])}
	return e.body + 6, nil
}

// checked ends the check.
func (w *walker) checked(e element, name string) error {
	s := w.sum
	w.sum = sum{}
	if s.on && s.stored != s.hash {
		return cursor.Corrupt(name, e.off, fmt.Sprintf("the check %08x", s.stored), fmt.Sprintf("%08x", s.hash))
	}
	if s.on {
		w.checks++
	}
	return nil
}

// each calls fn for each child in p, which is the data of an element; broken ones end it.
func each(p []byte, fn func(id uint32, data []byte)) {
	for n := 0; len(p) > 1 && n < maxChildren; n++ {
		e, ok := parseHead(0, p)
		if !ok || e.open || e.end > int64(len(p)) {
			return
		}
		fn(e.id, p[e.body:e.end])
		p = p[e.end:]
	}
}

// maxChildren is the most children of one element that are looked at.
const maxChildren = 1 << 16

// number reads an unsigned number of up to 8 bytes.
func number(p []byte) (v uint64) {
	for _, b := range p[:min(len(p), 8)] {
		v = v<<8 | uint64(b)
	}
	return v
}

// float reads a number of 4 or 8 bytes; 0 when it is none that counts something.
func float(p []byte) float64 {
	v := 0.0
	switch len(p) {
	case 4:
		v = float64(math.Float32frombits(binary.BigEndian.Uint32(p)))
	case 8:
		v = math.Float64frombits(binary.BigEndian.Uint64(p))
	}
	if v > 0 && v < 1e15 {
		return v
	}
	return 0
}
