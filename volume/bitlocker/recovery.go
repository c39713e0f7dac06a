package bitlocker

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode"
	"unicode/utf16"

	"salvor/cursor"
)

const (
	groups        = 8
	groupDigits   = 6
	maxSecretText = 64 << 10 // bytes of a file that a recovery key stands in
	maxKeys       = 16       // of recovery keys in one file
)

// recoveryKeys returns the first steps of the recovery keys in b: 48 digits, or a text in which eight groups of six
// digits stand, such as the file that Windows saves. The error names the group that was mistyped, and nothing of
// the key.
func recoveryKeys(b []byte) ([][sha256.Size]byte, error) {
	if len(b) > maxSecretText {
		return nil, errors.New("bitlocker: a recovery key has 48 digits; this is a long file")
	}
	b = narrow(b)
	defer clear(b)
	var out [][sha256.Size]byte
	var failed error
	for rest := b; len(out) < maxKeys; {
		at, end := findKey(rest)
		if at < 0 {
			break
		}
		key, err := recoveryKey(digits(rest[at:end]))
		if err == nil {
			out = append(out, key)
		} else if failed == nil {
			failed = err
		}
		rest = rest[end:]
	}
	if len(out) > 0 {
		return out, nil
	}
	if failed != nil {
		return nil, failed
	}
	// Not in groups, or groups with anything between them.
	key, err := recoveryKey(digits(b))
	if err != nil {
		return nil, err
	}
	return [][sha256.Size]byte{key}, nil
}

// narrow returns a copy of text that may be UTF-16, with one byte for each character, which is 0 for those beyond
// ASCII.
func narrow(b []byte) []byte {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(b, []byte{0xff, 0xfe}):
		order = binary.LittleEndian
	case bytes.HasPrefix(b, []byte{0xfe, 0xff}):
		order = binary.BigEndian
	default:
		return bytes.Clone(b)
	}
	out := make([]byte, 0, len(b)/2)
	for b = b[2:]; len(b) >= 2; b = b[2:] {
		u := order.Uint16(b)
		if u > unicode.MaxASCII || utf16.IsSurrogate(rune(u)) {
			u = 0
		}
		out = append(out, byte(u))
	}
	return out
}

// findKey returns where eight groups of six digits with one hyphen or space between them stand; -1 when nowhere.
func findKey(b []byte) (start, end int) {
	const length = groups*groupDigits + groups - 1
	isDigit := func(i int) bool { return i >= 0 && i < len(b) && b[i] >= '0' && b[i] <= '9' }
next:
	for i := 0; i+length <= len(b); i++ {
		if isDigit(i-1) || isDigit(i+length) {
			continue
		}
		for j := range length {
			if j%(groupDigits+1) == groupDigits {
				if c := b[i+j]; c != '-' && c != ' ' {
					continue next
				}
			} else if !isDigit(i + j) {
				continue next
			}
		}
		return i, i + length
	}
	return -1, -1
}

func digits(b []byte) []byte {
	out := make([]byte, 0, groups*groupDigits)
	for _, c := range b {
		if c >= '0' && c <= '9' {
			out = append(out, c)
		}
	}
	return out
}

// recoveryKey checks the groups, each of which is a 16-bit number times 11, and returns the sum of these numbers.
func recoveryKey(d []byte) ([sha256.Size]byte, error) {
	defer clear(d)
	if len(d) != groups*groupDigits {
		return [sha256.Size]byte{}, fmt.Errorf("bitlocker: the recovery key has %d digits in eight groups, expected %d", len(d), groups*groupDigits)
	}
	var key [2 * groups]byte
	defer clear(key[:])
	for i := range groups {
		v := uint32(0)
		for _, c := range d[i*groupDigits : (i+1)*groupDigits] {
			v = v*10 + uint32(c-'0')
		}
		if v%11 != 0 || v/11 > 0xffff {
			return [sha256.Size]byte{}, fmt.Errorf("bitlocker: group %d of the recovery key is mistyped; each group of six digits is divisible by 11 and below 720896", i+1)
		}
		binary.LittleEndian.PutUint16(key[2*i:], uint16(v/11))
	}
	return sha256.Sum256(key[:]), nil
}

// startupKey is what a .BEK file holds.
type startupKey struct {
	id  guid
	key []byte
}

// parseStartupKey decodes a .BEK file.
func parseStartupKey(b []byte) (startupKey, error) {
	const structure = "bitlocker: startup key"
	var k startupKey
	if len(b) > maxSecretText {
		return k, errors.New("bitlocker: a startup key file (.BEK) has a few hundred bytes; this is a long file")
	}
	c := cursor.New(structure, 0, b)
	length, version, header := int(c.Uint32()), c.Uint32(), int(c.Uint32())
	c.Seek(dataHeader)
	if c.Err() != nil || version != 1 || header != dataHeader || length < dataHeader || length > len(b) {
		return k, errors.New("bitlocker: this is no startup key file (.BEK)")
	}
	list, err := parseEntries(structure, b[dataHeader:length], dataHeader)
	for _, e := range list {
		if e.value != valueExternal {
			continue
		}
		p := cursor.New(structure, -1, e.data)
		id := p.Bytes(16)
		p.Skip(8) // time of the last change
		if p.Err() != nil {
			continue
		}
		inner, _ := parseEntries(structure, p.Rest(), -1)
		for _, i := range inner {
			if i.value == valueKey && len(i.data) == 4+masterSize {
				return startupKey{guid(id), i.data[4:]}, nil
			}
		}
	}
	if err != nil {
		return k, errors.New("bitlocker: the startup key file (.BEK) is damaged")
	}
	return k, errors.New("bitlocker: the startup key file (.BEK) holds no key")
}
