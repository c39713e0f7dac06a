package mtdparts

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/finding"
	"salvor/volume"
)

const (
	maxParameter = 64 << 10
	maxTables    = 32
	sector       = 512
)

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{checksum, broken, noCheck}

var (
	checksum = &finding.Def{Code: "mtdparts.checksum", Severity: finding.Error,
		Text: "the parameter block has a wrong checksum ({found}, expected {expected})"}
	broken = &finding.Def{Code: "mtdparts.text", Severity: finding.Error,
		Text: "the list of partitions is broken: {found}"}
	noCheck = &finding.Def{Code: "mtdparts.unchecked", Severity: finding.Warning,
		Text: "no checksum covers this list of partitions, so that it may be a piece of a program or an older one"}
)

// Scheme returns the row for the table of schemes.
func Scheme() volume.Scheme {
	return volume.Scheme{
		Name: "mtdparts",
		Probes: []probe.Probe{
			{ID: "mtdparts.parameter", Bytes: []byte("PARM"), Align: 512},
			{ID: "mtdparts.environment", Bytes: []byte("\x00mtdparts=")},
		},
		Read: read,
	}
}

// parameterPlaces are where Rockchip's loaders look first.
var parameterPlaces = []int64{0, 0x2000 * sector, 0x2000*sector + 0x400*sector}

func read(ctx context.Context, src block.Source, landmarks []probe.Hit) ([]volume.Table, error) {
	var out []volume.Table
	seen := map[int64]bool{}
	add := func(at int64, tables []volume.Table) {
		if !seen[at] && len(out) < maxTables {
			out = append(out, tables...)
		}
		seen[at] = true
	}
	for _, at := range parameterPlaces {
		add(at, parameter(src, at))
	}
	for _, h := range landmarks {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		switch {
		case h.Offset < 0 || seen[h.Offset]:
		case h.ID == "mtdparts.parameter":
			add(h.Offset, parameter(src, h.Offset))
		case h.ID == "mtdparts.environment":
			add(h.Offset, environment(src, h.Offset+1))
		}
	}
	return out, ctx.Err()
}

// block of parameters as it stands.
type parameters struct {
	text     []byte
	crc      uint32
	computed uint32
}

// parseParameters decodes the block that stands at base. Bytes without its tag are [cursor.ErrNot].
func parseParameters(b []byte, base int64) (parameters, error) {
	var p parameters
	c := cursor.New("mtdparts: parameter block", base, b)
	if string(c.Bytes(4)) != "PARM" {
		return p, cursor.ErrNot
	}
	length := c.Uint32()
	if length == 0 || length > maxParameter {
		return p, cursor.Corrupt("mtdparts: parameter block", base+4, fmt.Sprintf("a length up to %d", maxParameter), length)
	}
	p.text = c.Bytes(int(length))
	p.crc = c.Uint32()
	p.computed = rockchipCRC(p.text)
	return p, c.Err()
}

// rockchipCRC is the CRC with the polynomial 0x04C10DB7, the high bit first, that begins with 0.
func rockchipCRC(b []byte) uint32 {
	crc := uint32(0)
	for _, c := range b {
		crc ^= uint32(c) << 24
		for range 8 {
			if crc&(1<<31) != 0 {
				crc = crc<<1 ^ 0x04C10DB7
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}

// parameter reads the parameter block at at: one table, or one for each place that its numbers may count from.
func parameter(src block.Source, at int64) []volume.Table {
	if at < 0 || at >= src.Size() {
		return nil
	}
	n := min(src.Size()-at, maxParameter+12)
	b, err := cursor.Read(src, "mtdparts: parameter block", at, n, maxParameter+12)
	if err != nil {
		return nil
	}
	p, err := parseParameters(b, at)
	if err != nil {
		return nil
	}
	i := bytes.Index(p.text, []byte("mtdparts="))
	if i < 0 {
		return nil
	}
	bases := []int64{0}
	if at > 0 && at%(0x2000*sector) == 0 {
		// On eMMC the parameter block stands behind the loader, and the kernel counts from there.
		bases = []int64{at, 0}
	}
	var out []volume.Table
	for _, base := range bases {
		t := volume.Table{Scheme: "mtdparts", Offset: at, SectorSize: sector, Valid: true}
		if p.crc != p.computed {
			t.Valid = false
			t.Findings = append(t.Findings, checksum.New(finding.At(at, 8+int64(len(p.text))),
				finding.Expected(fmt.Sprintf("%08x", p.crc), fmt.Sprintf("%08x", p.computed))))
		}
		t.Entries, err = parseText(string(p.text[i+len("mtdparts="):]), at+8+int64(i), sector, base, src.Size())
		if err != nil {
			t.Valid = false
			t.Findings = append(t.Findings, broken.New(finding.At(at+8+int64(i), 0), finding.Expected(nil, err)))
		}
		out = append(out, t)
	}
	return out
}

// environment reads the variable that begins at at. Its environment begins with a CRC-32 of what follows, at a
// multiple of a sector before it, and has one of the usual sizes.
func environment(src block.Source, at int64) []volume.Table {
	n := min(src.Size()-at, 4096)
	b, err := cursor.Read(src, "mtdparts: variable", at, n, 4096)
	if err != nil {
		return nil
	}
	end := bytes.IndexByte(b, 0)
	if end < 0 {
		return nil
	}
	text := string(bytes.TrimPrefix(bytes.TrimPrefix(b[:end], []byte("mtdparts=")), []byte("mtdparts=")))
	entries, err := parseText(text, at, 1, 0, src.Size())
	if err != nil {
		return nil
	}
	t := volume.Table{Scheme: "mtdparts", Copy: "environment", Offset: at, SectorSize: sector, Entries: entries, Valid: checked(src, at)}
	if !t.Valid {
		t.Findings = append(t.Findings, noCheck.New(finding.At(at, int64(end))))
	}
	return []volume.Table{t}
}

// environmentSizes are those that boards use, in bytes.
var environmentSizes = []int64{4 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10, 128 << 10, 256 << 10}

// checked reports whether an environment around at has a checksum that agrees.
func checked(src block.Source, at int64) bool {
	for _, size := range environmentSizes {
		// Environments stand at a multiple of 4 KiB; the variable may be anywhere in one.
		for start := at - at%4096; start >= 0 && start > at-size; start -= 4096 {
			head, err := cursor.Read(src, "mtdparts: environment", start, 8, 8)
			if err != nil {
				continue
			}
			// A name or a flag stands behind the checksum; anything else is no environment.
			if c := head[4]; (c < '!' || c > '~') && c > 1 && c != 0xff {
				continue
			}
			b, err := cursor.Read(src, "mtdparts: environment", start, size, 256<<10)
			if err != nil {
				continue
			}
			stored := binary.LittleEndian.Uint32(b)
			if crc32.ChecksumIEEE(b[4:]) == stored || crc32.ChecksumIEEE(b[5:]) == stored {
				return true
			}
		}
	}
	return false
}
