package exfat

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"time"

	"salvor/cursor"
	"salvor/filesystem"
)

// entrySize is the size of a directory entry in bytes.
const entrySize = 32

// Types of directory entries, in use. A deleted entry lacks the bit inUse.
const (
	typeEnd       = 0x00
	typeBitmap    = 0x81
	typeUpcase    = 0x82
	typeLabel     = 0x83
	typeFile      = 0x85
	typeGUID      = 0xA0
	typePadding   = 0xA1 // TexFAT
	typeStream    = 0xC0
	typeName      = 0xC1
	typeACL       = 0xC2 // Windows CE
	typeVendor    = 0xE0
	typeVendorRun = 0xE1

	inUse     = 0x80
	secondary = 0x40
	benign    = 0x20
)

// Bits of the flags of a secondary entry.
const (
	flagAllocation = 1 << iota
	flagNoChain
)

// Attribute bits of a file.
const (
	attrReadOnly  = 0x01
	attrHidden    = 0x02
	attrSystem    = 0x04
	attrDirectory = 0x10
	attrEncrypted = 0x4000
)

const (
	maxSecondary = 255
	nameUnits    = 15 // UTF-16 units in one entry
	maxNameUnits = 255
)

// fileEntry is the primary entry of a file.
type fileEntry struct {
	secondaries int
	sum         uint16
	attr        uint16
	created     stamp
	modified    stamp
	accessed    stamp
}

// streamEntry says where the content stands.
type streamEntry struct {
	flags  byte
	name   int // units of the name
	hash   uint16
	valid  uint64 // bytes that were written
	first  uint32
	length uint64 // bytes
}

// stamp is a moment, and whether its time zone is known.
type stamp struct {
	at    time.Time // zero when it is not known
	zoned bool
	odd   bool // the field is not zero and names no moment
}

func parseFile(p []byte, off int64) (fileEntry, error) {
	c := cursor.New("exfat: file entry", off, p)
	c.Skip(1)
	e := fileEntry{secondaries: int(c.Uint8()), sum: c.Uint16(), attr: c.Uint16()}
	c.Skip(2)
	created, modified, accessed := c.Uint32(), c.Uint32(), c.Uint32()
	created10, modified10 := c.Uint8(), c.Uint8()
	e.created = parseStamp(created, created10, c.Uint8())
	e.modified = parseStamp(modified, modified10, c.Uint8())
	e.accessed = parseStamp(accessed, 0, c.Uint8())
	return e, c.Err()
}

// parseStamp reads a time: seconds in steps of two, hundredths of a second from 0 to 199, and the offset from
// UTC in quarters of an hour where its highest bit is set. Times with an offset are given in their zone.
func parseStamp(v uint32, hundredths, offset byte) stamp {
	if v == 0 {
		return stamp{}
	}
	year, month, day := 1980+int(v>>25), time.Month(v>>21&0xF), int(v>>16&0x1F)
	hour, minute, second := int(v>>11&0x1F), int(v>>5&0x3F), int(v&0x1F)*2
	if month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59 || hundredths > 199 {
		return stamp{odd: true}
	}
	zone, zoned := time.UTC, false
	if offset&0x80 != 0 {
		quarters := int(int8(offset<<1)) / 2
		zoned = true
		if quarters != 0 {
			zone = time.FixedZone("", quarters*15*60)
		}
	}
	at := time.Date(year, month, day, hour, minute, second, int(hundredths)*1e7, zone)
	if at.Day() != day {
		return stamp{odd: true}
	}
	return stamp{at: at, zoned: zoned}
}

func parseStream(p []byte, off int64) (streamEntry, error) {
	c := cursor.New("exfat: stream entry", off, p)
	c.Skip(1)
	e := streamEntry{flags: c.Uint8()}
	c.Skip(1)
	e.name, e.hash = int(c.Uint8()), c.Uint16()
	c.Skip(2)
	e.valid = c.Uint64()
	c.Skip(4)
	e.first, e.length = c.Uint32(), c.Uint64()
	return e, c.Err()
}

// noChain reports whether the content stands in one piece, so that the FAT says nothing of it.
func (e *streamEntry) noChain() bool { return e.flags&flagNoChain != 0 }

// setSum is the checksum over the entries of a set, as if all of them were in use.
func setSum(entries [][]byte) uint16 {
	sum := uint16(0)
	for n, p := range entries {
		for i, v := range p {
			if n == 0 && (i == 2 || i == 3) {
				continue
			}
			if i == 0 {
				v |= inUse
			}
			sum = sum<<15 | sum>>1
			sum += uint16(v)
		}
	}
	return sum
}

// set is a file: a primary entry and those that follow it.
type set struct {
	at       int64 // of the first entry that is there, bytes from the start of the volume
	deleted  bool
	headless bool // the primary entry is gone
	file     fileEntry
	stream   streamEntry
	units    []uint16 // of the name
	vendors  []vendor
	sumFits  bool
	hashFits bool
	odd      string // what is wrong with it, "" when nothing is
}

// vendor is an entry of a maker's own: 14 bytes of data, or clusters.
type vendor struct {
	guid   string
	data   []byte
	stream *streamEntry
}

// forbidden are the characters from 0x20 up that no name holds.
const forbidden = `"*/:<>?\|`

