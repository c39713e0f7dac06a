package ext

import (
	"encoding/binary"
	"hash/crc32"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// crc32c continues the checksum that ext4 keeps, which starts at all ones and is not inverted at its end.
func crc32c(sum uint32, p []byte) uint32 { return ^crc32.Update(^sum, castagnoli, p) }

func crc32cUint32(sum, v uint32) uint32 {
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], v)
	return crc32c(sum, b[:])
}

var zeros [16]byte

// crc16Table holds the remainder of each byte of the CRC-16 (polynomial 0x8005, reflected) that gdt_csum keeps.
var crc16Table = func() (t [256]uint16) {
	for i := range t {
		v := uint16(i)
		for range 8 {
			if v&1 != 0 {
				v = v>>1 ^ 0xA001
			} else {
				v >>= 1
			}
		}
		t[i] = v
	}
	return t
}()

// crc16 continues a checksum.
func crc16(sum uint16, p []byte) uint16 {
	for _, b := range p {
		sum = sum>>8 ^ crc16Table[byte(sum)^b]
	}
	return sum
}
