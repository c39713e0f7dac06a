package zip

import (
	"bytes"
	"encoding/binary"

	"salvor/block"
	"salvor/cursor"
)

// The signatures of APPNOTE 4.3, as numbers.
const (
	sigLocal       = 0x04034b50
	sigDescriptor  = 0x08074b50
	sigCentral     = 0x02014b50
	sigSignature   = 0x05054b50
	sigEnd         = 0x06054b50
	sigEnd64       = 0x06064b50
	sigLocator     = 0x07064b50
	localSize      = 30
	centralSize    = 46
	endSize        = 22
	end64Size      = 56
	locatorSize    = 20
	maxVariable    = 3 * 0xFFFF // name, extra and comment together, in bytes
	signingMagic   = "APK Sig Block 42"
	maxSigningSize = 64 << 20
)

// Methods of compression, APPNOTE 4.4.5.
const (
	methodStore   = 0
	methodDeflate = 8
	methodBzip2   = 12
	methodZstd    = 93
	methodAES     = 99
)

var knownMethods = map[uint16]string{0: "store", 1: "shrink", 2: "reduce", 3: "reduce", 4: "reduce", 5: "reduce",
	6: "implode", 8: "deflate", 9: "deflate64", 10: "implode", 12: "bzip2", 14: "lzma", 18: "terse", 19: "lz77",
	20: "zstd", 93: "zstd", 94: "mp3", 95: "xz", 96: "jpeg", 97: "wavpack", 98: "ppmd", 99: "aes"}

// Bits of the general purpose flags, APPNOTE 4.4.4.
const (
	flagEncrypted  = 1 << 0
	flagDescriptor = 1 << 3
	flagStrong     = 1 << 6
	flagMasked     = 1 << 13
	flagsReserved  = 1<<7 | 1<<8 | 1<<9 | 1<<10 | 1<<14 | 1<<15
)

// Extra fields that this package looks into or over.
const (
	extraZip64   = 0x0001
	extraGrowth  = 0xA220 // room to grow, written by Office
	extraAlign   = 0xD935 // written by zipalign
	extraJar     = 0xCAFE // says that the archive is a JAR
	extraGrowSig = 0xA028
)

// header holds what a local header and a central one have in common.
type header struct {
	version, flags, method, time, date uint16
	crc                                uint32
	csize, usize                       int64
	zip64                              bool // sizes or offset stand in the extra field
	raw32                              [2]uint32
	name, extra, comment               []byte
	// Of the central header only.
	madeBy, disk, internal uint16
	external               uint32
	offset                 int64
}

func uint32At(p []byte, at int) uint32 { return binary.LittleEndian.Uint32(p[at:]) }

// parseLocal reads a local header, whose name and extra field may stand behind the end of b; it returns
// the length of all in any case.
func parseLocal(at int64, b []byte) (h header, length int, err error) {
	c := cursor.New("zip: local header", at, b)
	if s := c.Uint32(); c.Err() == nil && s != sigLocal {
		return h, 0, cursor.Corrupt("zip: local header", at, "the signature PK\\3\\4", s)
	}
	h.version, h.flags, h.method = c.Uint16(), c.Uint16(), c.Uint16()
	h.time, h.date, h.crc = c.Uint16(), c.Uint16(), c.Uint32()
	h.raw32 = [2]uint32{c.Uint32(), c.Uint32()}
	h.csize, h.usize = int64(h.raw32[0]), int64(h.raw32[1])
	n, m := int(c.Uint16()), int(c.Uint16())
	length = localSize + n + m
	h.name, h.extra = c.Bytes(n), c.Bytes(m)
	if err := c.Err(); err != nil {
		return h, length, err
	}
	if err := h.zip64Sizes(at, nil); err != nil {
		return h, length, err
	}
	return h, length, nil
}

// parseCentral reads a header of the central directory.
func parseCentral(at int64, b []byte) (h header, length int, err error) {
	c := cursor.New("zip: central header", at, b)
	if s := c.Uint32(); c.Err() == nil && s != sigCentral {
		return h, 0, cursor.Corrupt("zip: central header", at, "the signature PK\\1\\2", s)
	}
	h.madeBy, h.version, h.flags, h.method = c.Uint16(), c.Uint16(), c.Uint16(), c.Uint16()
	h.time, h.date, h.crc = c.Uint16(), c.Uint16(), c.Uint32()
	h.raw32 = [2]uint32{c.Uint32(), c.Uint32()}
	h.csize, h.usize = int64(h.raw32[0]), int64(h.raw32[1])
	n, m, k := int(c.Uint16()), int(c.Uint16()), int(c.Uint16())
	h.disk, h.internal, h.external = c.Uint16(), c.Uint16(), c.Uint32()
	h.offset = int64(c.Uint32())
	length = centralSize + n + m + k
	h.name, h.extra, h.comment = c.Bytes(n), c.Bytes(m), c.Bytes(k)
	if err := c.Err(); err != nil {
		return h, length, err
	}
	return h, length, h.zip64Sizes(at, &h.offset)
}

