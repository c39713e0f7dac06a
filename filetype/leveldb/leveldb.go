package leveldb

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"

	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
)

const (
	format    = "LevelDB log"
	blockSize = 32 << 10
	headSize  = 7

	full, first, middle, last = 1, 2, 3, 4
)

var kind = exam.Kind{Format: format, Buffer: 256 << 10, Walk: walk}

// Formats returns the row of this package.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name:       "leveldb",
		Class:      filetype.Database,
		Extensions: []string{"ldblog", "log"},
		Ceiling:    filetype.Consistent,
		Examine:    kind.Examine,
		Preview:    kind.Preview,
	}}
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// masked is how a sum is stored.
func masked(sum uint32) uint32 { return (sum>>15 | sum<<17) + 0xA282EAD8 }

func walk(e *exam.Exam) error {
	p, err := e.Head(headSize)
	if err != nil {
		return err
	}
	if len(p) < headSize || p[6] != full && p[6] != first {
		return filetype.ErrNot
	}
	size := int64(binary.LittleEndian.Uint16(p[4:]))
	if headSize+size > blockSize || p[6] == first && headSize+size != blockSize || size == 0 {
		return filetype.ErrNot
	}
	var off, done int64
	inside := false
	for {
		if rest := blockSize - off%blockSize; rest < headSize {
			p, err := e.Upto(off, int(rest))
			if err != nil && int64(len(p)) < rest && e.Context().Err() == nil && off+int64(len(p)) >= e.Size() {
				break // the log ends in the rest of its block
			}
			if p, err = e.Need(off, int(rest), "the end of a block"); err != nil {
				return err
			}
			if strings.Trim(string(p), "\x00") != "" {
				return cursor.Corrupt("end of a block", off, "zeros", fmt.Sprintf("%x", p))
			}
			off += rest
		}
		if off == e.Size() && !inside {
			break
		}
		if p, err = e.Need(off, headSize, "a record"); err != nil {
			return tooFew(e, done, err)
		}
		stored, size, what := binary.LittleEndian.Uint32(p), int64(binary.LittleEndian.Uint16(p[4:])), p[6]
		if stored == 0 && size == 0 && what == 0 && !inside && done > 0 {
			break // space that was reserved
		}
		if what < full || what > last || inside != (what == middle || what == last) || off%blockSize+headSize+size > blockSize {
			return not(done, cursor.Corrupt("record", off, "a kind and a length of a record", fmt.Sprintf("kind %d, %d bytes", what, size)))
		}
		if p, err = e.Need(off+6, int(1+size), "a record"); err != nil {
			return tooFew(e, done, err)
		}
		if sum := masked(crc32.Checksum(p, castagnoli)); sum != stored {
			return not(done, cursor.Corrupt("record", off, fmt.Sprintf("CRC-32C %08x", stored), fmt.Sprintf("%08x", sum)))
		}
		off += headSize + size
		inside = what == first || what == middle
		if !inside {
			done++
			e.R.GoodUntil = off
			e.Units(done, 0, "records")
		}
	}
	e.Fact("Records", fmt.Sprint(done))
	return e.Whole(filetype.Consistent, off, filetype.PartlyChecked(format, fmt.Sprintf("every record (%d)", done), "where it ends"))
}

// not turns an error of the first record into that of another format: nothing else tells a log.
func not(done int64, err error) error {
	if done == 0 {
		return filetype.ErrNot
	}
	return err
}

// tooFew is not for a source that ends or cannot be read.
func tooFew(e *exam.Exam, done int64, err error) error {
	if e.Context().Err() != nil {
		return e.Context().Err()
	}
	return not(done, err)
}
