package exfat

import (
	"encoding/binary"
	"testing"
	"time"
	"unicode/utf16"

	"salvor/filesystem"
)

// maker makes volumes byte by byte, for what no tool would write.
type maker struct {
	t testing.TB
	p []byte
	b *boot
	// at is the number of entries in each directory, by its first cluster.
	at map[uint32]int
}

var le = binary.LittleEndian

const (
	makerUpcase = 3
	makerRoot   = 4
)

// format returns an empty volume with sectors and clusters of 512 bytes, the bitmap in cluster 2, the up-case table
// in 3 and a root directory of one cluster in 4.
func format(t testing.TB, clusters, fats int) *maker {
	t.Helper()
	fatSectors := ((clusters+2)*4 + 511) / 512
	heap := 24 + fats*fatSectors
	p := make([]byte, (heap+clusters)*512)
	copy(p, "\xEB\x76\x90EXFAT   ")
	le.PutUint64(p[72:], uint64(heap+clusters))
	le.PutUint32(p[80:], 24)
	le.PutUint32(p[84:], uint32(fatSectors))
	le.PutUint32(p[88:], uint32(heap))
	le.PutUint32(p[92:], uint32(clusters))
	le.PutUint32(p[96:], makerRoot)
	le.PutUint32(p[100:], 0x1234ABCD)
	le.PutUint16(p[104:], 0x100)
	p[108], p[109], p[110] = 9, 0, byte(fats)
	p[510], p[511] = 0x55, 0xAA
	m := &maker{t: t, p: p, at: map[uint32]int{}}
	m.seal()
	b, err := parseBoot(p, 0)
	if err != nil {
		t.Fatal(err)
	}
	m.b = b
	for i := range fats {
		copy(p[b.fatAt(i):], fatHeadBytes)
	}
	m.chain(2)
	m.chain(makerUpcase)
	m.chain(makerRoot)
	m.allocate(2, makerUpcase, makerRoot)
	// The least table: everything maps to itself.
	up := []byte{0xFF, 0xFF, 0xFF, 0xFF}
	copy(p[b.at(makerUpcase):], up)
	for i := range fats {
		e := m.slot(makerRoot)
		e[0], e[1] = typeBitmap, byte(i)
		le.PutUint32(e[20:], 2)
		le.PutUint64(e[24:], uint64(clusters+7)/8)
	}
	e := m.slot(makerRoot)
	e[0] = typeUpcase
	le.PutUint32(e[4:], upcaseSum(up))
	le.PutUint32(e[20:], makerUpcase)
	le.PutUint64(e[24:], uint64(len(up)))
	return m
}

// seal writes the checksum of the boot region, and its backup.
func (m *maker) seal() {
	sum := regionSum(m.p[:11*512])
	for i := 11 * 512; i < 12*512; i += 4 {
		le.PutUint32(m.p[i:], sum)
	}
	copy(m.p[12*512:24*512], m.p[:12*512])
}

func (m *maker) setIn(copy int, c, v uint32) { le.PutUint32(m.p[m.b.fatAt(copy)+4*int64(c):], v) }

func (m *maker) chain(clusters ...uint32) {
	for i, c := range clusters {
		v := uint32(entryLast)
		if i+1 < len(clusters) {
			v = clusters[i+1]
		}
		for f := range m.b.fats {
			m.setIn(f, c, v)
		}
	}
}

func (m *maker) bit(c uint32) (*byte, byte) {
	n := c - 2
	return &m.p[m.b.at(2)+int64(n/8)], 1 << (n % 8)
}

func (m *maker) allocate(clusters ...uint32) {
	for _, c := range clusters {
		p, bit := m.bit(c)
		*p |= bit
	}
}

func (m *maker) release(clusters ...uint32) {
	for _, c := range clusters {
		p, bit := m.bit(c)
		*p &^= bit
	}
}

func (m *maker) fill(c uint32, v byte) {
	p := m.p[m.b.at(c):][:512]
	for i := range p {
		p[i] = v
	}
}

// slot returns the next entry of a directory.
func (m *maker) slot(dir uint32) []byte {
	at := m.b.at(dir) + int64(m.at[dir])*entrySize
	m.at[dir]++
	return m.p[at : at+entrySize]
}

// spec is a set to write.
type spec struct {
	name          string
	attr          uint16
	first         uint32
	size, valid   int64 // valid -1 stands for 0
	noChain, gone bool
	day           int // of January 2024, 1 unless told
	extra         [][]byte
}

// put writes a set into a directory and returns its entries.
func (m *maker) put(dir uint32, s spec) [][]byte {
	units := utf16.Encode([]rune(s.name))
	n := (len(units) + nameUnits - 1) / nameUnits
	if s.valid == 0 {
		s.valid = s.size
	}
	var entries [][]byte
	for range 2 + n + len(s.extra) {
		entries = append(entries, m.slot(dir))
	}
	e := entries[0]
	e[0], e[1] = typeFile, byte(len(entries)-1)
	le.PutUint16(e[4:], s.attr)
	stamp := uint32(2024-1980)<<25 | 1<<21 | uint32(max(s.day, 1))<<16 | 10<<11
	for _, at := range []int{8, 12, 16} {
		le.PutUint32(e[at:], stamp)
	}
	e[22], e[23], e[24] = 0x84, 0x84, 0x84
	e = entries[1]
	e[0], e[1], e[3] = typeStream, flagAllocation, byte(len(units))
	if s.noChain {
		e[1] |= flagNoChain
	}
	up := upcase{units: make([]uint16, 1<<16)}
	for i := range up.units {
		up.units[i] = uint16(i)
	}
	le.PutUint16(e[4:], up.hash(units))
	le.PutUint64(e[8:], uint64(max(s.valid, 0)))
	le.PutUint32(e[20:], s.first)
	le.PutUint64(e[24:], uint64(s.size))
	for i, e := range entries[2 : 2+n] {
		e[0] = typeName
		for k, u := range units[i*nameUnits : min(len(units), (i+1)*nameUnits)] {
			le.PutUint16(e[2+2*k:], u)
		}
	}
	for i, x := range s.extra {
		copy(entries[2+n+i], x)
	}
	le.PutUint16(entries[0][2:], setSum(entries))
	if s.gone {
		for _, e := range entries {
			e[0] &^= inUse
		}
	}
	return entries
}

func (m *maker) open() *volume { return mustOpen(m.t, m.p) }

// get lists the volume and returns one file.
func (m *maker) get(path string) *filesystem.File {
	m.t.Helper()
	got, _ := files(m.t, m.open())
	f := got[path]
	if f == nil {
		m.t.Errorf("%s is missing: %v", path, got)
		return &filesystem.File{Streams: []filesystem.Stream{{}}}
	}
	return f
}

func day(n int) time.Time { return time.Date(2024, 1, n, 10, 0, 0, 0, time.UTC) }
