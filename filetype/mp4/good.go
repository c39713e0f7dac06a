package mp4

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"time"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/internal/media"
	"salvor/finding"
)

// goodUntil lowers the offset first, up to which nothing contradicts, to where something shows that the file goes on so far. The bytes
// of a frame are not checked by anything, so that the last one before other bytes may be cut: only what another frame follows counts.
func (x *exam) goodUntil(first int64) int64 {
	if x.doubt > 0 {
		first = min(first, x.doubt)
	}
	if x.end > x.src.Size() && x.broken < 0 && first >= x.src.Size() {
		return first // the source ends, and nothing stands behind
	}
	if x.moov != nil && x.moov.end <= first && x.broken >= 0 {
		return first // the index named each frame
	}
	if n := len(x.moofs); n > 0 {
		return min(first, x.moofs[n-1].off)
	}
	for _, e := range x.data {
		if e.Offset >= first || x.ctx.Err() != nil {
			break
		}
		if good := x.units(block.Between(e.Offset, min(e.End(), first))); good < min(e.End(), first) {
			return good
		}
	}
	return first
}

const (
	// sector is where files begin on a medium, in bytes.
	sector = 512
	// maxUnit is how long a unit of a film may be that no index names, in bytes.
	maxUnit = 1 << 20
	// nearGap is how far the first units stand apart, where sound stands between them, and farGap later ones.
	nearGap, farGap = 4 << 10, 256 << 10
	// lastGap is how much sound may stand behind the last unit of data that is told to end.
	lastGap = 16 << 10
	// learnt is how many units tell what those of a film look like.
	learnt = 8
)

// units follows the units of AVC or HEVC in the data of a film whose index is not there, over the sound between them, and returns where
// the last one begins. Where there are none, nothing tells that the data is the film's: that is the beginning.
func (x *exam) units(e block.Extent) int64 {
	var kinds kinds
	good, off, n := e.Offset, e.Offset, 0
	for off < e.End() && x.ctx.Err() == nil {
		gap := int64(nearGap)
		if n >= learnt {
			gap = farGap
		}
		at, size := x.nextUnit(&kinds, off, min(off+gap, e.End()), n >= learnt)
		if size == 0 || x.foreign(off, min(at+size, e.End())) {
			break
		}
		n++
		good, off = at, at+size
	}
	if n < 3 {
		return e.Offset
	}
	if e.End()-off <= lastGap {
		return e.End()
	}
	return good
}

// foreign reports whether another file begins between off and end.
func (x *exam) foreign(off, end int64) bool {
	for at := (off + sector - 1) / sector * sector; at < end; at += sector {
		p, _ := x.w.Upto(at, 16)
		if media.Begins(p[:min(len(p), 32)]) {
			return true
		}
	}
	return false
}

// nextUnit returns the place and size, with its length, of the first unit that begins from off on up to end; 0 when there is none.
func (x *exam) nextUnit(k *kinds, off, end int64, known bool) (int64, int64) {
	for at := off; at < end; {
		p, _ := x.w.Upto(at, 8)
		if len(p) < 8 {
			return 0, 0
		}
		i := 0
		for ; i+8 <= len(p) && at+int64(i) < end; i++ {
			if (at+int64(i))%sector == 0 && media.Begins(p[i:min(len(p), i+32)]) {
				return 0, 0 // of another file
			}
			if p[i] != 0 || p[i+1] >= maxUnit>>16 {
				continue
			}
			size := int64(binary.BigEndian.Uint32(p[i:]))
			if size >= 2 && k.unit(p[i+4:i+8], at+int64(i) == off, known) {
				return at + int64(i), size + 4
			}
		}
		at += int64(max(i, 1))
	}
	return 0, 0
}

// kinds are the beginnings of the units of pictures that were met.
type kinds struct {
	met  map[uint16]bool
	hevc bool
}

