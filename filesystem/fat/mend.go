package fat

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"salvor/block"
	"salvor/cursor"
	"salvor/filesystem/internal/cluster"
	"salvor/mend"
)

// Mend gives back the boot sector and its backup, the FSInfo sector, and a copy of the FAT that lost its head, from the
// other one.
func Mend(ctx context.Context, vol block.Source, start int64) (mend.List, error) {
	m := &mender{vol: vol, start: start}
	b, notes, err := findBoot(vol)
	if err != nil {
		return m.list, err
	}
	m.b = b
	implied := len(notes) > 0 && notes[0].Code == bootImplied.Code
	good := make([]bool, b.copies)
	any := false
	for i := range b.copies {
		good[i] = headFits(b, head(vol, b, i))
		any = any || good[i]
	}
	if !any {
		m.list.Note("No copy of the FAT begins as one must: nothing says that this boot sector is the right one, so that it is left as it is.")
		return m.list, nil
	}
	if err := m.boot(implied); err != nil {
		return m.list, err
	}
	for i := range b.copies {
		if !good[i] && b.mirrored {
			if err := m.table(ctx, i, good); err != nil {
				return m.list, err
			}
		}
	}
	return m.list, ctx.Err()
}

type mender struct {
	vol   block.Source
	start int64
	b     *boot
	list  mend.List
}

// boot gives back the boot sectors and, on FAT32, the FSInfo sector with its copy.
func (m *mender) boot(implied bool) error {
	b := m.b
	why := "the boot sector at the start of the volume, where the FATs are found"
	sector, err := m.sectorOf(0)
	if err != nil || implied {
		sector = nil
	}
	if at := b.backupSector * b.sectorSize; sector == nil && !implied && at > 0 {
		if sector, err = m.sectorOf(at); err != nil {
			return err
		}
		why = fmt.Sprintf("the backup of the boot sector in sector %d, where the FATs are found", b.backupSector)
	}
	if sector == nil {
		if sector, err = m.made(); err != nil {
			return err
		}
		why = fmt.Sprintf("the two FATs at %d and %d, which agree, and directories that name their own clusters of %d bytes",
			b.fatAt(0), b.fatAt(1), b.clusterSize())
		m.list.Note("The boot sector is made anew: the volume's serial number, its boot code and its number of heads and tracks are gone; no driver needs them to read files.")
	}
	name := fmt.Sprintf("FAT%d boot sector", b.width)
	if err := m.list.Add(m.vol, name, 0, sector, why); err != nil {
		return err
	}
	if b.width != 32 {
		return nil
	}
	if at := b.backupSector * b.sectorSize; at > 0 {
		if err := m.list.Add(m.vol, name+", backup", at, sector, why); err != nil {
			return err
		}
	}
	return m.info()
}

// sectorOf returns the 512 bytes at off when they are the boot sector in use.
func (m *mender) sectorOf(off int64) ([]byte, error) {
	p, err := cursor.Read(m.vol, "fat: boot sector", off, bootSize, bootSize)
	if err != nil {
		return nil, err
	}
	b, err := parseBoot(p, off)
	if err != nil {
		return nil, err
	}
	if !b.sameLayout(m.b) || !b.signed {
		return nil, cursor.Corrupt("fat: boot sector", off, "the layout of the volume", "another one")
	}
	return p, nil
}

// made encodes a boot sector for a layout that was implied. A volume has some fields that nothing else knows: they get
// the values that formatters write.
func (m *mender) made() ([]byte, error) {
	b := m.b
	le := binary.LittleEndian
	p := make([]byte, bootSize)
	copy(p, "\xEB\x58\x90MSDOS5.0")
	le.PutUint16(p[11:], uint16(b.sectorSize))
	p[13] = byte(b.perCluster)
	le.PutUint16(p[14:], uint16(b.reserved))
	p[16] = byte(b.copies)
	le.PutUint16(p[17:], uint16(b.rootSlots))
	if b.width != 32 && b.total < 1<<16 {
		le.PutUint16(p[19:], uint16(b.total))
	} else {
		le.PutUint32(p[32:], uint32(b.total))
	}
	p[21] = b.media
	le.PutUint16(p[24:], 63)
	le.PutUint16(p[26:], 255)
	le.PutUint32(p[28:], uint32(m.start/b.sectorSize))
	at := 36
	if b.width == 32 {
		le.PutUint32(p[36:], uint32(b.fatSectors))
		le.PutUint32(p[44:], b.rootCluster)
		b.infoSector, b.backupSector = m.places()
		le.PutUint16(p[48:], uint16(b.infoSector))
		le.PutUint16(p[50:], uint16(b.backupSector))
		at = 64
	} else {
		p[1] = 0x3C
		le.PutUint16(p[22:], uint16(b.fatSectors))
	}
	first, err := cursor.Read(m.vol, "fat: FAT", b.fatAt(0), bootSize, bootSize)
	if err != nil {
		return nil, err
	}
	p[at], p[at+2] = 0x80, 0x29
	le.PutUint32(p[at+3:], crc32.ChecksumIEEE(first))
	label := []byte("NO NAME    ")
	if own, ok := m.label(); ok {
		label = own
	}
	copy(p[at+7:], label)
	copy(p[at+18:], fmt.Sprintf("FAT%-5d", b.width))
	p[510], p[511] = 0x55, 0xAA
	if again, err := parseBoot(p, 0); err != nil || !again.sameLayout(b) {
		return nil, cursor.Corrupt("fat: boot sector that was made", 0, "the layout that was found", err)
	}
	return p, nil
}

