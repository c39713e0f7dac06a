package filevault

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/finding"
	"salvor/volume"
)

// MaxVolumes is the largest number of volumes that are returned.
const MaxVolumes = 64

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{notRead, fromEnd}

var (
	notRead = &finding.Def{Code: "filevault.unread", Severity: finding.Warning,
		Text: "this volume is encrypted by FileVault, which is not readable here; a Mac with macOS 10.7 to 10.15 opens it with its password or recovery key"}
	fromEnd = &finding.Def{Code: "filevault.header.damaged", Severity: finding.Warning,
		Text: "the first header of the FileVault volume is damaged or gone; the copy at its end names it"}
)

const (
	headerSize = 512
	signature  = "CS"
	version    = 1
	blockType  = 0x10
	aesXTS     = 2
	maxSize    = 1 << 60
)

// Lock returns the row for the table of encrypted volumes.
func Lock() volume.Lock {
	return volume.Lock{
		Name: "filevault",
		Probes: []probe.Probe{{
			// Version and type of block, and the signature with the algorithm of the checksum.
			ID: "filevault.header", Bytes: []byte("CS\x01\x00\x00\x00"), At: 88, Align: 512,
		}},
		Read: read,
	}
}

// header is what a physical volume says of itself.
type header struct {
	size      int64 // bytes
	sector    int64
	encrypted bool
	volume    string // identifier of the physical volume
	group     string // and of the group of logical volumes on it
}

// parse decodes the header that stands at base. A checksum that does not fit is [cursor.ErrNot]: two letters alone
// say nothing.
func parse(b []byte, base int64) (header, error) {
	var h header
	c := cursor.New("filevault: header", base, b)
	sum, initial, v, kind := c.Uint32(), c.Uint32(), c.Uint16(), c.Uint16()
	c.Seek(48)
	h.sector = int64(c.Uint32())
	c.Seek(64)
	size := c.Uint64()
	c.Seek(88)
	name := string(c.Bytes(2))
	c.Seek(168)
	key, method := c.Uint32(), c.Uint32()
	c.Seek(304)
	h.volume, h.group = identifier(c.Bytes(16)), identifier(c.Bytes(16))
	c.Seek(headerSize)
	if c.Err() != nil {
		return h, c.Err()
	}
	if name != signature || v != version || kind != blockType ||
		crc32.Update(^initial, crc32.MakeTable(crc32.Castagnoli), b[8:headerSize]) != ^sum {
		return h, cursor.ErrNot
	}
	if size < headerSize || size > maxSize {
		return h, cursor.Corrupt("filevault: header", base+64, "a size of the volume", size)
	}
	h.size, h.encrypted = int64(size), key > 0 && method == aesXTS
	return h, nil
}

func identifier(b []byte) string {
	if len(b) != 16 {
		return ""
	}
	return fmt.Sprintf("%08X-%04X-%04X-%X-%X", binary.BigEndian.Uint32(b), b[4:6], b[6:8], b[8:10], b[10:])
}

func read(ctx context.Context, src block.Source, landmarks []probe.Hit) ([]volume.Locked, error) {
	places := []int64{0}
	if end := src.Size()/headerSize*headerSize - headerSize; end > 0 {
		places = append(places, end)
	}
	for _, h := range landmarks {
		if h.ID == "filevault.header" && h.Offset >= 0 {
			places = append(places, h.Offset)
		}
	}
	slices.Sort(places)
	var out []volume.Locked
	known := map[int64]bool{} // where copies at the end stand
	for _, at := range slices.Compact(places) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if known[at] || len(out) >= MaxVolumes {
			continue
		}
		h, err := headerAt(src, at)
		if err != nil || !h.encrypted {
			continue
		}
		// A header is the first one of its volume, or the copy in its last sector, which the first would show.
		base := at
		last := at + h.size - headerSize
		known[last] = true
		l := volume.Locked{Lock: "filevault", Format: "FileVault 2", UUID: h.volume, Cipher: "AES-XTS, 128-bit key", Header: at, Valid: true}
		if start := at + headerSize - h.size; start >= 0 && at > 0 && last >= src.Size() {
			base, l.Backup = start, true
			l.Findings = append(l.Findings, fromEnd.New(finding.At(start, headerSize)))
		}
		l.Extent = block.Extent{Offset: base, Length: h.size}
		l.Findings = append(l.Findings, notRead.New(finding.At(base, headerSize)))
		out = append(out, l)
	}
	return out, ctx.Err()
}

func headerAt(src block.Source, at int64) (header, error) {
	b, err := cursor.Read(src, "filevault: header", at, headerSize, headerSize)
	if err != nil {
		return header{}, err
	}
	return parse(b, at)
}
