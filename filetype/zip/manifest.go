package zip

import (
	"unicode/utf16"
	"unicode/utf8"

	"salvor/cursor"
)

// Chunks of the binary XML that Android packages have.
const (
	chunkStrings = 0x0001
	chunkXML     = 0x0003
	chunkElement = 0x0102
	// maxStrings is the most strings of a manifest that are looked at.
	maxStrings = 1 << 16
	noString   = 1<<32 - 1
)

// packageName returns the package that the manifest p of an Android package names; "" when it names none.
//
// Followed: frameworks/base/libs/androidfw, ResourceTypes.h (Android Open Source Project, 2023).
func packageName(p []byte) string {
	c := cursor.New("manifest", 0, p)
	if kind, head := c.Uint16(), c.Uint16(); kind != chunkXML || head != 8 {
		return ""
	}
	var texts []string
	for at := 8; at+8 <= len(p); {
		c := cursor.New("manifest", int64(at), p[at:])
		kind, _, size := c.Uint16(), c.Uint16(), int(c.Uint32())
		if c.Err() != nil || size < 8 || size > len(p)-at {
			return ""
		}
		chunk := p[at : at+size]
		switch kind {
		case chunkStrings:
			texts = strings16(chunk)
		case chunkElement: // the first one is the manifest's
			return attribute(chunk, texts)
		}
		at += size
	}
	return ""
}

// strings16 returns the strings of a pool.
func strings16(p []byte) (texts []string) {
	c := cursor.New("strings", 0, p)
	c.Skip(8)
	n := int(min(c.Uint32(), maxStrings))
	c.Skip(4)
	wide, start := c.Uint32()&0x100 == 0, int(c.Uint32())
	c.Skip(4)
	for range n {
		off := int(c.Uint32())
		if c.Err() != nil || off > len(p) || start > len(p)-off-4 {
			break
		}
		texts = append(texts, string16(p[start+off:], wide))
	}
	return texts
}

// string16 returns one string: its length, or two for UTF-8, in one or two units, then its units.
func string16(p []byte, wide bool) string {
	length := func() int {
		n := 0
		for i := range 2 {
			var unit, more int
			if wide && len(p) >= 2 {
				unit, more, p = int(p[0])|int(p[1]&0x7F)<<8, int(p[1]>>7), p[2:]
			} else if !wide && len(p) >= 1 {
				unit, more, p = int(p[0]&0x7F), int(p[0]>>7), p[1:]
			}
			if n = n<<(8-1) | unit; more == 0 || i == 1 {
				break
			}
		}
		return n
	}
	n := length()
	if !wide {
		n = length()
		if n > len(p) || !utf8.Valid(p[:n]) {
			return ""
		}
		return string(p[:n])
	}
	if n > len(p)/2 {
		return ""
	}
	u := make([]uint16, n)
	for i := range u {
		u[i] = uint16(p[2*i]) | uint16(p[2*i+1])<<8
	}
	return string(utf16.Decode(u))
}

// attribute returns the value of the attribute package of an element.
func attribute(p []byte, texts []string) string {
	c := cursor.New("element", 0, p)
	c.Skip(16 + 8)
	start, size, count := int(c.Uint16()), int(c.Uint16()), int(c.Uint16())
	if c.Err() != nil || size < 20 {
		return ""
	}
	for i := range count {
		at := 16 + start + i*size
		if at+20 > len(p) {
			break
		}
		c := cursor.New("attribute", int64(at), p[at:at+20])
		c.Skip(4)
		name, value := c.Uint32(), c.Uint32()
		if int64(name) < int64(len(texts)) && texts[name] == "package" && value != noString && int64(value) < int64(len(texts)) {
			return texts[value]
		}
	}
	return ""
}
