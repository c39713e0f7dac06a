package sevenzip

import (
	"encoding/binary"
	"hash/crc32"

	"salvor/filetype"
	"salvor/filetype/internal/exam"
)

// scout looks for the header where the first bytes say, by its sum; what stands before it is unpacked.
var scout = kind.Scout(exam.Places{List: places, Checked: func(*exam.Exam) bool { return true }, Dense: true})

func places(e *exam.Exam, yield func(filetype.Anchor) bool) error {
	p, err := e.Head(startSize)
	if err != nil {
		return err
	}
	if len(p) < startSize || string(p[:6]) != magic || p[6] != 0 {
		return filetype.ErrNot
	}
	offset, size := binary.LittleEndian.Uint64(p[12:]), binary.LittleEndian.Uint64(p[20:])
	crc := binary.LittleEndian.Uint32(p[28:])
	if crc32.ChecksumIEEE(p[12:startSize]) != binary.LittleEndian.Uint32(p[8:]) || offset > 1<<60 || size == 0 || size > maxHeader {
		return nil
	}
	yield(filetype.Anchor{Offset: startSize + int64(offset), Fits: func(p []byte) bool {
		if len(p) == 0 || p[0] != 1 && p[0] != 0x17 {
			return false
		}
		return size > uint64(len(p)) || crc32.ChecksumIEEE(p[:size]) == crc
	}})
	return nil
}
