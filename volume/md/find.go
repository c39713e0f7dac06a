package md

import (
	"context"
	"fmt"
	"slices"

	"salvor/block"
	"salvor/block/probe"
	"salvor/finding"
	"salvor/volume"
)

// MaxMembers is the largest number of members that one source is believed to hold.
const MaxMembers = 256

// Stack returns the row for the table of stacks.
func Stack() volume.Stack {
	return volume.Stack{
		Name: "md",
		Probes: []probe.Probe{
			{ID: "md.1", Bytes: []byte("\xfc\x4e\x2b\xa9\x01\x00\x00\x00"), Align: 512},
			{ID: "md.0", Bytes: []byte("\xfc\x4e\x2b\xa9\x00\x00\x00\x00"), Align: 512},
			{ID: "md.0be", Bytes: []byte("\xa9\x2b\x4e\xfc\x00\x00\x00\x00\x00\x00\x00"), Align: 512},
			{ID: "md.imsm", Bytes: []byte(imsmMagic), Align: 512},
			{ID: "md.ddf", Bytes: []byte(ddfMagic), Align: 512},
		},
		Members:  members,
		Assemble: assemble,
	}
}

// detail is what a member of this stack keeps.
type detail struct {
	super *super
	bad   block.Set // bytes of the member that it lists as bad
}

func members(ctx context.Context, src block.Source, landmarks []probe.Hit) ([]volume.Member, error) {
	size := src.Size()
	last0 := size&^(reservedSize-1) - reservedSize
	places := []int64{0, 4096, (size/sector - 16) &^ 7 * sector, last0, size/sector*sector - 2*sector, size/sector*sector - sector}
	usual := len(places)
	for _, h := range landmarks {
		places = append(places, h.Offset)
	}
	var out []volume.Member
	seen := map[int64]bool{}
	buffer := make([]byte, superSize)
	for i, at := range places {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if at < 0 || at >= size || seen[at] || len(out) >= MaxMembers {
			continue
		}
		seen[at] = true
		b := buffer[:min(superSize, size-at)]
		n, err := src.ReadAt(b, at)
		if err != nil && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		b = b[:n]
		if m, ok := containerMember(src, b, at); ok {
			out = append(out, m)
			continue
		}
		s, err := parse(b, at)
		if err != nil {
			continue
		}
		guessed := false
		if s.version == "0.90" {
			start := int64(0)
			if at != last0 {
				if start, guessed = s.guess(at), true; start < 0 {
					continue
				}
			}
			s.at0(start, at)
		} else if i < usual && s.start != 0 && s.version != "1.0" {
			continue // bytes of another structure that look like one
		}
		out = append(out, member(src, s, guessed))
	}
	return out, nil
}

// guess returns where the member of a superblock of version 0.90 that stands at off begins, by the size of its data,
// which is by less than the reserved room and a chunk shorter than what stands before the superblock; -1 where
// nothing tells. Partitions begin on a MiB, or where the medium does.
func (s *super) guess(off int64) int64 {
	if s.used == 0 {
		return -1
	}
	start := off - s.used
	slack := reservedSize + s.shape.chunk
	if down := start &^ (1<<20 - 1); start-down < slack {
		start = down
	}
	if start < 0 {
		if start <= -slack {
			return -1
		}
		return 0
	}
	return start
}

func member(src block.Source, s *super, guessed bool) volume.Member {
	d := &detail{super: s}
	m := volume.Member{
		Stack: "md", Format: "md " + s.version, Set: s.set, ID: s.device, Label: s.name, Role: s.word(),
		Header: s.start + s.place, Extent: s.extent(), Valid: s.valid(), Detail: d,
	}
	m.Source = block.Section(src, m.Extent)
	at := finding.At(m.Header, superSize)
	if !m.Valid {
		m.Findings = append(m.Findings, checksum.New(at, finding.Expected(fmt.Sprintf("%08x", s.sumWanted), fmt.Sprintf("%08x", s.sumFound))))
	}
	if guessed {
		m.Findings = append(m.Findings, guessedStart.New(at))
	}
	if s.badAt > 0 && s.badSize > 0 {
		list, err := badBlocks(m.Source, s)
		if err != nil {
			m.Findings = append(m.Findings, logUnreadable.New(finding.At(s.start+s.badAt, s.badSize)))
		}
		d.bad = list
		if !list.Empty() {
			m.Findings = append(m.Findings, logged.New(finding.At(s.start+s.badAt, s.badSize), finding.Arg("member", m.Role), finding.Expected(nil, list.Bytes())))
		}
	}
	if m.Extent.End() > src.Size() {
		m.Findings = append(m.Findings, shorter.New(finding.Arg("member", m.Role), finding.Expected(m.Extent.Length, src.Size()-s.start)))
	}
	return m
}

// word says for people which part of the set a device is.
func (s *super) word() string {
	switch {
	case s.role == roleSpare:
		return "spare"
	case s.role == roleFaulty:
		return "failed disk"
	case s.role == roleJournal:
		return "journal"
	}
	return diskName(s.role, s.raid)
}

func diskName(role, disks int) string { return fmt.Sprintf("disk %d of %d", role+1, disks) }

// maxBadBlocks is how much of a bad block log is read, bytes; the driver keeps one page.
const maxBadBlocks = 64 << 10

// badBlocks reads the log of bad blocks of a member.
func badBlocks(src block.Source, s *super) (block.Set, error) {
	b := make([]byte, min(s.badSize, maxBadBlocks))
	if n, err := src.ReadAt(b, s.badAt); n < len(b) {
		return parseBadBlocks(b[:n], s.badShift), err
	}
	return parseBadBlocks(b, s.badShift), nil
}

// parseBadBlocks reads entries of eight bytes: the number of blocks in the low ten bits, the first one above; all
// ones end the list. Blocks are of sectors << shift, and counted from the start of the member.
func parseBadBlocks(b []byte, shift uint) block.Set {
	var list []block.Extent
	for ; len(b) >= 8; b = b[8:] {
		e := leUint64(b)
		if e == ^uint64(0) || shift > 32 {
			break
		}
		first, fits := bytesOf(e>>10, sector<<shift)
		if n := int64(e & 0x3ff); n > 0 && fits && first <= maxMember {
			list = append(list, block.Extent{Offset: first, Length: n * sector << shift})
		}
	}
	return block.SetOf(slices.Clip(list)...)
}
