package bitlocker

import (
	"context"
	"crypto/aes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"unicode/utf16"
	"unicode/utf8"

	"salvor/volume"
)

const (
	nonceSize  = 12
	macSize    = 16
	keyHeader  = 12 // of a key that was unlocked: size, version, method
	masterSize = 32
	stretches  = 1 << 20
)

var errShort = errors.New("bitlocker: a locked key is too short")

// unlock takes a key out of what AES-CCM locked: nonce, MAC, bytes. [volume.ErrWrongSecret] says that key is not
// the right one.
func unlock(locked, key []byte) ([]byte, error) {
	if len(locked) < nonceSize+macSize+keyHeader+1 {
		return nil, errShort
	}
	b, err := aes.NewCipher(key)
	if err != nil {
		return nil, errShort
	}
	nonce, mac, data := locked[:nonceSize], locked[nonceSize:nonceSize+macSize], locked[nonceSize+macSize:]
	const lengthSize = aes.BlockSize - 1 - nonceSize
	var counter, stream [aes.BlockSize]byte
	counter[0] = lengthSize - 1
	copy(counter[1:], nonce)
	b.Encrypt(stream[:], counter[:])
	var want [macSize]byte
	subtle.XORBytes(want[:], mac, stream[:])
	out := make([]byte, len(data))
	for at := 0; at < len(out); at += aes.BlockSize {
		for i := len(counter) - 1; i > nonceSize; i-- {
			if counter[i]++; counter[i] != 0 {
				break
			}
		}
		b.Encrypt(stream[:], counter[:])
		subtle.XORBytes(out[at:min(at+aes.BlockSize, len(out))], data[at:], stream[:])
	}
	// The MAC goes over the flags, the nonce, the length and the plain bytes.
	var sum [aes.BlockSize]byte
	sum[0] = (macSize-2)/2<<3 | (lengthSize - 1)
	copy(sum[1:], nonce)
	sum[14], sum[15] = byte(len(out)>>8), byte(len(out))
	b.Encrypt(sum[:], sum[:])
	for at := 0; at < len(out); at += aes.BlockSize {
		subtle.XORBytes(sum[:], sum[:], out[at:min(at+aes.BlockSize, len(out))])
		b.Encrypt(sum[:], sum[:])
	}
	if subtle.ConstantTimeCompare(sum[:], want[:]) != 1 || binary.LittleEndian.Uint32(out) != uint32(len(out)) {
		clear(out)
		return nil, volume.ErrWrongSecret
	}
	return out[keyHeader:], nil
}

// stretch makes the key of a password or a recovery key slow to guess.
func stretch(ctx context.Context, initial [sha256.Size]byte, salt []byte) ([]byte, error) {
	var b [sha256.Size + sha256.Size + 16 + 8]byte // last sum, initial sum, salt, count
	defer clear(b[:])
	copy(b[sha256.Size:], initial[:])
	copy(b[2*sha256.Size:], salt)
	for i := range uint64(stretches) {
		if i%(1<<14) == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		binary.LittleEndian.PutUint64(b[len(b)-8:], i)
		sum := sha256.Sum256(b[:])
		copy(b[:], sum[:])
	}
	return append([]byte(nil), b[:sha256.Size]...), nil
}

// passwordKey is the first step of a password: twice the sum of its UTF-16 form.
func passwordKey(password []byte) [sha256.Size]byte {
	wide := make([]byte, 0, 4*len(password))
	for b := password; len(b) > 0; {
		r, n := utf8.DecodeRune(b)
		b = b[n:]
		if r1, r2 := utf16.EncodeRune(r); r1 != utf8.RuneError {
			wide = binary.LittleEndian.AppendUint16(wide, uint16(r1))
			r = r2
		}
		wide = binary.LittleEndian.AppendUint16(wide, uint16(r))
	}
	defer clear(wide)
	once := sha256.Sum256(wide)
	defer clear(once[:])
	return sha256.Sum256(once[:])
}