// unit reports whether p begins a unit. close says that it stands right behind another one; known that only beginnings that were met
// are looked for elsewhere.
func (k *kinds) unit(p []byte, close, known bool) bool {
	if p[0]&0x80 != 0 {
		return false
	}
	if k.met == nil {
		k.met = map[uint16]bool{}
		// The first one tells what it is: the headers of HEVC have a second byte, that of layer 0.
		k.hevc = p[1] == 1 && (p[0] >= 0x40 && p[0] <= 0x50 || p[0] == 0x26 || p[0] == 0x28 || p[0] == 0x02 || p[0] == 0x00 || p[0] == 0x2A)
	}
	kind, picture, right := k.header(p)
	switch {
	case !right:
		return false
	case !picture:
		return close
	case known && !close:
		return k.met[kind]
	}
	if len(k.met) < 12 {
		k.met[kind] = true
	}
	return true
}

// header returns the beginning of a unit, whether it holds a picture's data, and whether it can be one.
func (k *kinds) header(p []byte) (kind uint16, picture, right bool) {
	if k.hevc {
		unit := p[0] >> 1
		picture = unit <= 9 || unit >= 16 && unit <= 21
		return uint16(p[0])<<8 | uint16(p[1]), picture, p[0]&1 == 0 && p[1] >= 1 && p[1] <= 7 && (picture && p[2]&0x80 != 0 || unit >= 32 && unit <= 40)
	}
	unit, used := p[0]&31, p[0]>>5&3 > 0
	switch unit {
	case 5, 7, 8:
		right = used
	case 6, 9, 12:
		right = !used
	case 1:
		right = true
	}
	picture = unit == 1 || unit == 5
	kind = uint16(p[0]) << 8
	if picture { // the first part of a picture: first_mb is 0
		slice, ok := sliceType(p[1] << 1)
		right = right && p[1]&0x80 != 0 && ok
		kind |= slice
	}
	return kind, picture, right
}

// sliceType returns the number, in Exp-Golomb code, of a type of slice with which b begins: up to 9.
func sliceType(b byte) (uint16, bool) {
	zeros := bits.LeadingZeros8(b)
	if zeros > 3 {
		return 0, false
	}
	n := uint16(b>>(7-2*zeros)) - 1
	return n, n <= 9
}

// maxCounted is the most samples that are counted; errCounted ends that.
const maxCounted = 1 << 21

var errCounted = errors.New("counted")

// plays tells how long a film plays up to good, where its index is there.
func (x *exam) plays(r *filetype.Report) {
	if n := int64(len(x.moofs)); n > 0 {
		whole := int64(0)
		for _, m := range x.moofs {
			if m.end <= r.GoodUntil {
				whole++
			}
		}
		if whole > 0 {
			r.Findings = append(r.Findings, filetype.Units(max(0, whole-1), 0, "fragments"))
		}
		return
	}
	chunks, samples := x.chunks, x.samples
	defer func() { x.chunks, x.samples, x.counting = chunks, samples, nil }()
	for _, handler := range []string{"vide", "soun"} {
		for _, t := range x.tracks {
			s, err := x.sizes(t)
			if t.handler != handler || err != nil || s == nil || t.timescale <= 0 {
				continue
			}
			n, lost := int64(0), false
			x.counting = func(e block.Extent, count int64) error {
				if lost = lost || e.End() > r.GoodUntil || n > maxCounted; lost {
					return errCounted
				}
				n += count
				return nil
			}
			_ = x.chunksOf(t, box{}, s) // as far as the tables go
			done, total := x.timeOf(t, n)
			if total > 0 {
				r.Findings = append(r.Findings, filetype.Plays.New(finding.Expected(media.Clock(total), media.Clock(done))))
				return
			}
		}
	}
}

// timeOf returns how long the first n samples of a track last, and all.
func (x *exam) timeOf(t *track, n int64) (done, total time.Duration) {
	b, ok := t.boxes["stts"]
	if !ok {
		return 0, 0
	}
	times, err := x.table(b, 4, 8)
	if err != nil {
		return 0, 0
	}
	var part, all uint64
	for i := range times.n {
		count, err1 := times.at(i, 0)
		delta, err2 := times.at(i, 4)
		if err1 != nil || err2 != nil {
			break
		}
		part += uint64(min(count, n)) * uint64(delta)
		all += uint64(count) * uint64(delta)
		n -= min(count, n)
	}
	return media.Span(part, 1, uint64(t.timescale)), media.Span(all, 1, uint64(t.timescale))
}
