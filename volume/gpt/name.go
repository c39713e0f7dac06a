package gpt

import (
	"encoding/binary"
	"unicode/utf16"
)

// utf16Name decodes a name up to its first NUL; what is no valid UTF-16 becomes U+FFFD.
func utf16Name(b []byte) string {
	var units []uint16
	for ; len(b) >= 2; b = b[2:] {
		u := binary.LittleEndian.Uint16(b)
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	return string(utf16.Decode(units))
}

// TypeName returns what a type GUID, in upper case, stands for; "" when it is not known.
func TypeName(guid string) string { return typeNames[guid] }
