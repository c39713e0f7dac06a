package crypt

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"strings"

	//lint:ignore SA1019 volumes that were made with it are there
	"golang.org/x/crypto/twofish"
)

// Sectors decrypts sectors of one volume. It is safe for concurrent use.
type Sectors struct {
	size    int    // of a sector, bytes
	step    uint64 // by which the number grows from one sector to the next
	granule int    // the part of a sector that can be decrypted without the rest of it, bytes
	iv      func(b *[blockSize]byte, number uint64)
	mode    mode
}

// blockSize is the one of every cipher that is known here, bytes.
const blockSize = 16

// The sizes that a sector may have, bytes.
const (
	MinSector = 512
	MaxSector = 4096
)

// mode decrypts a part of one sector in place. iv is that of the sector, and p begins skip bytes into it, which
// is 0 for modes whose granule is the sector.
type mode interface {
	decrypt(p []byte, iv *[blockSize]byte, skip int)
}

// New returns what decrypts sectors of sector bytes with a cipher by the name that dm-crypt has for it
// ("aes-xts-plain64"). Numbers of sectors count units of unit bytes, which divides sector. The key is not kept.
// An unknown name, or a key of a length that the cipher does not take, is an error that names the cipher only.
func New(name string, key []byte, sector, unit int) (*Sectors, error) {
	if sector < MinSector || sector > MaxSector || sector&(sector-1) != 0 || unit < MinSector || sector%unit != 0 {
		return nil, fmt.Errorf("sectors of %d bytes, numbered by %d, are not supported", sector, unit)
	}
	algorithm, rest, _ := strings.Cut(name, "-")
	chain, vector, _ := strings.Cut(rest, "-")
	s := &Sectors{size: sector, step: uint64(sector / unit), granule: sector}
	var err error
	if algorithm == "cipher_null" {
		s.granule, s.mode, s.iv = blockSize, identity{}, noIV
		return s, nil
	}
	open := ciphers[algorithm]
	if open == nil {
		return nil, fmt.Errorf("cipher %q is not supported", shorten(name))
	}
	wrongKey := func(error) error {
		return fmt.Errorf("cipher %q does not take a key of %d bits", shorten(name), len(key)*8)
	}
	var block cipher.Block // what essiv and eboiv take their keys for
	switch chain {
	case "xts":
		x := &xts{}
		if len(key)%2 != 0 {
			return nil, wrongKey(nil)
		}
		if x.data, err = open(key[:len(key)/2]); err != nil {
			return nil, wrongKey(err)
		}
		if x.tweak, err = open(key[len(key)/2:]); err != nil {
			return nil, wrongKey(err)
		}
		s.mode, s.granule, block = x, blockSize, x.data
	case "lrw":
		if len(key) <= blockSize {
			return nil, wrongKey(nil)
		}
		l := &lrw{}
		data, tweak := key[:len(key)-blockSize], key[len(key)-blockSize:]
		if l.data, err = open(data); err != nil {
			return nil, wrongKey(err)
		}
		l.key = [2]uint64{binary.BigEndian.Uint64(tweak), binary.BigEndian.Uint64(tweak[8:])}
		s.mode, s.granule, block = l, blockSize, l.data
	case "cbc":
		data := key
		if vector == "elephant" {
			data = key[:len(key)/2]
		}
		if block, err = open(data); err != nil {
			return nil, wrongKey(err)
		}
		s.mode = &cbc{data: block}
	case "ecb":
		if block, err = open(key); err != nil {
			return nil, wrongKey(err)
		}
		s.mode, s.granule = &ecb{data: block}, blockSize
	default:
		return nil, fmt.Errorf("cipher %q is not supported", shorten(name))
	}
	switch kind, option, _ := strings.Cut(vector, ":"); {
	case kind == "plain64":
		s.iv = func(b *[blockSize]byte, n uint64) { binary.LittleEndian.PutUint64(b[:], n) }
	case kind == "plain":
		s.iv = func(b *[blockSize]byte, n uint64) { binary.LittleEndian.PutUint32(b[:], uint32(n)) }
	case kind == "plain64be":
		s.iv = func(b *[blockSize]byte, n uint64) { binary.BigEndian.PutUint64(b[8:], n) }
	case kind == "benbi":
		// It counts blocks of the cipher, from 1.
		blocks := uint64(unit / blockSize)
		s.iv = func(b *[blockSize]byte, n uint64) { binary.BigEndian.PutUint64(b[8:], n*blocks+1) }
	case kind == "null", kind == "" && chain == "ecb":
		s.iv = noIV
	case kind == "essiv":
		h, err := Hash(option)
		if err != nil {
			return nil, err
		}
		sum := h()
		sum.Write(key)
		salt := sum.Sum(nil)
		defer clear(salt)
		salted, err := open(salt)
		if err != nil {
			return nil, fmt.Errorf("cipher %q is not supported", shorten(name))
		}
		s.iv = func(b *[blockSize]byte, n uint64) {
			binary.LittleEndian.PutUint64(b[:], n)
			salted.Encrypt(b[:], b[:])
		}
	case chain == "cbc" && kind == "eboiv":
		s.iv = byteOffset(block, uint64(unit))
	case chain == "cbc" && kind == "elephant":
		e := &elephant{cbc: cbc{data: block}}
		if e.tweak, err = open(key[len(key)/2:]); err != nil {
			return nil, wrongKey(err)
		}
		// The diffuser needs the offset itself as well.
		e.iv = byteOffset(block, 1)
		s.mode = e
		s.iv = func(b *[blockSize]byte, n uint64) { binary.LittleEndian.PutUint64(b[:], n*uint64(unit)) }
	default:
		return nil, fmt.Errorf("cipher %q is not supported", shorten(name))
	}
	return s, nil
}

var ciphers = map[string]func(key []byte) (cipher.Block, error){
	"aes":     aes.NewCipher,
	"twofish": func(key []byte) (cipher.Block, error) { return twofish.NewCipher(key) },
	"serpent": newSerpent,
}

// shorten keeps a name that a header gave from filling a line.
func shorten(name string) string {
	if len(name) > 64 {
		return name[:64] + "…"
	}
	return name
}

func noIV(*[blockSize]byte, uint64) {}

// byteOffset makes the vector that BitLocker uses: the offset of the sector, encrypted with the key of the data.
func byteOffset(b cipher.Block, unit uint64) func(*[blockSize]byte, uint64) {
	return func(iv *[blockSize]byte, n uint64) {
		binary.LittleEndian.PutUint64(iv[:], n*unit)
		b.Encrypt(iv[:], iv[:])
	}
}

// Size returns the size of a sector in bytes.
func (s *Sectors) Size() int { return s.size }

// Decrypt decrypts whole sectors in place, of which the first has that number.
func (s *Sectors) Decrypt(p []byte, number uint64) { s.decrypt(p, number, 0) }

// decrypt decrypts p, which begins at bytes behind the start of the sector with that number. Both ends are
// multiples of the granule.
func (s *Sectors) decrypt(p []byte, number uint64, at int64) {
	number += uint64(at/int64(s.size)) * s.step
	skip := int(at % int64(s.size))
	for len(p) > 0 {
		n := min(s.size-skip, len(p))
		var iv [blockSize]byte
		s.iv(&iv, number)
		s.mode.decrypt(p[:n], &iv, skip)
		p, skip = p[n:], 0
		number += s.step
	}
}
