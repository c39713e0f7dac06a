package exfat

import (
	"encoding/binary"
	"fmt"
	"io"
	"unicode"

	"salvor/block"
	"salvor/cursor"
)

// maxUpcase is the largest up-case table in bytes: one unit for each unit.
const maxUpcase = 128 << 10

// upcase maps UTF-16 units to upper case, as the volume itself says it.
type upcase struct {
	units []uint16 // 65536 of them
}

// parseUpcase reads the table: units in order, in which 0xFFFF and a count stand for so many units that map to
// themselves.
func parseUpcase(p []byte) (*upcase, error) {
	if len(p)%2 != 0 || len(p) > maxUpcase {
		return nil, cursor.Corrupt("exfat: up-case table", 0, fmt.Sprintf("an even size of at most %d", maxUpcase), len(p))
	}
	u := &upcase{units: make([]uint16, 0, 1<<16)}
	for i := 0; i < len(p) && len(u.units) < 1<<16; i += 2 {
		v := binary.LittleEndian.Uint16(p[i:])
		if v == 0xFFFF && i+3 < len(p) && len(u.units) < 0xFFFF {
			i += 2
			for n := binary.LittleEndian.Uint16(p[i:]); n > 0 && len(u.units) < 1<<16; n-- {
				u.units = append(u.units, uint16(len(u.units)))
			}
			continue
		}
		u.units = append(u.units, v)
	}
	for len(u.units) < 1<<16 {
		u.units = append(u.units, uint16(len(u.units)))
	}
	return u, nil
}

// usual is the table that stands in for one that is lost: it agrees with that of every known formatter for
// nearly all names.
func usual() *upcase {
	u := &upcase{units: make([]uint16, 1<<16)}
	for i := range u.units {
		u.units[i] = uint16(i)
		if up := unicode.ToUpper(rune(i)); up < 1<<16 && (up-rune(i) < 0x1000 && rune(i)-up < 0x1000) && i != 0x131 && i != 0x17F {
			u.units[i] = uint16(up)
		}
	}
	return u
}

// upcaseSum is the checksum of the table as it is stored.
func upcaseSum(p []byte) uint32 {
	sum := uint32(0)
	for _, v := range p {
		sum = sum<<31 | sum>>1
		sum += uint32(v)
	}
	return sum
}

// hash is the hash of a name that its stream entry holds.
func (u *upcase) hash(name []uint16) uint16 {
	sum := uint16(0)
	for _, x := range name {
		x = u.units[x]
		for _, v := range [2]uint16{x & 0xFF, x >> 8} {
			sum = sum<<15 | sum>>1
			sum += v
		}
	}
	return sum
}

// readUpcase reads the table of size bytes from its source and checks it against sum.
func readUpcase(src block.Source, size uint64, sum uint32) (*upcase, error) {
	if size == 0 || size > maxUpcase {
		return nil, cursor.Corrupt("exfat: up-case table", -1, fmt.Sprintf("1 to %d bytes", maxUpcase), size)
	}
	p := make([]byte, size)
	if n, err := src.ReadAt(p, 0); uint64(n) < size {
		if err == nil || err == io.EOF {
			err = cursor.Corrupt("exfat: up-case table", -1, fmt.Sprintf("%d bytes", size), n)
		}
		return nil, err
	}
	if got := upcaseSum(p); got != sum {
		return nil, cursor.Corrupt("exfat: up-case table: checksum", -1, fmt.Sprintf("%08x", sum), fmt.Sprintf("%08x", got))
	}
	return parseUpcase(p)
}