// places returns where the FSInfo sector and the backup of the boot sector go: their usual sectors, when there is room.
func (m *mender) places() (info, backup int64) {
	if m.b.reserved > 1 {
		info = 1
	}
	if m.b.reserved > defaultBackup+1 {
		backup = defaultBackup
	}
	return info, backup
}

// label returns the volume's name by its root directory.
func (m *mender) label() ([]byte, bool) {
	b := m.b
	at, length := b.rootAt(), b.rootBytes()
	if b.width == 32 {
		at, length = b.at(b.rootCluster), b.clusterSize()
	}
	p := make([]byte, min(length, 64<<10))
	if n, _ := m.vol.ReadAt(p, at); n < len(p) {
		return nil, false
	}
	for ; len(p) >= entrySize && p[0] != 0; p = p[entrySize:] {
		if p[11]&0x3F == 0x08 && p[0] != 0xE5 {
			return p[:11], true
		}
	}
	return nil, false
}

// info gives back the FSInfo sector and its copy, with the counts of the FAT as it stands.
func (m *mender) info() error {
	b := m.b
	if b.infoSector == 0 {
		return nil
	}
	at := b.infoSector * b.sectorSize
	p, err := cursor.Read(m.vol, "fat: FSInfo", at, bootSize, bootSize)
	if err == nil {
		err = parseInfo(p, at, b.clusters)
	}
	if err == nil {
		return nil
	}
	free, next := m.free()
	le := binary.LittleEndian
	p = make([]byte, bootSize)
	copy(p, "RRaA")
	copy(p[484:], "rrAa")
	le.PutUint32(p[488:], free)
	le.PutUint32(p[492:], next)
	p[510], p[511] = 0x55, 0xAA
	why := fmt.Sprintf("counted in the FAT: %d clusters are free", free)
	if free == unknownCount {
		why = "an empty one, which says that nothing was counted"
	}
	if err := m.list.Add(m.vol, "FSInfo sector", at, p, why); err != nil {
		return err
	}
	if b.backupSector > 0 && b.backupSector+b.infoSector < b.reserved {
		return m.list.Add(m.vol, "FSInfo sector, backup", at+b.backupSector*b.sectorSize, p, why)
	}
	return nil
}

// unknownCount says in an FSInfo sector that a count is not known.
const unknownCount = 0xFFFFFFFF

// free counts the free clusters, and returns the last one in use, behind which drivers look for free ones.
func (m *mender) free() (free, last uint32) {
	t := newTable(m.vol, m.b)
	for c := uint32(2); m.b.valid(c); c++ {
		switch e := t.entry(0, c); {
		case e == unknown:
			return unknownCount, unknownCount
		case e == entryFree:
			free++
		default:
			last = c
		}
	}
	return free, max(last, 2)
}

// table gives copy lost of the FAT back from the first good one, where they differ.
func (m *mender) table(ctx context.Context, lost int, good []bool) error {
	b := m.b
	from := 0
	for !good[from] {
		from++
	}
	const piece = 1 << 20
	made := int64(0)
	for at := int64(0); at < b.fatBytes(); at += piece {
		if err := ctx.Err(); err != nil {
			return err
		}
		want := make([]byte, min(piece, b.fatBytes()-at))
		bad, err := cluster.ReadAround(m.vol, want, b.fatAt(from)+at)
		if err != nil {
			return err
		}
		is := make([]byte, len(want))
		lostHere, err := cluster.ReadAround(m.vol, is, b.fatAt(lost)+at)
		if err != nil {
			return err
		}
		for i := 0; i < len(want); {
			end := min(i+int(b.sectorSize), len(want))
			differs := func(i, end int) bool {
				e := block.Between(int64(i), int64(end))
				return !bad.Overlaps(e) && (lostHere.Overlaps(e) || !bytes.Equal(want[i:end], is[i:end]))
			}
			if !differs(i, end) {
				i = end
				continue
			}
			for end < len(want) && differs(end, min(end+int(b.sectorSize), len(want))) {
				end = min(end+int(b.sectorSize), len(want))
			}
			if made += int64(end - i); made > mend.MaxStructure {
				m.list.Note("FAT %d differs from FAT %d in more than %d MiB: the rest is left as it is.", lost+1, from+1, mend.MaxStructure>>20)
				return nil
			}
			if err := m.list.Add(m.vol, fmt.Sprintf("FAT %d", lost+1), b.fatAt(lost)+at+int64(i), want[i:end],
				fmt.Sprintf("FAT %d, which begins as a FAT must, while FAT %d does not", from+1, lost+1)); err != nil {
				return err
			}
			i = end
		}
	}
	return nil
}
