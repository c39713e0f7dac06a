package tar

import (
	"salvor/filetype"
	"salvor/filetype/internal/exam"
)

// scout follows the headers by their sums; what stands between them has no check.
var scout = kind.Scout(exam.Places{List: places})

// maxPlaces is how many headers are looked for.
const maxPlaces = 1 << 16

func places(e *exam.Exam, yield func(filetype.Anchor) bool) error {
	fits := func(p []byte) bool {
		if len(p) < blockSize {
			return false
		}
		if allZero(p[:blockSize]) {
			return len(p) >= 2*blockSize && allZero(p[:2*blockSize])
		}
		if string(p[257:262]) != "ustar" {
			return false
		}
		_, err := parseHeader(p[:blockSize], 0)
		return err == nil
	}
	p, err := e.Head(blockSize)
	if err != nil {
		return err
	}
	if len(p) < blockSize || !fits(p) || allZero(p[:blockSize]) {
		return filetype.ErrNot
	}
	for off, n := int64(0), 0; n < maxPlaces && yield(filetype.Anchor{Offset: off, Fits: fits}); n++ {
		p, err := e.Need(off, blockSize, "a header or the end")
		if err != nil || allZero(p) {
			return err
		}
		h, err := parseHeader(p, off)
		if err != nil || h.more || h.size > 1<<50 {
			return err
		}
		off += blockSize + (h.size+blockSize-1)&^(blockSize-1)
	}
	return nil
}
