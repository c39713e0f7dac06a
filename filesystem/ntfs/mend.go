package ntfs

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"math/bits"

	"salvor/block"
	"salvor/cursor"
	"salvor/mend"
)

// Mend gives back the boot sector from its backup behind the last cluster, the backup from the boot sector, both from
// what the records of the master file table say, and the first records of that table and its mirror from each other.
func Mend(ctx context.Context, vol block.Source, start int64) (mend.List, error) {
	var list mend.List
	fsys, err := Open(ctx, vol)
	if err != nil {
		return list, err
	}
	v := fsys.(*volume)
	if v.isFormer {
		return list, cursor.ErrNot
	}
	m := &mender{v: v, start: start, list: &list}
	if err := m.boot(); err != nil {
		return list, err
	}
	return list, m.records()
}

type mender struct {
	v     *volume
	start int64
	list  *mend.List
}

// boot gives back the boot sector and its backup.
func (m *mender) boot() error {
	v, b := m.v, m.v.b
	if !tableBegins(v.src, b) {
		m.list.Note("Neither the master file table nor its mirror begins where one would have to name it, so that no boot sector can lead there. The files are read by the records that are left.")
		return nil
	}
	sector, why := m.sectorAt(0), "the boot sector at the start of the volume, where the master file table is found"
	behind := b.size() - b.sectorSize
	if sector == nil {
		if sector = m.sectorAt(behind); sector != nil {
			why = fmt.Sprintf("the backup of the boot sector behind the last cluster, at %d, where the master file table is found", behind)
		}
	}
	if sector == nil {
		made, err := m.made()
		if err != nil {
			return err
		}
		sector = made
		behind = (int64(le.Uint64(made[40:]))) * b.sectorSize
		why = fmt.Sprintf("the master file table, whose records name its place, its mirror and the last cluster; clusters of %d bytes fit them", b.clusterSize)
		m.list.Note("The boot sector is made anew: the volume's serial number and its boot code are gone; no driver needs them to read files.")
	}
	if err := m.list.Add(v.src, "NTFS boot sector", 0, sector, why); err != nil {
		return err
	}
	if behind > v.src.Size()-bootSize {
		m.list.Note("The backup of the boot sector belongs behind the end of what is here, at %d.", behind)
		return nil
	}
	return m.list.Add(v.src, "NTFS boot sector, backup", behind, sector, why)
}

// sectorAt returns the bytes of the boot sector at off, when they describe the volume.
func (m *mender) sectorAt(off int64) []byte {
	b, err := readBoot(m.v.src, off)
	if err != nil || !b.sameLayout(m.v.b) {
		return nil
	}
	return readAt(m.v.src, off, bootSize)
}

// made encodes a boot sector by what the records say.
func (m *mender) made() ([]byte, error) {
	b := *m.v.b
	// The last cluster is known; a volume has some sectors more, up to the backup in the last one of its partition.
	if all := m.v.src.Size() / b.sectorSize; all > b.sectors && (all-b.sectors)*b.sectorSize <= b.clusterSize+b.sectorSize {
		b.sectors = all - 1
	}
	p := make([]byte, bootSize)
	copy(p, "\xEB\x52\x90"+bootName)
	le.PutUint16(p[11:], uint16(b.sectorSize))
	per := b.clusterSize / b.sectorSize
	p[13] = byte(per)
	if per > 128 {
		p[13] = byte(256 - bits.TrailingZeros64(uint64(per)))
	}
	p[21] = 0xF8
	le.PutUint16(p[24:], 63)
	le.PutUint16(p[26:], 255)
	le.PutUint32(p[28:], uint32(m.start/b.sectorSize))
	copy(p[36:], []byte{0x80, 0, 0x80, 0})
	le.PutUint64(p[40:], uint64(b.sectors))
	le.PutUint64(p[48:], uint64(b.mft))
	le.PutUint64(p[56:], uint64(b.mirror))
	p[64], p[68] = encodeUnit(b.recordSize, b.clusterSize), encodeUnit(b.indexSize, b.clusterSize)
	if b.serial == 0 {
		head, err := cursor.Read(m.v.src, "ntfs: record 0", b.mft*b.clusterSize, b.recordSize, maxRecordSize)
		if err != nil {
			return nil, err
		}
		b.serial = uint64(crc32.ChecksumIEEE(head))<<32 | 1
	}
	le.PutUint64(p[72:], b.serial)
	p[510], p[511] = 0x55, 0xAA
	if again, err := parseBoot(p, 0); err != nil || !again.sameLayout(&b) {
		return nil, cursor.Corrupt("ntfs: boot sector that was made", 0, "the layout that was found", err)
	}
	return p, nil
}

// encodeUnit is the inverse of unitSize.
func encodeUnit(size, cluster int64) byte {
	if size >= cluster {
		return byte(size / cluster)
	}
	return byte(-int8(bits.TrailingZeros64(uint64(size))))
}

// records gives the first records of the table and of its mirror back, each from the other.
func (m *mender) records() error {
	v, b := m.v, m.v.b
	if b.mirror == 0 || b.mft == 0 {
		return nil
	}
	table, mirror := b.mft*b.clusterSize, b.mirror*b.clusterSize
	for n := range int64(mirrored) {
		first, firstErr := v.firstRecord(table, n)
		second, secondErr := v.firstRecord(mirror, n)
		good, also := firstErr == nil && first.torn == 0, secondErr == nil && second.torn == 0
		if good == also {
			continue // both hold, or there is nothing to give back
		}
		from, to, name := table, mirror, "NTFS mirror of the master file table"
		why := fmt.Sprintf("record %d of the master file table, which holds together", n)
		if also {
			from, to, name = mirror, table, "NTFS master file table"
			why = fmt.Sprintf("record %d of the mirror, which holds together", n)
		}
		p := readAt(v.src, from+n*b.recordSize, b.recordSize)
		if p == nil || bytes.Equal(p[:4], make([]byte, 4)) {
			continue
		}
		if err := m.list.Add(v.src, fmt.Sprintf("%s, record %d", name, n), to+n*b.recordSize, p, why); err != nil {
			return err
		}
	}
	return nil
}
