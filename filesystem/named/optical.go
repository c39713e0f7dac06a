package named

import (
	"fmt"
	"slices"
	"strings"

	"salvor/block/probe"
	"salvor/filesystem"
)

// ISO 9660: volume descriptors of 2 KiB from 32 KiB on; a supplementary one has names in UCS-2 (Joliet).
// Numbers are stored in both byte orders, which must agree. Followed: ECMA-119, 4th edition.
func iso9660() format {
	return format{
		name: "iso9660", title: "ISO 9660",
		probes: []probe.Probe{{ID: "iso9660.primary", Bytes: []byte("\x01CD001\x01"), At: 32768, Align: 2048}},
		locate: locateISO,
	}
}

func locateISO(r *reader, off int64) []filesystem.Candidate {
	b := r.bytes(off+32768, 2048)
	if b == nil || off < 0 {
		return nil
	}
	blocks, size := le.Uint32(b[80:]), le.Uint16(b[128:])
	if blocks != be.Uint32(b[84:]) || size != be.Uint16(b[130:]) || !powerOfTwo(int64(size), 512, 2048) || blocks < 18 {
		return nil
	}
	c := filesystem.Candidate{Extent: extent(off, uint64(blocks), int64(size)), Label: string(b[40:72]), Confirmed: 1}
	// The root directory's record is 34 bytes long; the directory begins with a copy of it. A session
	// behind the first has its numbers from the start of the medium, and is no volume by itself.
	root := int64(le.Uint32(b[158:]))
	tally(&c, b[156] == 34 && b[156+25]&2 != 0)
	if d := r.bytes(off+root*int64(size), 34); d != nil && d[0] >= 34 && le.Uint32(d[2:]) == uint32(root) {
		c.Confirmed += 2
	} else if d != nil || root >= int64(blocks) {
		c.Refuted += 2
	}
	for _, at := range []int{830, 813} { // modified, else created
		if t := string(b[at : at+16]); strings.Trim(t, "0123456789") == "" && strings.Trim(t, "0") != "" {
			c.UUID = fmt.Sprintf("%s-%s-%s-%s-%s-%s-%s", t[:4], t[4:6], t[6:8], t[8:10], t[10:12], t[12:14], t[14:16])
			break
		}
	}
	for i := int64(1); i < 16; i++ {
		d := r.bytes(off+32768+2048*i, 2048)
		if d == nil || string(d[1:6]) != "CD001" || d[0] == 255 {
			break
		}
		if d[0] == 2 && string(d[88:90]) == "%/" && strings.ContainsRune("@CE", rune(d[90])) {
			c.Label = joliet(c.Label, utf16Text(d[40:72], be))
			break
		}
	}
	return one(c)
}

// joliet joins the two forms of a label: the one in UCS-2 has lower case and other scripts, but only 16
// characters; where the other goes on with the same name, its end is added.
func joliet(plain, wide string) string {
	plain, wide = clean(plain), clean(wide)
	w := []rune(wide)
	if wide == "" {
		return plain
	}
	if len(w) < 15 || len(plain) <= len(w) {
		return wide
	}
	for i, c := range w {
		if p := rune(plain[i]); p != '_' && !strings.EqualFold(string(p), string(c)) {
			return wide
		}
	}
	return wide + plain[len(w):]
}

// UDF: a recognition sequence from 32 KiB on, an anchor in block 256 that leads to the descriptors, each with
// a checksum of its tag. Followed: ECMA-167, 3rd edition; OSTA UDF 2.60.
func udf() format {
	return format{
		name: "udf", title: "UDF",
		// ISO 9660 descriptors may stand before the one that is looked for; 02 and 03 differ in one bit.
		probes: udfProbes(),
		locate: locateUDF,
	}
}

func udfProbes() []probe.Probe {
	var out []probe.Probe
	for i := int64(1); i <= 6; i++ {
		out = append(out, probe.Probe{
			ID: fmt.Sprintf("udf.nsr%d", i), Bytes: []byte("\x00NSR02\x01"), Mask: []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xff},
			At: 32768 + 2048*i, Align: 2048,
		})
	}
	return out
}

func locateUDF(r *reader, off int64) []filesystem.Candidate {
	if off < 0 || !r.is(off+32768+1, "BEA01") && !r.is(off+32768+1, "CD001") {
		return nil
	}
	// The descriptors of the sequence stand one in a block, but at least 2 KiB apart.
	sizes := []int64{512, 1024, 2048}
	if d := r.bytes(off+34816, 6); d != nil && !slices.Contains([]string{"CD001", "BEA01", "NSR02", "NSR03", "BOOT2"}, string(d[1:])) {
		sizes = []int64{4096}
	}
	for _, size := range sizes {
		b := r.bytes(off+256*size, 512)
		if !udfTag(b, 2) || le.Uint32(b[12:]) != 256 {
			continue
		}
		c := filesystem.Candidate{Confirmed: 2}
		end := uint64(257)
		length, first := int64(le.Uint32(b[16:])), int64(le.Uint32(b[20:]))
		for i := int64(0); i < min(length/size, 64); i++ {
			d := r.bytes(off+(first+i)*size, 512)
			if d == nil {
				break
			}
			switch {
			case udfTag(d, 1):
				c.UUID = udfID(dstring(d[72:200]))
			case udfTag(d, 5):
				c.Confirmed++
				end = max(end, uint64(le.Uint32(d[188:]))+uint64(le.Uint32(d[192:])))
			case udfTag(d, 6):
				c.Label = dstring(d[84:212])
			case udfTag(d, 8):
				i = length
			}
		}
		c.Extent = extent(off, end, size)
		return one(c)
	}
	return nil
}

// udfTag reports whether b begins with a tag of kind, whose checksum is the sum of its other bytes.
func udfTag(b []byte, kind uint16) bool {
	if len(b) < 16 || le.Uint16(b) != kind {
		return false
	}
	var s byte
	for i, v := range b[:16] {
		if i != 4 {
			s += v
		}
	}
	return s == b[4]
}

// dstring decodes a text whose first byte is 8 or 16 bits a character and whose last is its length.
func dstring(b []byte) string {
	n := int(b[len(b)-1])
	if n < 1 || n > len(b)-1 {
		return ""
	}
	text := b[1:n]
	if b[0] == 16 || b[0] == 255 {
		return utf16Text(text, be)
	}
	var out []rune
	for _, v := range text {
		out = append(out, rune(v))
	}
	return string(out)
}

// udfID makes 16 digits out of a volume set's name: its own first ones where they are hexadecimal, else the
// values of its bytes.
func udfID(s string) string {
	hex := func(s string) bool { return strings.Trim(s, "0123456789abcdefABCDEF") == "" }
	if s == "" {
		return ""
	}
	s += strings.Repeat("\x00", 16)
	switch {
	case hex(s[:16]):
		return strings.ToLower(s[:16])
	case hex(s[:8]):
		return strings.ToLower(s[:8]) + fmt.Sprintf("%x", s[8:12])
	}
	return fmt.Sprintf("%x", s[:8])
}