// zip64Sizes takes from the extra field the numbers that did not fit: content, compressed, offset, in this
// order and only those. offset is nil for a local header.
func (h *header) zip64Sizes(at int64, offset *int64) error {
	field, found, ok := findExtra(h.extra, extraZip64)
	wants := h.usize == 0xFFFFFFFF || h.csize == 0xFFFFFFFF || offset != nil && *offset == 0xFFFFFFFF
	if !ok {
		return cursor.Corrupt("zip: extra field", at, "fields that fill it", "one that is longer")
	}
	if !found {
		return nil
	}
	h.zip64 = true
	if !wants {
		return nil
	}
	c := cursor.New("zip: zip64 extra field", at, field)
	read := func(v *int64) {
		if *v == 0xFFFFFFFF {
			*v = int64(c.Uint64())
		}
	}
	read(&h.usize)
	read(&h.csize)
	if offset != nil {
		read(offset)
	}
	if c.Err() == nil && (h.usize < 0 || h.csize < 0 || offset != nil && *offset < 0) {
		return cursor.Corrupt("zip: zip64 extra field", at, "numbers below 2^63", "a larger one")
	}
	return c.Err()
}

// findExtra looks for the field id. ok is false when the fields do not fill p.
func findExtra(p []byte, id uint16) (field []byte, found, ok bool) {
	ok = eachExtra(p, func(i uint16, f []byte, _ int) {
		if i == id && !found {
			field, found = f, true
		}
	})
	return field, found, ok
}

// eachExtra calls fn for each field of p with the place of its header. It returns false when the fields do
// not fill p; up to three zero bytes may be left, as tools that align leave them.
func eachExtra(p []byte, fn func(id uint16, field []byte, at int)) bool {
	at := 0
	for len(p)-at >= 4 {
		id, n := binary.LittleEndian.Uint16(p[at:]), int(binary.LittleEndian.Uint16(p[at+2:]))
		if n > len(p)-at-4 {
			return false
		}
		fn(id, p[at+4:at+4+n], at)
		at += 4 + n
	}
	return len(bytes.Trim(p[at:], "\x00")) == 0
}

// plausible counts what speaks against a local header at a place where only its signature is known.
func (h *header) implausible() int {
	n := 0
	if _, ok := knownMethods[h.method]; !ok {
		n++
	}
	if h.version&0xFF > 63 {
		n++
	}
	if h.flags&flagsReserved != 0 {
		n++
	}
	if month := h.date >> 5 & 15; h.date != 0 && (month > 12 || h.time>>11 > 23 || h.time>>5&63 > 59) {
		n++
	}
	if len(h.name) == 0 || bytes.IndexByte(h.name, 0) >= 0 {
		n++
	}
	if h.method == methodStore && h.flags&(flagEncrypted|flagDescriptor) == 0 && h.csize != h.usize {
		n++
	}
	return n
}

// end is the end of the central directory record, with the numbers of the zip64 one where it refers to it.
type end struct {
	disk, directoryDisk, here, entries uint64
	size, offset                       uint64
	comment                            int
}

func parseEnd(at int64, b []byte) (e end, err error) {
	c := cursor.New("zip: end record", at, b)
	if s := c.Uint32(); c.Err() == nil && s != sigEnd {
		return e, cursor.Corrupt("zip: end record", at, "the signature PK\\5\\6", s)
	}
	e.disk, e.directoryDisk = uint64(c.Uint16()), uint64(c.Uint16())
	e.here, e.entries = uint64(c.Uint16()), uint64(c.Uint16())
	e.size, e.offset = uint64(c.Uint32()), uint64(c.Uint32())
	e.comment = int(c.Uint16())
	return e, c.Err()
}

// end64 is the zip64 end of the central directory record.
type end64 struct {
	end
	length int64 // of the record in all
}

func parseEnd64(at int64, b []byte) (e end64, err error) {
	c := cursor.New("zip: zip64 end record", at, b)
	if s := c.Uint32(); c.Err() == nil && s != sigEnd64 {
		return e, cursor.Corrupt("zip: zip64 end record", at, "the signature PK\\6\\6", s)
	}
	n := c.Uint64()
	if c.Err() == nil && (n < end64Size-12 || n > 1<<20) {
		return e, cursor.Corrupt("zip: zip64 end record", at, "a length from 44 to 1 MiB", n)
	}
	e.length = int64(n) + 12
	c.Skip(4) // versions
	e.disk, e.directoryDisk = uint64(c.Uint32()), uint64(c.Uint32())
	e.here, e.entries, e.size, e.offset = c.Uint64(), c.Uint64(), c.Uint64(), c.Uint64()
	return e, c.Err()
}

// signingBlock recognises the block that Android puts between members and directory: its length stands in
// front and behind. Given its first 8 bytes, it returns where its last 24 bytes must stand.
func signingBlock(at int64, p []byte) (tail int64, ok bool) {
	n := binary.LittleEndian.Uint64(p)
	if n < 24 || n > maxSigningSize {
		return 0, false
	}
	return at + 8 + int64(n) - 24, true
}

// extent is a short way to say n bytes from at.
func extent(at, n int64) block.Extent { return block.Extent{Offset: at, Length: n} }

// implausibleFixed is implausible for a header of which only the fixed part is there.
func (h *header) implausibleFixed() int {
	g := *h
	g.name = []byte("?")
	return g.implausible()
}
