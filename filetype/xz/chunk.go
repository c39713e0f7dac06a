package xz

import (
	"fmt"
	"io"

	"salvor/cursor"
	"salvor/filetype/internal/exam"
)

// chunks follows the chunks of LZMA2 from off on, without unpacking them. It returns the offset behind the last one,
// how much content they announce, and whether their control bytes leave no choice: a chunk behind the first that sets
// new properties or forgets the dictionary might as well do only one of both. With heads, only the heads are read.
func chunks(e *exam.Exam, off int64, heads bool) (end, content int64, forced bool, err error) {
	forced = true
	for n := int64(0); ; n++ {
		if n%4096 == 0 {
			if err := e.Context().Err(); err != nil {
				return off, 0, false, err
			}
		}
		p, err := e.Need(off, 1, "a chunk of packed content")
		if err != nil {
			return off, 0, false, err
		}
		control := p[0]
		switch {
		case control == 0:
			return off + 1, content, forced, nil
		case n == 0 && control != 1 && control < 0xE0, control >= 3 && control < 0x80:
			return off, 0, false, cursor.Corrupt("packed content", off, "a chunk", fmt.Sprintf("%#02x", control))
		case n > 0 && (control == 1 || control >= 0xC0):
			forced = false
		}
		size, what := 3, "the head of a chunk"
		switch {
		case control >= 0xC0:
			size = 6
		case control >= 0x80:
			size = 5
		}
		if p, err = e.Need(off, size, what); err != nil {
			return off, 0, false, err
		}
		unpacked := int64(p[1])<<8 + int64(p[2]) + 1
		packed := unpacked
		if control >= 0x80 {
			unpacked += int64(control&0x1F) << 16
			packed = int64(p[3])<<8 + int64(p[4]) + 1
		}
		content += unpacked
		off += int64(size)
		if heads && off+packed > e.Size() {
			return off, 0, false, e.Lost(e.Size(), off+packed, "packed content", io.EOF)
		}
		if packed > 0 && !heads { // the next chunk must be there; the content is read when it is unpacked
			if _, err := e.Need(off, int(packed), "packed content"); err != nil {
				return off, 0, false, err
			}
		}
		off += packed
	}
}
