package qcow2

import (
	"bytes"
	"fmt"

	"salvor/block"
	"salvor/container"
	"salvor/cursor"
)

var signature = []byte("QFI\xfb")

const (
	headerSize2   = 72
	headerSize3   = 104
	maxHeader     = 1 << 16 // what is read of the first cluster
	maxBackingLen = 1023
)

// Bits of the incompatible features.
const (
	bitDirty = 1 << iota
	bitCorrupt
	bitDataFile
	bitCompression
	bitExtended
	bitsKnown = bitDirty | bitCorrupt | bitDataFile | bitCompression | bitExtended
)

// header says what disk an image holds and where its tables stand.
type header struct {
	version     uint32
	clusterBits uint32
	size        int64 // bytes of the disk
	l1          int64 // place of the L1 table
	l1Entries   int64
	snapshots   int64 // place of their table
	snapshotN   int64
	features    uint64
	zstd        bool
	backing     string
	backingKind string // "raw", "qcow2"; "" where nothing says so
	dataFile    string
}

func (h *header) cluster() int64 { return 1 << h.clusterBits }

// entrySize returns the bytes of an entry of an L2 table.
func (h *header) entrySize() int64 {
	if h.features&bitExtended != 0 {
		return 16
	}
	return 8
}

// perTable returns how many entries an L2 table has.
func (h *header) perTable() int64 { return h.cluster() / h.entrySize() }

// parseHeader reads the beginning of an image.
func parseHeader(b []byte) (*header, error) {
	if !bytes.HasPrefix(b, signature) {
		return nil, cursor.ErrNot
	}
	c := cursor.New("qcow2: header", 0, b)
	c.Skip(4)
	h := &header{version: c.Uint32BE()}
	backing, backingLen := c.Uint64BE(), c.Uint32BE()
	h.clusterBits = c.Uint32BE()
	h.size = int64(c.Uint64BE())
	crypt := c.Uint32BE()
	h.l1Entries, h.l1 = int64(c.Uint32BE()), int64(c.Uint64BE())
	c.Skip(12) // refcounts
	h.snapshotN, h.snapshots = int64(c.Uint32BE()), int64(c.Uint64BE())
	extensions := int64(headerSize2)
	if h.version >= 3 {
		h.features = c.Uint64BE()
		c.Skip(16 + 4)
		extensions = int64(c.Uint32BE())
		if extensions > headerSize3 {
			compression := c.Uint8()
			h.zstd = compression == 1
			if compression > 1 && c.Err() == nil {
				return nil, cursor.Corrupt("qcow2: header", headerSize3, "deflate or zstd", compression)
			}
		}
	}
	if err := c.Err(); err != nil {
		return nil, err
	}
	bad := func(expected, found any) (*header, error) {
		return nil, cursor.Corrupt("qcow2: header", 0, expected, found)
	}
	switch {
	case h.version < 2:
		return nil, &container.UnsupportedError{What: "version 1 of the format (qcow)", Next: "convert it with `qemu-img convert -O raw`"}
	case h.version > 3:
		return bad("version 2 or 3", h.version)
	case h.clusterBits < 9 || h.clusterBits > 21:
		return bad("clusters of 2^9 to 2^21 bytes", fmt.Sprintf("2^%d", h.clusterBits))
	case h.size <= 0 || h.size > 1<<60:
		return bad("a size that can be", uint64(h.size))
	case h.features&^bitsKnown != 0:
		return bad("features that are known", fmt.Sprintf("%#x", h.features))
	case h.l1 < 0 || h.l1Entries == 0 || h.features&bitExtended != 0 && h.clusterBits < 14:
		return bad("a first table", fmt.Sprintf("%d entries at %#x", h.l1Entries, h.l1))
	case crypt == 2:
		return nil, &container.LockedError{How: "LUKS", Need: "its passphrase, with `qemu-img convert --image-opts driver=qcow2,encrypt.key-secret=…`"}
	case crypt != 0:
		return nil, &container.LockedError{How: "AES", Need: "its passphrase, with `qemu-img convert`"}
	}
	h.extensions(b, extensions)
	if backing > 0 && backing < uint64(len(b)) && backingLen <= maxBackingLen && uint64(backingLen) <= uint64(len(b))-backing {
		h.backing = string(b[backing : backing+uint64(backingLen)])
	} else if backing != 0 {
		h.backing = "?" // it builds on something whose name is lost
	}
	return h, nil
}

// Types of header extensions.
const (
	extensionEnd         = 0
	extensionBackingKind = 0xe2792aca
	extensionDataFile    = 0x44415441
)

// extensions takes up those that matter. A list that breaks off ends there.
func (h *header) extensions(b []byte, at int64) {
	for at >= headerSize2 && at+8 <= int64(len(b)) {
		c := cursor.New("qcow2: header extension", at, b[at:])
		kind, n := c.Uint32BE(), int64(c.Uint32BE())
		content := c.Bytes(int(min(n, maxHeader)))
		if c.Err() != nil || kind == extensionEnd {
			return
		}
		switch kind {
		case extensionBackingKind:
			h.backingKind = string(content)
		case extensionDataFile:
			h.dataFile = string(content)
		}
		at += 8 + (n+7)&^7
	}
}

// readHeader reads the header of the image in src.
func readHeader(src block.Source) (*header, error) {
	b := make([]byte, min(maxHeader, src.Size()))
	n, err := src.ReadAt(b, 0)
	if n < len(signature) && err != nil && src.Size() >= int64(len(signature)) {
		return nil, err
	}
	return parseHeader(b[:n])
}
