package vhdx

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf16"

	"salvor/block"
	"salvor/cursor"
)

// metadata says what disk an image holds.
type metadata struct {
	block     int64 // bytes
	size      int64 // of the disk
	sector    int64
	hasParent bool
	parent    map[string]string // what is known of the parent
}

// readMetadata reads the metadata region.
func readMetadata(src block.Source, region block.Extent) (*metadata, error) {
	b, err := cursor.Read(src, "vhdx: metadata", region.Offset, maxMetadata, maxMetadata)
	if err != nil {
		return nil, err
	}
	c := cursor.New("vhdx: metadata", region.Offset, b)
	magic := c.Bytes(8)
	c.Skip(2)
	n := c.Uint16()
	c.Skip(20)
	if c.Err() != nil || !bytes.Equal(magic, []byte("metadata")) {
		return nil, cursor.Corrupt("vhdx: metadata", region.Offset, "metadata", fmt.Sprintf("%q", magic))
	}
	m := &metadata{}
	for range n {
		var id guid
		copy(id[:], c.Bytes(16))
		at, length := int64(c.Uint32()), int64(c.Uint32())
		flags := c.Uint32()
		c.Skip(4)
		if err := c.Err(); err != nil {
			return nil, err
		}
		if err := m.item(src, id, region.Offset+at, length, flags&4 != 0); err != nil {
			return nil, err
		}
	}
	bad := func(expected, found any) (*metadata, error) {
		return nil, cursor.Corrupt("vhdx: metadata", region.Offset, expected, found)
	}
	switch {
	case m.block < 1<<20 || m.block > 256<<20 || m.block&(m.block-1) != 0:
		return bad("blocks of 1 to 256 MiB", m.block)
	case m.size <= 0 || m.size > 1<<60:
		return bad("a size that can be", m.size)
	case m.sector != 512 && m.sector != 4096:
		return bad("sectors of 512 or 4096 bytes", m.sector)
	}
	return m, nil
}

func (m *metadata) item(src block.Source, id guid, at, length int64, required bool) error {
	read := func(limit int64) (*cursor.Cursor, error) {
		b, err := cursor.Read(src, "vhdx: metadata", at, length, limit)
		return cursor.New("vhdx: metadata", at, b), err
	}
	var c *cursor.Cursor
	var err error
	switch id {
	case idParameters:
		if c, err = read(64); err == nil {
			m.block, m.hasParent = int64(c.Uint32()), c.Uint32()&2 != 0
		}
	case idDiskSize:
		if c, err = read(64); err == nil {
			m.size = int64(c.Uint64())
		}
	case idSector:
		if c, err = read(64); err == nil {
			m.sector = int64(c.Uint32())
		}
	case idParent:
		if c, err = read(maxMetadata); err == nil {
			m.parent, err = parseLocator(c, at)
		}
	default: // serial numbers, sizes that only a machine asks for
		return nil
	}
	if err == nil {
		err = c.Err()
	}
	if err != nil && !required && bearable(err) && id == idParent {
		return nil
	}
	return err
}

// parseLocator reads what is known of a parent.
func parseLocator(c *cursor.Cursor, at int64) (map[string]string, error) {
	whole := c.Rest()
	kind := c.Bytes(16)
	c.Skip(2)
	n := c.Uint16()
	if c.Err() == nil && !bytes.Equal(kind, idLocator[:]) {
		return nil, cursor.Corrupt("vhdx: parent", at, "a locator of this format", guid(kind))
	}
	out := map[string]string{}
	text := func(at uint32, n uint16) string {
		t := cursor.New("vhdx: parent", 0, whole)
		t.Seek(int(at))
		b := t.Bytes(int(n))
		units := make([]uint16, 0, len(b)/2)
		for i := 0; i+1 < len(b); i += 2 {
			units = append(units, uint16(b[i])|uint16(b[i+1])<<8)
		}
		return string(utf16.Decode(units))
	}
	for range min(n, 64) {
		key, value := c.Uint32(), c.Uint32()
		keyLen, valueLen := c.Uint16(), c.Uint16()
		out[strings.TrimRight(text(key, keyLen), "\x00")] = strings.TrimRight(text(value, valueLen), "\x00")
	}
	return out, c.Err()
}
