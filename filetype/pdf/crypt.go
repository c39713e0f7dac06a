package pdf

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/rc4"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
)

// lock says whether a password is needed.
type lock uint8

const (
	none   lock = iota
	open        // encrypted, and opens with an empty password
	locked      // needs a password, or a way of encryption that is not known
)

// padding is what fills up a short password, ISO 32000-1 table 21 algorithm 2.
const padding = "\x28\xBF\x4E\x5E\x4E\x75\x8A\x41\x64\x00\x4E\x56\xFF\xFA\x01\x08" +
	"\x2E\x2E\x00\xB6\xD0\x68\x3E\x80\x2F\x0C\xA9\xFE\x64\x53\x69\x7A"

// lock tries the empty user password against an encryption dictionary.
func (x *exam) lock(v any) lock {
	d, ok := x.resolve(v, 0).(dict)
	if !ok || d["Filter"] != name("Standard") {
		return locked
	}
	number := func(key string, otherwise int64) int64 {
		if n, ok := x.resolve(d[key], 0).(int64); ok {
			return n
		}
		return otherwise
	}
	str := func(key string) string { s, _ := x.resolve(d[key], 0).(string); return s }
	owner, user := str("O"), str("U")
	revision := number("R", 0)
	if len(user) < 32 || len(owner) < 32 {
		return locked
	}
	if revision >= 5 {
		if len(user) >= 48 && userHash(revision, user[32:40]) == user[:32] {
			return open
		}
		return locked
	}
	id := ""
	if a, ok := x.resolve(x.trailer["ID"], 0).(array); ok && len(a) > 0 {
		id, _ = x.resolve(a[0], 0).(string)
	}
	metadata := true
	if b, ok := d["EncryptMetadata"].(bool); ok {
		metadata = b
	}
	length := number("Length", 40) / 8
	if revision == 2 {
		length = 5
	}
	if revision < 2 || revision > 4 || length < 5 || length > 16 {
		return locked
	}
	if emptyPassword(revision, int(length), owner[:32], user, id, int32(number("P", 0)), metadata) {
		return open
	}
	return locked
}

// emptyPassword reports whether the empty password is the user's, for the revisions 2 to 4 (algorithms 2, 4, 5
// and 6 of ISO 32000-1).
func emptyPassword(revision int64, length int, owner, user, id string, permissions int32, metadata bool) bool {
	h := md5.New()
	h.Write([]byte(padding + owner))
	h.Write(binary.LittleEndian.AppendUint32(nil, uint32(permissions)))
	h.Write([]byte(id))
	if revision >= 4 && !metadata {
		h.Write([]byte{0xFF, 0xFF, 0xFF, 0xFF})
	}
	key := h.Sum(nil)
	if revision >= 3 {
		for range 50 {
			s := md5.Sum(key[:length])
			key = s[:]
		}
	}
	key = key[:length]
	if revision == 2 {
		out := rc4Of(key, []byte(padding))
		return string(out) == user[:32]
	}
	s := md5.Sum([]byte(padding + id))
	out := s[:]
	for i := range 20 {
		k := bytes.Clone(key)
		for j := range k {
			k[j] ^= byte(i)
		}
		out = rc4Of(k, out)
	}
	return string(out) == user[:16]
}

func rc4Of(key, p []byte) []byte {
	out := make([]byte, len(p))
	if c, err := rc4.NewCipher(key); err == nil {
		c.XORKeyStream(out, p)
	}
	return out
}

// userHash computes what U begins with for the empty password (algorithms 2.B and 11 of ISO 32000-2).
func userHash(revision int64, salt string) string {
	sum := sha256.Sum256([]byte(salt))
	k := sum[:]
	if revision < 6 {
		return string(k)
	}
	for round := 0; ; round++ {
		p := bytes.Repeat(k, 64)
		c, err := aes.NewCipher(k[:16])
		if err != nil {
			return ""
		}
		cipher.NewCBCEncrypter(c, k[16:32]).CryptBlocks(p, p)
		rest := 0
		for _, b := range p[:16] {
			rest += int(b)
		}
		switch rest % 3 {
		case 0:
			s := sha256.Sum256(p)
			k = s[:]
		case 1:
			s := sha512.Sum384(p)
			k = s[:]
		default:
			s := sha512.Sum512(p)
			k = s[:]
		}
		if round >= 63 && int(p[len(p)-1]) <= round-31 {
			return string(k[:32])
		}
	}
}
