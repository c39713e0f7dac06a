package ext

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"salvor/block"
	"salvor/cursor"
	"salvor/finding"
)

// journal is the log of a volume, wherever its blocks stand.
type journal struct {
	*journalSuper
	src  block.Source // the volume
	runs []block.Run  // of the journal's file
	file block.Source
}

// place returns where block n of the journal stands on the volume; negative when that is not known.
func (j *journal) place(n uint32) int64 {
	at := int64(n) * j.blockSize
	i, ok := slices.BinarySearchFunc(j.runs, at, func(r block.Run, at int64) int {
		switch {
		case r.Logical+r.Length <= at:
			return -1
		case r.Logical > at:
			return 1
		}
		return 0
	})
	if !ok || !j.runs[i].Kind.Stands() {
		return -1
	}
	return j.runs[i].Physical + at - j.runs[i].Logical
}

// each calls visit for every block of the journal from first to before end that can be read, in order. The
// bytes are valid during the call only.
func (j *journal) each(ctx context.Context, first, end uint32, visit func(n uint32, b []byte)) error {
	buf := make([]byte, max(scanSize, j.blockSize))
	per := uint32(int64(len(buf)) / j.blockSize)
	for n := first; n < end; n += per {
		if err := ctx.Err(); err != nil {
			return err
		}
		count := min(per, end-n)
		b := buf[:int64(count)*j.blockSize]
		got, _ := j.file.ReadAt(b, int64(n)*j.blockSize)
		for i := range count {
			one := b[int64(i)*j.blockSize:][:j.blockSize]
			if int64(i+1)*j.blockSize > int64(got) {
				if m, _ := j.file.ReadAt(one, int64(n+i)*j.blockSize); int64(m) < j.blockSize {
					continue
				}
			}
			visit(n+i, one)
		}
	}
	return ctx.Err()
}

// read reads one block.
func (j *journal) read(n uint32, b []byte) bool {
	m, _ := j.file.ReadAt(b[:j.blockSize], int64(n)*j.blockSize)
	return int64(m) == j.blockSize
}

// findJournal returns the journal of the volume, or nil and what is to be told of that.
func (v *volume) findJournal() (*journal, []finding.Finding) {
	s := v.sb
	at := finding.At(s.offset, superblockSize)
	if s.compat&compatJournal == 0 {
		return nil, nil
	}
	if s.journalInode == 0 {
		return nil, []finding.Finding{journalExternal.New(at, finding.Expected(nil, s.journalUUIDText()))}
	}
	var last error
	if in, err := v.lookAt(s.journalInode); err != nil {
		last = err
	} else if j, err := v.openJournal(in); err == nil {
		return j, nil
	} else {
		last = err
	}
	// The superblock keeps a copy of where the journal stands.
	if in := s.journalBackup(); in != nil {
		if j, err := v.openJournal(in); err == nil {
			return j, nil
		}
	}
	return nil, []finding.Finding{journalBroken.New(at, finding.Expected(nil, last))}
}

// openJournal reads the journal's superblock by the inode of its file.
func (v *volume) openJournal(in *inode) (*journal, error) {
	if in.size <= 0 || in.inline() {
		return nil, cursor.Corrupt("ext: journal", in.offset, "a file", fmt.Sprintf("%d bytes", in.size))
	}
	m := v.mapInode(in, v.newBudget())
	file := block.Join(v.src, m.runs, in.size)
	b := make([]byte, superblockSize)
	if n, err := file.ReadAt(b, 0); n < len(b) {
		return nil, &readError{"ext: journal superblock", err}
	}
	j := &journal{src: v.src, runs: m.runs, file: file}
	var err error
	if j.journalSuper, err = parseJournalSuper(b, j.placeOf(0), v.sb.blockSize); err != nil {
		return nil, err
	}
	if have := in.size / v.sb.blockSize; int64(j.blocks) > have {
		return nil, cursor.Corrupt("ext: journal superblock: blocks", j.placeOf(0)+0x10, fmt.Sprintf("up to %d", have), j.blocks)
	}
	return j, nil
}

// placeOf is place before the superblock is read.
func (j *journal) placeOf(at int64) int64 {
	for _, r := range j.runs {
		if r.Kind.Stands() && r.LogicalExtent().Has(at) {
			return r.Physical + at - r.Logical
		}
	}
	return -1
}

// journalBackup makes an inode of what the superblock keeps of the journal's; nil when it keeps nothing.
func (s *superblock) journalBackup() *inode {
	b := s.journalBlocks
	if b == nil {
		return nil
	}
	le := binary.LittleEndian
	raw := make([]byte, max(128, s.inodeSize))
	copy(raw[iblockOffset:], b[:iblockSize])
	le.PutUint16(raw, typeRegular<<12|0o600)
	le.PutUint32(raw[4:], le.Uint32(b[64:]))
	le.PutUint32(raw[0x6C:], le.Uint32(b[60:]))
	if le.Uint16(b) == extentMagic {
		le.PutUint32(raw[0x20:], flagExtents)
	}
	in, err := parseInode(raw, s.journalInode, s.offset, s)
	if err != nil {
		return nil
	}
	return in
}
