package mp4

import (
	"fmt"

	"salvor/block"
	"salvor/cursor"
)

// sample judges one sample.
func (x *exam) sample(t *track, off, size int64) error {
	e := block.Extent{Offset: off, Length: size}
	if x.counting != nil {
		return x.counting(e, 1)
	}
	if !e.Valid() || !x.inside(e) {
		return cursor.Corrupt(fmt.Sprintf("mp4: sample of track %d", t.id), off, "a place inside the data", fmt.Sprintf("%d bytes at %#x", size, off))
	}
	if x.scouting != nil {
		return x.scouting.see(x, t, e)
	}
	switch {
	case size == 0 || e.End() > x.src.Size():
		return nil
	case t.format == "mp4a" && size >= 4:
		p, err := x.w.Bytes(e.End()-2, 2)
		if err != nil {
			return x.note(err)
		}
		if at, ok := t.sound.see(off, p); !ok {
			x.doubtful(max(0, at-aacDoubt))
			return cursor.Corrupt("mp4: AAC frame", at, "frames that end as AAC frames do", "other bytes")
		}
		return nil
	case t.nal == 0:
		return nil
	}
	err := x.nalUnits(e, t.nal)
	if err != nil {
		x.doubtful(t.before)
	}
	t.before = off
	return err
}

// aacDoubt is how many bytes before the first frame of AAC that ends otherwise may be others' too: one frame in four of these ends
// as it should.
const aacDoubt = 4 << 10

// doubtful notes that what begins at off may hold other bytes.
func (x *exam) doubtful(off int64) {
	if off > 0 && (x.doubt == 0 || off < x.doubt) {
		x.doubt = off
	}
}

// nalUnits walks the NAL units of a sample.
func (x *exam) nalUnits(e block.Extent, length int) error {
	for at := e.Offset; at < e.End(); {
		if e.End()-at < int64(length)+1 {
			if zeroTail(x, at, e.End()) {
				return nil
			}
			return cursor.Corrupt("mp4: NAL unit", at, "a length and a header", fmt.Sprintf("%d bytes", e.End()-at))
		}
		p, err := x.w.Bytes(at, length+1)
		if err != nil {
			return x.note(err) // the next sample may be readable
		}
		n := number(p[:length])
		if n == 0 && at == e.Offset { // a place that nothing was written to
			return cursor.Corrupt("mp4: NAL unit", at, "a unit at the beginning of a sample", "none")
		}
		if n > e.End()-at-int64(length) {
			return cursor.Corrupt("mp4: NAL unit", at, fmt.Sprintf("up to %d bytes", e.End()-at-int64(length)), n)
		}
		if n > 0 && p[length]&0x80 != 0 {
			return cursor.Corrupt("mp4: NAL unit", at+int64(length), "a header without the forbidden bit", fmt.Sprintf("%#x", p[length]))
		}
		at += int64(length) + n
	}
	return nil
}

// zeroTail reports whether zeros fill up a sample, as some recorders leave them.
func zeroTail(x *exam, from, to int64) bool {
	p, err := x.w.Bytes(from, int(to-from))
	for _, b := range p {
		if b != 0 {
			return false
		}
	}
	return err == nil
}