// parseSet reads a set from its entries, which begin with a file entry or, for what a newer set has overwritten
// the beginning of, with a stream entry. up is the up-case table.
func parseSet(entries [][]byte, at int64, up *upcase) (set, error) {
	s := set{at: at, deleted: entries[0][0]&inUse == 0}
	note := func(format string, args ...any) {
		if s.odd != "" {
			s.odd += ", "
		}
		s.odd += fmt.Sprintf(format, args...)
	}
	rest := entries
	if entries[0][0]|inUse == typeFile {
		var err error
		if s.file, err = parseFile(entries[0], at); err != nil {
			return s, err
		}
		s.sumFits = len(entries) == s.file.secondaries+1 && setSum(entries) == s.file.sum
		rest = entries[1:]
	} else {
		s.headless = true
	}
	streams, mixed := 0, false
	for i, p := range rest {
		off := at + int64(len(entries)-len(rest)+i)*entrySize
		mixed = mixed || p[0]&inUse == 0 != s.deleted
		switch kind := p[0] | inUse; kind {
		case typeStream:
			if streams++; streams > 1 {
				continue
			}
			var err error
			if s.stream, err = parseStream(p, off); err != nil {
				return s, err
			}
		case typeName:
			for k := 2; k < entrySize; k += 2 {
				s.units = append(s.units, binary.LittleEndian.Uint16(p[k:]))
			}
		case typeVendor, typeVendorRun:
			s.vendors = append(s.vendors, parseVendor(p, kind))
		default:
			if kind&benign == 0 && kind != typeACL {
				note("an entry of type 0x%02x", p[0])
			}
		}
	}
	if streams == 0 {
		return s, cursor.Corrupt("exfat: entry set", at, "a stream entry", "none")
	}
	if streams > 1 {
		note("%d stream entries", streams)
	}
	if mixed {
		note("entries in use and others")
	}
	if len(s.units) < s.stream.name {
		note("%d units of a name of %d", len(s.units), s.stream.name)
	}
	s.units = s.units[:min(len(s.units), s.stream.name)]
	s.hashFits = len(s.units) == s.stream.name && up.hash(s.units) == s.stream.hash
	return s, nil
}

func parseVendor(p []byte, kind byte) vendor {
	v := vendor{guid: guid(p[2:18])}
	if kind == typeVendor {
		v.data = append([]byte(nil), p[18:32]...)
		return v
	}
	v.stream = &streamEntry{flags: p[1], first: binary.LittleEndian.Uint32(p[20:]), length: binary.LittleEndian.Uint64(p[24:])}
	return v
}

// guid prints 16 bytes as systems show a GUID.
func guid(p []byte) string {
	le := binary.LittleEndian
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", le.Uint32(p), le.Uint16(p[4:]), le.Uint16(p[6:]), p[8:10], p[10:16])
}

// badUnit returns the first unit of the name that no system writes, with its index; -1 when there is none.
func (s *set) badUnit() int {
	for i, u := range s.units {
		if u < 0x20 {
			return i
		}
		if u < 0x80 {
			for k := range len(forbidden) {
				if uint16(forbidden[k]) == u {
					return i
				}
			}
		}
	}
	return -1
}

// doubts counts what in the set cannot be, its checksums apart.
func (s *set) doubts(b *boot) (doubts int, what string) {
	what = s.odd
	if what != "" {
		doubts++
	}
	note := func(format string, args ...any) {
		doubts++
		if what != "" {
			what += ", "
		}
		what += fmt.Sprintf(format, args...)
	}
	if len(s.units) == 0 {
		note("no name")
	} else if i := s.badUnit(); i >= 0 {
		note("character 0x%04x in the name", s.units[i])
	}
	if s.file.attr&^(0x37|attrEncrypted) != 0 && !s.sumFits {
		note("attributes 0x%04x", s.file.attr)
	}
	if s.stream.first != 0 && !b.valid(s.stream.first) {
		note("first cluster %d", s.stream.first)
	}
	if most := uint64(b.clusters) * uint64(b.clusterSize); s.stream.length > most {
		note("size %d", s.stream.length)
	}
	if s.stream.valid > s.stream.length {
		note("%d valid bytes of %d", s.stream.valid, s.stream.length)
	}
	if s.file.created.odd || s.file.modified.odd || s.file.accessed.odd {
		note("a date that does not exist")
	}
	return doubts, what
}

func (s *set) isDirectory() bool { return s.file.attr&attrDirectory != 0 }

// size is the size of the content, 0 where the field is beyond all bounds.
func (s *set) size() int64 {
	if s.stream.length > maxVolume {
		return 0
	}
	return int64(s.stream.length)
}

func (s *set) mode() fs.FileMode {
	m := fs.FileMode(0o644)
	if s.isDirectory() {
		m = fs.ModeDir | 0o755
	}
	if s.file.attr&attrReadOnly != 0 {
		m &^= 0o222
	}
	return m
}

// attributes keeps what the mode cannot say, in the text form that Samba uses, and what makers added.
func (s *set) attributes() map[string][]byte {
	var out map[string][]byte
	put := func(name string, value []byte) {
		if out == nil {
			out = map[string][]byte{}
		}
		out[name] = value
	}
	if s.file.attr&(attrReadOnly|attrHidden|attrSystem) != 0 {
		put("user.DOSATTRIB", fmt.Appendf(nil, "0x%x", s.file.attr))
	}
	for _, v := range s.vendors {
		if v.stream == nil {
			put("user.exfat.vendor."+v.guid, v.data)
		}
	}
	return out
}

func (s *set) times() filesystem.Times {
	f := &s.file
	t := filesystem.Times{Modified: f.modified.at, Created: f.created.at, Accessed: f.accessed.at}
	for _, x := range []stamp{f.modified, f.created, f.accessed} {
		t.Local = t.Local || !x.at.IsZero() && !x.zoned
	}
	return t
}

// written is the last moment at which the content is known to have been changed or made.
func (s *set) written() time.Time {
	if s.file.created.at.After(s.file.modified.at) {
		return s.file.created.at
	}
	return s.file.modified.at
}
