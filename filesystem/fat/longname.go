package fat

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"

	"salvor/filesystem/internal/cluster"
)

const (
	lastPart     = 0x40 // in the order byte of the first entry of a long name, which holds its last part
	partUnits    = 13   // UTF-16 units in one entry
	maxParts     = 20
	maxNameUnits = 255
)

// part is one entry of a long name.
type part struct {
	order    byte
	checksum byte
	units    [partUnits]uint16
}

// isLongEntry reports whether the 32 bytes of p are an entry of a long name.
func isLongEntry(p []byte) bool { return p[11]&attrLongMask == attrLong }

// parsePart reads an entry of a long name of 32 bytes.
func parsePart(p []byte) part {
	l := part{order: p[0], checksum: p[13]}
	for i := range l.units {
		at := 1 + 2*i
		switch {
		case i >= 11:
			at = 28 + 2*(i-11)
		case i >= 5:
			at = 14 + 2*(i-5)
		}
		l.units[i] = binary.LittleEndian.Uint16(p[at:])
	}
	return l
}

// ended reports whether the part holds the end of its name.
func (l *part) ended() bool {
	for _, u := range l.units {
		if u == 0 {
			return true
		}
	}
	return false
}

// plausible reports whether the units can be a part of a name: nothing but padding behind the end, and no
// control characters.
func (l *part) plausible() bool {
	end := false
	for i, u := range l.units {
		switch {
		case end:
			if u != 0xFFFF && u != 0 {
				return false
			}
		case u == 0:
			if i == 0 {
				return false
			}
			end = true
		case u < 0x20:
			return false
		}
	}
	return true
}

// checksum is the checksum of a short name that the parts of its long name hold.
func checksum(name [11]byte) byte {
	sum := byte(0)
	for _, c := range name {
		sum = sum<<7 + sum>>1 + c
	}
	return sum
}

// firstByte returns the first byte that gives the name the checksum sum. There is exactly one, since each
// step of the checksum can be undone.
func firstByte(name [11]byte, sum byte) byte {
	for i := len(name) - 1; i > 0; i-- {
		sum -= name[i]
		sum = sum<<1 + sum>>7
	}
	return sum
}

// longName collects the parts of a long name as they stand before their short entry.
type longName struct {
	parts  []part // as they stand: the last part first
	broken string // why the sequence is no name, "" while it may be one
}

func (n *longName) reset() { n.parts, n.broken = n.parts[:0], "" }

// pending reports whether there was an entry of a long name since the last short one.
func (n *longName) pending() bool { return len(n.parts) > 0 || n.broken != "" }

// add takes a live part.
func (n *longName) add(l part) {
	order := l.order &^ lastPart
	switch {
	case l.order&lastPart != 0:
		lost := n.pending()
		n.reset()
		if lost {
			n.broken = ""
		}
		if order < 1 || order > maxParts {
			n.broken = "a part of a number that cannot be"
			return
		}
	case n.broken != "":
		return
	case len(n.parts) == 0:
		n.broken = "the last part is missing"
		return
	case order != n.parts[len(n.parts)-1].order&^lastPart-1:
		n.broken = "the parts are not in order"
		return
	case l.checksum != n.parts[0].checksum:
		n.broken = "the parts are of different names"
		return
	}
	n.parts = append(n.parts, l)
}

// of returns the long name of the short entry behind the parts, or "" and the reason.
func (n *longName) of(name [11]byte) (string, string) {
	switch {
	case n.broken != "":
		return "", n.broken
	case len(n.parts) == 0:
		return "", ""
	case n.parts[len(n.parts)-1].order&^lastPart != 1:
		return "", "the first part is missing"
	case n.parts[0].checksum != checksum(name):
		return "", "the checksum is that of another short name"
	}
	s := decodeParts(n.parts)
	if s == "" {
		return "", "it is empty"
	}
	return s, ""
}

// addDeleted takes a part of a deleted name. Its number is gone; the parts of one name share a checksum and
// only the last one, which stands first, holds the end.
func (n *longName) addDeleted(l part) {
	if len(n.parts) > 0 && (n.parts[0].checksum != l.checksum || l.ended() || len(n.parts) == maxParts) {
		n.reset()
	}
	n.broken = ""
	if !l.plausible() {
		n.reset()
		return
	}
	n.parts = append(n.parts, l)
}

// ofDeleted returns the long name of a deleted entry and the first byte of its short name, when the parts
// before it are its own: the byte that the checksum asks for is one that the long name can have given.
func (n *longName) ofDeleted(name [11]byte) (string, byte) {
	if len(n.parts) == 0 || n.broken != "" {
		return "", 0
	}
	first := firstByte(name, n.parts[0].checksum)
	long := decodeParts(n.parts)
	if long == "" || !firstFrom(first, long) {
		return "", 0
	}
	return long, first
}

// firstFrom reports whether a system can have made a short name that begins with first for a long name.
func firstFrom(first byte, long string) bool {
	if first < 0x21 && first != markKanji || first == 0x7F || strings.IndexByte(forbidden, first) >= 0 || first >= 'a' && first <= 'z' {
		return false
	}
	long = strings.TrimLeft(long, ". ")
	if long == "" {
		return true
	}
	r, _ := utf8.DecodeRuneInString(long)
	switch {
	case r >= 0x80:
		// Systems differ: a byte of their code page, an underscore, or a digit of a hash.
		return true
	case strings.ContainsRune("+,;=[]", r):
		return first == '_'
	case r >= 'a' && r <= 'z':
		return first == byte(r-'a'+'A')
	}
	return first == byte(r)
}

// decodeParts joins parts that stand last part first.
func decodeParts(parts []part) string {
	units := make([]uint16, 0, len(parts)*partUnits)
collect:
	for i := len(parts) - 1; i >= 0; i-- {
		for _, u := range parts[i].units {
			if u == 0 || len(units) == maxNameUnits {
				break collect
			}
			units = append(units, u)
		}
	}
	return cluster.Name(units)
}
