package fat

import (
	"encoding/binary"
	"testing"
)

// maker makes volumes byte by byte, for what no tool would write.
type maker struct {
	t testing.TB
	p []byte
	b *boot
}

// format returns an empty volume of sectors of 512 bytes with the given sectors of a cluster.
func format(t testing.TB, width, clusters, perCluster int) *maker {
	t.Helper()
	fatSectors := ((clusters+2)*width/8 + 511 + 8) / 512
	reserved, root := 1, 32
	if width == 32 {
		reserved, root = 32, 0
	}
	total := reserved + 2*fatSectors + root + clusters*perCluster
	p := make([]byte, total*512)
	le := binary.LittleEndian
	copy(p, []byte{0xEB, 0x3C, 0x90})
	copy(p[3:], "salvor  ")
	le.PutUint16(p[11:], 512)
	p[13] = byte(perCluster)
	le.PutUint16(p[14:], uint16(reserved))
	p[16] = 2
	le.PutUint16(p[17:], uint16(root*16))
	le.PutUint32(p[32:], uint32(total))
	p[21] = 0xF8
	at := 38
	if width == 32 {
		le.PutUint32(p[36:], uint32(fatSectors))
		le.PutUint32(p[44:], 2)
		le.PutUint16(p[48:], 1)
		le.PutUint16(p[50:], 6)
		at = 66
	} else {
		le.PutUint16(p[22:], uint16(fatSectors))
	}
	p[at] = 0x29
	le.PutUint32(p[at+1:], 0x12345678)
	copy(p[at+5:], "NO NAME    ")
	copy(p[at+16:], map[int]string{12: "FAT12   ", 16: "FAT16   ", 32: "FAT32   "}[width])
	p[510], p[511] = 0x55, 0xAA
	if width == 32 {
		copy(p[512:], "RRaA")
		copy(p[512+484:], "rrAa")
		le.PutUint32(p[512+488:], 0xFFFFFFFF)
		le.PutUint32(p[512+508:], 0xAA550000)
		copy(p[6*512:7*512], p[:512])
	}
	b, err := parseBoot(p, 0)
	if err != nil {
		t.Fatal(err)
	}
	if b.width != width || int(b.clusters) != clusters {
		t.Fatalf("made FAT%d with %d clusters, expected FAT%d with %d", b.width, b.clusters, width, clusters)
	}
	m := &maker{t: t, p: p, b: b}
	m.set(0, 0x0FFFFFF8)
	m.set(1, 0x0FFFFFFF)
	if width == 32 {
		m.set(2, entryLast)
	}
	return m
}

// setIn writes the entry of cluster c in one copy of the FAT.
func (m *maker) setIn(copy int, c, v uint32) {
	p := m.p[m.b.fatAt(copy):]
	switch m.b.width {
	case 12:
		at := c + c/2
		old := binary.LittleEndian.Uint16(p[at:])
		if c%2 == 1 {
			binary.LittleEndian.PutUint16(p[at:], old&0xF|uint16(v)<<4)
		} else {
			binary.LittleEndian.PutUint16(p[at:], old&0xF000|uint16(v)&0xFFF)
		}
	case 16:
		binary.LittleEndian.PutUint16(p[2*c:], uint16(v))
	default:
		binary.LittleEndian.PutUint32(p[4*c:], v&0x0FFFFFFF)
	}
}

func (m *maker) set(c, v uint32) {
	m.setIn(0, c, v)
	m.setIn(1, c, v)
}

// chain links clusters and ends behind the last.
func (m *maker) chain(clusters ...uint32) {
	for i, c := range clusters {
		if i+1 < len(clusters) {
			m.set(c, clusters[i+1])
		} else {
			m.set(c, 0x0FFFFFFF)
		}
	}
}

// free frees clusters.
func (m *maker) free(clusters ...uint32) {
	for _, c := range clusters {
		m.set(c, 0)
	}
}

// slot writes a short entry at index of a directory, cluster 0 being the root.
func (m *maker) slot(dir uint32, index int, name string, attr byte, start, size uint32) []byte {
	at := m.b.rootAt()
	if dir != 0 || m.b.width == 32 {
		at = m.b.at(max(dir, 2))
	}
	p := m.p[at+int64(index)*entrySize:][:entrySize]
	clear(p)
	copy(p, "           ")
	copy(p, name)
	p[11] = attr
	stamp(p, 2023, 5, 6)
	binary.LittleEndian.PutUint16(p[20:], uint16(start>>16))
	binary.LittleEndian.PutUint16(p[26:], uint16(start))
	binary.LittleEndian.PutUint32(p[28:], size)
	return p
}

// stamp sets the date of the last change.
func stamp(p []byte, year, month, day int) {
	binary.LittleEndian.PutUint16(p[24:], uint16((year-1980)<<9|month<<5|day))
}

// directory writes the entries "." and ".." of a directory in one cluster, and links its chain.
func (m *maker) directory(parent, c uint32) {
	m.chain(c)
	m.slot(c, 0, ".", attrDirectory, c, 0)
	m.slot(c, 1, "..", attrDirectory, parent, 0)
}

// fill gives each byte of a cluster the same value.
func (m *maker) fill(c uint32, v byte) {
	p := m.p[m.b.at(c):][:m.b.clusterSize()]
	for i := range p {
		p[i] = v
	}
}

// long returns the entries of a long name for a short one.
func long(name []uint16, short [11]byte) [][]byte {
	sum := checksum(short)
	name = append(append([]uint16{}, name...), 0)
	if len(name)%partUnits == 1 && len(name) > 1 {
		name = name[:len(name)-1]
	}
	for len(name)%partUnits != 0 {
		name = append(name, 0xFFFF)
	}
	parts := len(name) / partUnits
	var out [][]byte
	for n := parts; n > 0; n-- {
		p := make([]byte, entrySize)
		p[0], p[11], p[13] = byte(n), attrLong, sum
		if n == parts {
			p[0] |= lastPart
		}
		for i, u := range name[(n-1)*partUnits : n*partUnits] {
			at := 1 + 2*i
			if i >= 11 {
				at = 28 + 2*(i-11)
			} else if i >= 5 {
				at = 14 + 2*(i-5)
			}
			binary.LittleEndian.PutUint16(p[at:], u)
		}
		out = append(out, p)
	}
	return out
}
