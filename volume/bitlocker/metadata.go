package bitlocker

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"unicode/utf16"

	"salvor/cursor"
)

const (
	blockHeader = 64  // bytes
	dataHeader  = 48  // bytes
	entryHeader = 8   // bytes
	maxEntries  = 256 // of one block; Windows makes a dozen
	maxDepth    = 4   // of entries in entries
	maxBlock    = 64 << 10
	maxOffset   = math.MaxInt64 / 4
)

// What an entry is.
const (
	entryMaster      = 0x0002
	entryData        = 0x0003
	entryDescription = 0x0007
	entryStart       = 0x000f
)

// What the value of an entry is.
const (
	valueKey       = 0x0001
	valueStretch   = 0x0003
	valueUse       = 0x0004
	valueLocked    = 0x0005
	valueMaster    = 0x0008
	valueExternal  = 0x0009
	valueWhere     = 0x000f
	versionVista   = 1
	versionSeven   = 2
	stateDone      = 4 // encrypted
	stateSwitching = 5
)

// metadata is one copy of what is said of the volume.
type metadata struct {
	version      int
	state, next  int
	encrypted    int64 // bytes of the volume that are encrypted, from its start
	converting   int64 // bytes behind these that were being converted
	startSectors int64 // of the relocated start
	offsets      [blocks]int64
	start        int64 // where the relocated start stands; Vista: the cluster of the MFT mirror
	startSize    int64 // bytes
	id           guid
	counter      uint32 // grows with each change of the metadata
	method       uint16
	masters      []protector
	data         []byte // locked key of the data
	description  string
	checked      bool // the CRC fits
}

// protector locks the volume master key in one way.
type protector struct {
	id      guid
	kind    uint16
	salt    []byte   // of a stretched key
	locked  [][]byte // nonce, MAC, bytes: one is the master key, others are copies of the secret, locked by it
	clear   []byte   // the clear key
	problem string
}

// The ways to lock a master key.
const (
	byClearKey  = 0x0000
	byTPM       = 0x0100
	byStartup   = 0x0200
	byTPMPIN    = 0x0500
	byRecovery  = 0x0800
	bySmartCard = 0x1000
	byPassword  = 0x2000
)

// entry is one element of the metadata.
type entry struct {
	kind, value uint16
	data        []byte
}

// parseEntries decodes entries one after the other up to the end of b, or to what cannot be one.
func parseEntries(structure string, b []byte, base int64) ([]entry, error) {
	var out []entry
	for c := cursor.New(structure, base, b); c.Len() >= entryHeader && len(out) < maxEntries; {
		at := c.Offset()
		size := int(c.Uint16())
		if size == 0 {
			break
		}
		e := entry{kind: c.Uint16(), value: c.Uint16()}
		c.Skip(2)
		if size < entryHeader || size-entryHeader > c.Len() {
			return out, cursor.Corrupt(structure, at, fmt.Sprintf("a size of %d to %d", entryHeader, c.Len()+entryHeader), size)
		}
		e.data = c.Bytes(size - entryHeader)
		out = append(out, e)
	}
	return out, nil
}

// parseBlock decodes a copy of the metadata that stands at base. An error beside metadata says that the entries
// break off; [cursor.ErrNot] says that there are none.
func parseBlock(b []byte, base int64) (*metadata, error) {
	const structure = "bitlocker: metadata"
	c := cursor.New(structure, base, b)
	name := string(c.Bytes(8))
	if c.Err() == nil && name != signature {
		return nil, cursor.ErrNot
	}
	size := int(c.Uint16())
	m := &metadata{version: int(c.Uint16()), state: int(c.Uint16()), next: int(c.Uint16())}
	encrypted, converting, startSectors := c.Uint64(), c.Uint32(), c.Uint32()
	var offsets [blocks + 1]uint64
	for i := range offsets {
		offsets[i] = c.Uint64()
	}
	if c.Err() != nil {
		return nil, c.Err()
	}
	switch m.version {
	case versionSeven:
		size *= 16
	case versionVista:
	default:
		return nil, cursor.Corrupt(structure, base+10, "version 1 or 2", m.version)
	}
	length, _, header := int(c.Uint32()), c.Uint32(), int(c.Uint32())
	c.Skip(4) // size once more
	id := c.Bytes(16)
	m.counter, m.method = c.Uint32(), c.Uint16()
	if c.Err() != nil {
		return nil, c.Err()
	}
	m.id = guid(id)
	if header != dataHeader || length < header || length > len(b)-blockHeader {
		return nil, cursor.Corrupt(structure, base+blockHeader, fmt.Sprintf("a header of %d and entries up to %d bytes", dataHeader, len(b)-blockHeader), fmt.Sprintf("%d and %d", header, length))
	}
	for i, v := range offsets {
		if v > maxOffset {
			return nil, cursor.Corrupt(structure, base+32+int64(8*i), "an offset in the volume", v)
		}
		if i < blocks {
			m.offsets[i] = int64(v)
		}
	}
	if encrypted > maxOffset {
		return nil, cursor.Corrupt(structure, base+16, "a size of the volume", encrypted)
	}
	m.start, m.encrypted, m.converting, m.startSectors = int64(offsets[blocks]), int64(encrypted), int64(converting), int64(startSectors)
	if size >= blockHeader+dataHeader && size+8 <= len(b) {
		// The check stands behind the block: its size, version and CRC.
		m.checked = crc32.ChecksumIEEE(b[:size]) == binary.LittleEndian.Uint32(b[size+4:])
	}
	entries, err := parseEntries(structure, b[blockHeader+dataHeader:blockHeader+length], base+blockHeader+dataHeader)
	for _, e := range entries {
		m.take(e)
	}
	return m, err
}

// take notes what an entry of the block says.
func (m *metadata) take(e entry) {
	switch {
	case e.kind == entryMaster && e.value == valueMaster:
		if p, ok := parseProtector(e.data); ok {
			m.masters = append(m.masters, p)
		}
	case e.kind == entryData && e.value == valueLocked:
		m.data = e.data
	case e.kind == entryDescription:
		m.description = text(e.data)
	case e.kind == entryStart && e.value == valueWhere:
		c := cursor.New("bitlocker: start", -1, e.data)
		offset, size := c.Uint64(), c.Uint64()
		if c.Err() == nil && offset <= maxOffset && size <= maxOffset {
			m.start, m.startSize = int64(offset), int64(size)
		}
	}
}

// parseProtector decodes a volume master key.
func parseProtector(b []byte) (protector, bool) {
	c := cursor.New("bitlocker: master key", -1, b)
	var p protector
	id := c.Bytes(16)
	c.Skip(10) // time of the last change, and a number
	p.kind = c.Uint16()
	if c.Err() != nil {
		return p, false
	}
	p.id = guid(id)
	if err := p.properties(c.Rest(), 0); err != nil {
		p.problem = "it breaks off"
	}
	return p, true
}

func (p *protector) properties(b []byte, depth int) error {
	list, err := parseEntries("bitlocker: master key", b, -1)
	for _, e := range list {
		switch e.value {
		case valueKey:
			if len(e.data) > 4 && p.kind == byClearKey {
				p.clear = e.data[4:]
			}
		case valueStretch:
			if len(e.data) >= 4+16 {
				p.salt = e.data[4 : 4+16]
			}
		case valueLocked:
			p.locked = append(p.locked, e.data)
		case valueUse:
			if depth < maxDepth && len(e.data) > 4 {
				if err := p.properties(e.data[4:], depth+1); err != nil {
					return err
				}
			}
		}
	}
	return err
}

// text decodes UTF-16 with an end.
func text(b []byte) string {
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
