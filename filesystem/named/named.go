package named

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"salvor/block"
	"salvor/block/probe"
	"salvor/filesystem"
	"salvor/finding"
)

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{Recognised, RecognisedLocked, RecognisedSet, checksum}

var (
	// Recognised is what is said of every volume that this package finds and that holds files.
	Recognised = &finding.Def{Code: "named.recognised", Severity: finding.Warning,
		Text: "{kind} is recognised, but not read yet: only carving can get files from it so far, and their names are lost"}
	// RecognisedLocked is what is said of encrypted ones.
	RecognisedLocked = &finding.Def{Code: "named.locked", Severity: finding.Warning,
		Text: "{kind} is encrypted; without its key nothing can be got from it"}
	// RecognisedSet is what is said of members of sets and of maps of other volumes.
	RecognisedSet = &finding.Def{Code: "named.container", Severity: finding.Warning,
		Text: "{kind} holds other volumes and is not put together yet: volumes that lie in one piece inside of it are found by themselves, from the rest only carving can get files"}
	checksum = &finding.Def{Code: "named.checksum", Severity: finding.Error,
		Text: "the main structure of {kind} has a wrong checksum"}
)

// format is one kind: its probes, and a function that examines the structure which begins at off.
type format struct {
	name   string
	title  string // for people
	probes []probe.Probe
	set    bool // it holds other volumes
	swap   bool // it holds no files at all
	locate func(r *reader, off int64) []filesystem.Candidate
}

// Kinds returns a row for each kind; Open is nil in all of them.
func Kinds() []filesystem.Kind {
	var out []filesystem.Kind
	for _, f := range formats() {
		out = append(out, filesystem.Kind{Name: f.name, Probes: f.probes, Locate: f.find})
	}
	return out
}

func formats() []format {
	return []format{
		bitlocker(), luks(), linuxRAID(), lvm2(), btrfs(), xfs(), f2fs(), apfs(),
		squashfs(), erofs(), cramfs(), romfs(), iso9660(), udf(), ubi(), ubifs(), jffs2(), swap(), zfs(),
		reiserfs(), reiser4(), jfs(), hfs(), minix(),
	}
}

func (f format) find(ctx context.Context, src block.Source, hit probe.Hit) ([]filesystem.Candidate, error) {
	if hit.Offset < -probe.MaxAt || hit.Offset >= src.Size() {
		return nil, nil
	}
	r := &reader{src: src, ctx: ctx}
	found := f.locate(r, hit.Offset)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var out []filesystem.Candidate
	for _, c := range found {
		if !c.Extent.Valid() || c.Extent.Length == 0 || c.Extent.Offset >= src.Size() {
			continue
		}
		c.Kind = f.name
		c.Label, c.UUID = clean(c.Label), clean(c.UUID)
		def := Recognised
		switch {
		case c.Locked:
			def = RecognisedLocked
		case f.set:
			def = RecognisedSet
		}
		if !f.swap {
			c.Findings = append(c.Findings, def.New(finding.Arg("kind", f.title), finding.At(c.Extent.Offset, c.Extent.Length)))
		}
		out = append(out, c)
	}
	return out, nil
}

// clean makes a stored text valid UTF-8 without the padding around it.
func clean(s string) string {
	if i := strings.IndexByte(s, 0); i >= 0 {
		s = s[:i]
	}
	s = strings.TrimRight(s, " ")
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return s
}

// reader reads structures; what cannot be read is no structure.
type reader struct {
	src block.Source
	ctx context.Context
}

// maxRead is the longest structure that is read in one piece.
const maxRead = 4 << 20

// bytes returns n bytes at off, or nil.
func (r *reader) bytes(off, n int64) []byte {
	if off < 0 || n <= 0 || n > maxRead || off > r.src.Size()-n || r.ctx.Err() != nil {
		return nil
	}
	b := make([]byte, n)
	m, err := r.src.ReadAt(b, off)
	if int64(m) < n || err != nil && !errors.Is(err, io.EOF) {
		return nil
	}
	return b
}

// is reports whether text stands at off.
func (r *reader) is(off int64, text string) bool {
	return string(r.bytes(off, int64(len(text)))) == text
}

var (
	le = binary.LittleEndian
	be = binary.BigEndian
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// rawCRC is the CRC-32 that starts with seed and is not inverted at its end, as Linux's crc32_le.
func rawCRC(seed uint32, b []byte) uint32 { return ^crc32.Update(^seed, crc32.IEEETable, b) }

// rawCRC32C is the same with the polynomial of Castagnoli.
func rawCRC32C(seed uint32, b []byte) uint32 { return ^crc32.Update(^seed, castagnoli, b) }

func powerOfTwo(v, least, most int64) bool { return v >= least && v <= most && v&(v-1) == 0 }

// uuid shows 16 bytes in the order in which they stand.
func uuid(b []byte) string {
	if len(b) < 16 || string(b[:16]) == string(make([]byte, 16)) {
		return ""
	}
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

func utf16Text(b []byte, order binary.ByteOrder) string {
	var units []uint16
	for ; len(b) >= 2; b = b[2:] {
		u := order.Uint16(b)
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	return string(utf16.Decode(units))
}

// extent returns length units of unit bytes from start, empty when that cannot be.
func extent(start int64, length uint64, unit int64) block.Extent {
	if unit <= 0 || length == 0 || length > uint64((1<<62)/unit) || start < 0 {
		return block.Extent{}
	}
	return block.Extent{Offset: start, Length: int64(length) * unit}
}

// one wraps a candidate.
func one(c filesystem.Candidate) []filesystem.Candidate { return []filesystem.Candidate{c} }

// tally counts facts for and against a candidate.
func tally(c *filesystem.Candidate, facts ...bool) {
	for _, ok := range facts {
		if ok {
			c.Confirmed++
		} else {
			c.Refuted++
		}
	}
}

// sum counts a checksum: a wrong one is told.
func sum(c *filesystem.Candidate, title string, ok bool) {
	tally(c, ok)
	if !ok {
		c.Findings = append(c.Findings, checksum.New(finding.Arg("kind", title), finding.At(c.Extent.Offset, 0)))
	}
}
