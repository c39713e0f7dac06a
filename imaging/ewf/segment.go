package ewf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/adler32"
)

var magic = [8]byte{'E', 'V', 'F', 0x09, 0x0D, 0x0A, 0xFF, 0x00}

const (
	headSize       = 13
	descriptorSize = 76
	tableHead      = 24
	compressedBit  = 1 << 31
	// tailSize is more than what stands behind the chunks of a last segment, but for the list of errors, which is in the
	// last one only and may make it larger.
	tailSize = 1024
)

// segment is a file of the image.
type segment struct {
	f       File
	at      int64    // where the next section begins, or the next chunk
	sectors int64    // where the open sectors section begins; 0 when none is
	entries []uint32 // of its chunks
}

func (s *segment) put(p []byte) error {
	_, err := s.f.WriteAt(p, s.at)
	s.at += int64(len(p))
	return err
}

func (s *segment) head(number int) error {
	b := append([]byte{}, magic[:]...)
	b = append(b, 1)
	b = binary.LittleEndian.AppendUint16(b, uint16(number))
	return s.put(append(b, 0, 0))
}

// descriptor returns the head of a section.
func descriptor(kind string, next, size int64) []byte {
	b := make([]byte, descriptorSize)
	copy(b[:16], kind)
	binary.LittleEndian.PutUint64(b[16:], uint64(next))
	binary.LittleEndian.PutUint64(b[24:], uint64(size))
	binary.LittleEndian.PutUint32(b[72:], adler32.Checksum(b[:72]))
	return b
}

// section writes a section with what it holds.
func (s *segment) section(kind string, data []byte) error {
	size := int64(descriptorSize + len(data))
	return s.put(append(descriptor(kind, s.at+size, size), data...))
}

// last writes the section that ends a segment: it leads to itself and has no size.
func (s *segment) last(kind string) error { return s.put(descriptor(kind, s.at, 0)) }

// fits reports whether a chunk of n bytes still leaves room for what must follow it in a segment of that size.
func (s *segment) fits(n int, size int64) bool {
	tables := 2 * (descriptorSize + tableHead + 4*int64(len(s.entries)+1) + 4)
	// Another pair of tables and another sectors section, if the one that is open is full.
	return s.at+int64(n)+tables+3*descriptorSize+2*tableHead+tailSize <= size
}

// chunk writes a chunk, into a new sectors section where none is open or its table is full.
func (s *segment) chunk(c chunk) error {
	if len(s.entries) == maxEntries {
		if err := s.table(); err != nil {
			return err
		}
	}
	if s.sectors == 0 {
		s.sectors = s.at
		if err := s.put(make([]byte, descriptorSize)); err != nil { // written when its size is known
			return err
		}
	}
	place := s.at - s.sectors
	if place >= compressedBit {
		return fmt.Errorf("a chunk at %d of its section, which is too far for the format", place)
	}
	e := uint32(place)
	if c.compressed {
		e |= compressedBit
	}
	s.entries = append(s.entries, e)
	return s.put(c.data)
}

// table ends the sectors section and writes its table twice.
func (s *segment) table() error {
	if s.sectors == 0 {
		return nil
	}
	if _, err := s.f.WriteAt(descriptor("sectors", s.at, s.at-s.sectors), s.sectors); err != nil {
		return err
	}
	b := make([]byte, tableHead, tableHead+4*len(s.entries)+4)
	binary.LittleEndian.PutUint32(b, uint32(len(s.entries)))
	binary.LittleEndian.PutUint64(b[8:], uint64(s.sectors))
	binary.LittleEndian.PutUint32(b[20:], adler32.Checksum(b[:20]))
	for _, e := range s.entries {
		b = binary.LittleEndian.AppendUint32(b, e)
	}
	b = binary.LittleEndian.AppendUint32(b, adler32.Checksum(b[tableHead:]))
	s.sectors, s.entries = 0, s.entries[:0]
	return errors.Join(s.section("table", b), s.section("table2", b))
}

// abandon closes the file of an image that is none.
func (s *segment) abandon() error {
	if s == nil || s.f == nil {
		return nil
	}
	return s.f.Close()
}
