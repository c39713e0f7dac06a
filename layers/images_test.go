package layers

import (
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"

	"salvor/internal/need"
)

// span is a partition or a volume of an image, in MiB.
type span struct{ at, size int }

// noise fills b with bytes that are no structure.
func noise(b []byte, seed uint32) {
	x := seed | 1
	for i := range b {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b[i] = byte(x)
	}
}

func writeMBR(img []byte, sector int, parts ...span) {
	clear(img[0x1b8:512])
	for i, p := range parts {
		e := img[0x1be+16*i:]
		e[4] = 0x83
		binary.LittleEndian.PutUint32(e[8:], uint32(p.at*mib/sector))
		binary.LittleEndian.PutUint32(e[12:], uint32(p.size*mib/sector))
	}
	binary.LittleEndian.PutUint32(img[0x1b8:], 0x11223344)
	img[510], img[511] = 0x55, 0xaa
}

// writeGPT writes both copies of a GPT and the protective MBR.
func writeGPT(img []byte, sector int, parts ...span) {
	put32, put64 := binary.LittleEndian.PutUint32, binary.LittleEndian.PutUint64
	clear(img[:512])
	img[0x1be+4] = 0xee
	put32(img[0x1be+8:], 1)
	put32(img[0x1be+12:], 0xffffffff)
	img[510], img[511] = 0x55, 0xaa
	array := make([]byte, 128*128)
	for i, p := range parts {
		e := array[i*128:]
		copy(e, "\xaf\x3d\xc6\x0f\x83\x84\x72\x47\x8e\x79\x3d\x69\xd8\x47\x7d\xe4")
		e[16] = byte(i + 1)
		put64(e[32:], uint64(p.at*mib/sector))
		put64(e[40:], uint64((p.at+p.size)*mib/sector-1))
	}
	last := len(img)/sector - 1
	n := len(array) / sector
	header := func(own, other, at int) {
		h := img[own*sector : own*sector+92]
		clear(h)
		copy(h, "EFI PART\x00\x00\x01\x00\x5c")
		put64(h[24:], uint64(own))
		put64(h[32:], uint64(other))
		put64(h[40:], uint64(2+n))
		put64(h[48:], uint64(last-n-1))
		put64(h[72:], uint64(at))
		put32(h[80:], 128)
		put32(h[84:], 128)
		put32(h[88:], crc32.ChecksumIEEE(array))
		put32(h[16:], crc32.ChecksumIEEE(h))
		copy(img[at*sector:], array)
	}
	header(1, last, 2)
	header(last, 1, last-n)
}

func dropPrimary(img []byte, sector int) { clear(img[sector : 2*sector+16<<10]) }
func dropBackup(img []byte, sector int)  { clear(img[len(img)-sector-16<<10:]) }

// command runs a tool of the system; without it the test is skipped, or fails where all must be there.
func command(t *testing.T, line string, input ...string) string {
	t.Helper()
	args := strings.Fields(line)
	cmd := need.Command(t, args[0], args[1:]...)
	cmd.Stdin = strings.NewReader(strings.Join(input, ""))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return string(out)
}
