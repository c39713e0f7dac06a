package main

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"
	"slices"
)

// inputs are what images are made of.
type inputs struct{ kernel, root []byte }

var (
	le = binary.LittleEndian
	be = binary.BigEndian
)

// The formats below have no tool in Debian: they are written from their specifications.

func trx(in inputs) []byte {
	p := make([]byte, 28)
	copy(p, "HDR0")
	le.PutUint16(p[14:], 1)
	for i, part := range [][]byte{in.kernel, in.root} {
		le.PutUint32(p[16+4*i:], uint32(len(p)))
		p = append(p, part...)
		p = append(p, make([]byte, (4-len(p)%4)%4)...)
	}
	p = append(p, make([]byte, (0x1000-len(p)%0x1000)%0x1000)...)
	le.PutUint32(p[4:], uint32(len(p)))
	le.PutUint32(p[8:], ^crc32.ChecksumIEEE(p[12:]))
	return p
}

func seama(in inputs) []byte {
	entity := func(image []byte, text string) []byte {
		text += string(make([]byte, (4-len(text)%4)%4))
		p := be.AppendUint32(nil, 0x5EA3A417)
		p = be.AppendUint16(p, 0)
		p = be.AppendUint16(p, uint16(len(text)))
		p = be.AppendUint32(p, uint32(len(image)))
		if len(image) > 0 {
			sum := md5.Sum(image)
			p = append(p, sum[:]...)
		}
		return slices.Concat(p, []byte(text), image)
	}
	return slices.Concat(entity(nil, "signature=acme_board3\x00"), entity(slices.Concat(in.kernel, in.root), "dev=/dev/mtdblock/2\x00type=firmware\x00"))
}

func tplink(in inputs) []byte {
	p := make([]byte, 512)
	be.PutUint32(p, 1<<24)
	copy(p[4:], "TP-LINK Technologies")
	copy(p[28:], "ver. 1.0")
	be.PutUint32(p[64:], 0x08410008)
	be.PutUint32(p[68:], 1)
	put := func(at int, part []byte) {
		be.PutUint32(p[at:], uint32(len(p)))
		be.PutUint32(p[at+4:], uint32(len(part)))
		p = append(p, part...)
		p = append(p, bytes.Repeat([]byte{0xFF}, (64-len(p)%64)%64)...)
	}
	put(128, in.kernel)
	put(136, in.root)
	be.PutUint32(p[124:], uint32(len(p)))
	copy(p[76:], []byte{0xdc, 0xd7, 0x3a, 0xa5, 0xc3, 0x95, 0x98, 0xfb, 0xdd, 0xf9, 0xe7, 0xf4, 0x0e, 0xae, 0x47, 0x38})
	sum := md5.Sum(p)
	copy(p[76:], sum[:])
	return p
}

func esp(in inputs) []byte {
	p := []byte{0xE9, 2, 2, 0x20, 0, 0, 8, 0x40, 0xEE, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}
	sum := byte(0xEF)
	about := make([]byte, 256)
	le.PutUint32(about, 0xABCD5432)
	copy(about[16:], "v1.2.3")
	copy(about[48:], "thermostat")
	for i, s := range [][]byte{append(about, in.kernel[:40_000]...), in.kernel[40_000:90_000]} {
		p = le.AppendUint32(p, 0x3F400000+uint32(i)<<16)
		p = le.AppendUint32(p, uint32(len(s)))
		p = append(p, s...)
		for _, b := range s {
			sum ^= b
		}
	}
	for len(p)%16 != 15 {
		p = append(p, 0)
	}
	p = append(p, sum)
	h := sha256.Sum256(p)
	return append(p, h[:]...)
}

func uf2(in inputs) (out []byte) {
	content := in.kernel[:25_600]
	for i := range len(content) / 256 {
		p := make([]byte, 512)
		for k, v := range []uint32{0x0A324655, 0x9E5D5157, 0x2000, 0x10000000 + uint32(i)*256, 256, uint32(i), uint32(len(content) / 256), 0xE48BFF56} {
			le.PutUint32(p[4*k:], v)
		}
		copy(p[32:], content[i*256:(i+1)*256])
		le.PutUint32(p[508:], 0x0AB16F30)
		out = append(out, p...)
	}
	return out
}
