package fat

import (
	"bytes"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"salvor/cursor"
	"salvor/filesystem"
)

// entrySize is the size of a directory entry in bytes.
const entrySize = 32

// Attribute bits.
const (
	attrReadOnly  = 0x01
	attrHidden    = 0x02
	attrSystem    = 0x04
	attrVolume    = 0x08
	attrDirectory = 0x10
	attrArchive   = 0x20
	attrLong      = attrReadOnly | attrHidden | attrSystem | attrVolume
	attrLongMask  = attrLong | attrDirectory | attrArchive
)

// Special first bytes of an entry.
const (
	markEnd     = 0x00
	markDeleted = 0xE5
	markKanji   = 0x05 // stands for a true 0xE5
)

// short is a short directory entry.
type short struct {
	name       [11]byte
	attr       byte
	caseFlags  byte // 0x08: base in lower case, 0x10: extension in lower case
	created    time.Time
	accessed   time.Time
	modified   time.Time
	badTimes   bool // one of the times is not zero and cannot be
	start      uint32
	highWord   uint16
	size       uint32
	wasDeleted bool
}

// parseShort reads a short entry of 32 bytes. width is that of the FAT: only FAT32 has a high word of the
// first cluster.
func parseShort(p []byte, off int64, width int) (short, error) {
	c := cursor.New("fat: directory entry", off, p)
	var e short
	copy(e.name[:], c.Bytes(11))
	e.attr = c.Uint8()
	e.caseFlags = c.Uint8()
	hundredths := c.Uint8()
	createdTime, createdDate, accessedDate := c.Uint16(), c.Uint16(), c.Uint16()
	high := c.Uint16()
	modifiedTime, modifiedDate := c.Uint16(), c.Uint16()
	e.start = uint32(c.Uint16())
	e.size = c.Uint32()
	if err := c.Err(); err != nil {
		return short{}, err
	}
	if width == 32 {
		e.highWord = high
		// The upper four bits are reserved, as in the FAT.
		e.start |= uint32(high&0x0FFF) << 16
	}
	e.wasDeleted = e.name[0] == markDeleted
	var ok [3]bool
	e.created, ok[0] = parseTime(createdDate, createdTime)
	if !e.created.IsZero() && hundredths < 200 {
		e.created = e.created.Add(time.Duration(hundredths) * 10 * time.Millisecond)
	}
	e.accessed, ok[1] = parseTime(accessedDate, 0)
	e.modified, ok[2] = parseTime(modifiedDate, modifiedTime)
	e.badTimes = !ok[0] || !ok[1] || !ok[2]
	return e, nil
}

// parseTime gives the time of a date and a time field. The zero date is no time. ok is false for fields that
// name no moment.
func parseTime(date, clock uint16) (at time.Time, ok bool) {
	if date == 0 {
		return time.Time{}, true
	}
	year, month, day := 1980+int(date>>9), time.Month(date>>5&0xF), int(date&0x1F)
	hour, minute, second := int(clock>>11), int(clock>>5&0x3F), int(clock&0x1F)*2
	if month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	at = time.Date(year, month, day, hour, minute, second, 0, time.UTC)
	if at.Day() != day {
		return time.Time{}, false
	}
	return at, true
}

func (e *short) isDirectory() bool { return e.attr&attrDirectory != 0 }

// isLabel reports whether the entry is a volume label.
func (e *short) isLabel() bool { return e.attr&(attrVolume|attrDirectory) == attrVolume }

// isDot reports whether the entry is the directory's own ("."), or its parent's ("..").
func (e *short) isDot() bool {
	return bytes.Equal(e.name[:], dotName) || bytes.Equal(e.name[:], dotDotName)
}

var (
	dotName    = []byte(".          ")
	dotDotName = []byte("..         ")
)

// forbidden are the bytes from 0x20 up that a short name cannot hold.
const forbidden = `"*+,./:;<=>?[\]|` + "\x7f"

// badNameByte returns the first byte of the name that no system writes, with its index; -1 when there is
// none. Lower case is left alone, since some devices write it.
func (e *short) badNameByte() int {
	for i, c := range e.name {
		switch {
		case i == 0 && (c == markDeleted || c == markKanji):
		case c < 0x20, strings.IndexByte(forbidden, c) >= 0, i == 0 && c == ' ':
			return i
		}
	}
	return -1
}

// doubts counts what is odd in the entry: one doubt is told, two make it no entry.
func (e *short) doubts(b *boot) (doubts int, what string) {
	note := func(format string, args ...any) {
		doubts++
		if what != "" {
			what += ", "
		}
		what += fmt.Sprintf(format, args...)
	}
	if i := e.badNameByte(); i >= 0 {
		note("byte 0x%02x in the name", e.name[i])
	}
	if e.attr&0xC0 != 0 || e.attr&(attrVolume|attrDirectory) == attrVolume|attrDirectory {
		note("attributes 0x%02x", e.attr)
	}
	if e.start != 0 && !b.valid(e.start) {
		note("first cluster %d", e.start)
	}
	if int64(e.size) > int64(b.clusters)*b.clusterSize() || e.isDirectory() && e.size > maxDirectory {
		note("size %d", e.size)
	}
	if e.badTimes {
		note("a date that does not exist")
	}
	if e.caseFlags&^0x18 != 0 && e.caseFlags&0x01 == 0 {
		// Only the two case bits are in use, and bit 0 with others for encrypted files.
		note("reserved byte 0x%02x", e.caseFlags)
	}
	return doubts, what
}

// shortName decodes the stored name. first stands for the first byte where it is not 0.
func (e *short) shortName(first byte, page codePage) string {
	raw := e.name
	if raw[0] == markKanji {
		raw[0] = 0xE5
	}
	if first != 0 {
		raw[0] = first
	}
	base, _ := page.decode(bytes.TrimRight(raw[:8], " "))
	ext, _ := page.decode(bytes.TrimRight(raw[8:], " "))
	if e.caseFlags&0x08 != 0 {
		base = strings.ToLower(base)
	}
	if e.caseFlags&0x10 != 0 {
		ext = strings.ToLower(ext)
	}
	if ext != "" {
		return base + "." + ext
	}
	return base
}

// mode gives the type and permissions of the entry.
func (e *short) mode() fs.FileMode {
	m := fs.FileMode(0o644)
	if e.isDirectory() {
		m = fs.ModeDir | 0o755
	}
	if e.attr&attrReadOnly != 0 {
		m &^= 0o222
	}
	return m
}

// attributes keeps what the mode cannot say, under the name and in the text form that Samba uses.
func (e *short) attributes() map[string][]byte {
	if e.attr&(attrReadOnly|attrHidden|attrSystem) == 0 {
		return nil
	}
	return map[string][]byte{"user.DOSATTRIB": fmt.Appendf(nil, "0x%x", e.attr)}
}

func (e *short) times() filesystem.Times {
	return filesystem.Times{Modified: e.modified, Accessed: e.accessed, Created: e.created, Local: true}
}

// written is the last moment at which the file is known to have been changed or made.
func (e *short) written() time.Time {
	if e.created.After(e.modified) {
		return e.created
	}
	return e.modified
}
