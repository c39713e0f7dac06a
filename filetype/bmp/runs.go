package bmp

import (
	"fmt"

	"salvor/cursor"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/media"
)

// runs follows the run-length codes of a picture and returns where they end.
func runs(e *exam.Exam, h *header) (int64, error) {
	off := h.pixels
	x, y := int64(0), int64(0)
	outside := func(n int64) error {
		if y >= h.height || x+n > h.width {
			return media.Lower(e, cursor.Corrupt("run-length codes", off, "pixels inside the picture",
				fmt.Sprintf("%d at %d, %d", n, x, y)), y, h.height)
		}
		return nil
	}
	if e.Want = h.size; h.imageSize > 0 {
		e.Want = h.pixels + h.imageSize
	}
	for {
		p, err := e.Need(off, 2, "run-length codes")
		if err != nil {
			return off, media.Lower(e, err, min(y, h.height), h.height)
		}
		n, code, size := int64(p[0]), p[1], int64(2)
		switch {
		case n > 0:
			err = outside(n)
			x += n
		case code == 0:
			x = 0
			if y++; y > h.height {
				err = outside(0)
			}
		case code == 1:
			e.Want = 0
			end := off + 2
			if said := h.pixels + h.imageSize; said > end && said <= end+maxPadding && h.imageSize > 0 {
				if _, err := e.Need(end, int(said-end), "padding"); err != nil {
					e.Want = said
					return off, err
				}
				end = said
			}
			return end, nil
		case code == 2:
			if p, err = e.Need(off, 4, "run-length codes"); err != nil {
				return off, media.Lower(e, err, min(y, h.height), h.height)
			}
			size = 4
			x, y = x+int64(p[2]), y+int64(p[3])
			err = outside(0)
		default:
			n = int64(code)
			bytes := n
			if h.compression == rle4 {
				bytes = (n + 1) / 2
			}
			size += (bytes + 1) / 2 * 2
			if _, err := e.Need(off, int(size), "run-length codes"); err != nil {
				return off, media.Lower(e, err, min(y, h.height), h.height)
			}
			err = outside(n)
			x += n
		}
		if err != nil {
			return off, err
		}
		off += size
		e.R.GoodUntil = off
	}
}
