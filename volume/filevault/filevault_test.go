package filevault

import (
	"bytes"
	"context"
	"embed"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/ulikunitz/xz"

	"salvor/block"
	"salvor/block/probe"
	"salvor/volume"
)

//go:embed testdata
var testdata embed.FS

const sampleSize = 0x1fff6000

func sample(t testing.TB) []byte {
	t.Helper()
	f, err := testdata.Open("testdata/cs_fvault2.img.xz")
	if err != nil {
		t.Fatal(err)
	}
	z, err := xz.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b[:headerSize]
}

// resized is the sample's header for a volume of another size.
func resized(t testing.TB, size uint64) []byte { return sized(sample(t), size) }

func sized(b []byte, size uint64) []byte {
	b = bytes.Clone(b)
	binary.LittleEndian.PutUint64(b[64:], size)
	return summed(b)
}

func summed(b []byte) []byte {
	binary.LittleEndian.PutUint32(b, ^crc32.Checksum(b[8:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

func readAll(t testing.TB, b []byte, at ...int64) []volume.Locked {
	t.Helper()
	var hits []probe.Hit
	for _, a := range at {
		hits = append(hits, probe.Hit{ID: "filevault.header", Offset: a})
	}
	list, err := Lock().Read(t.Context(), block.Bytes(b), hits)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestSample(t *testing.T) {
	b := sample(t)
	list := readAll(t, b)
	if len(list) != 1 {
		t.Fatalf("%d volumes", len(list))
	}
	l := list[0]
	if l.Format != "FileVault 2" || l.UUID != "FC52BFAE-5A1F-4F9B-B3A6-F33303A0E401" || l.Extent != (block.Extent{Length: sampleSize}) || !l.Valid || l.Open != nil ||
		len(l.Findings) != 1 || l.Findings[0].Code != "filevault.unread" {
		t.Errorf("%+v", l)
	}
	h, err := parse(b, 0)
	if err != nil || h.group != "D1CC2D07-0A69-4E73-9472-DAB3DAD5E939" || h.sector != 512 {
		t.Errorf("%+v, %v", h, err)
	}
	p := Lock().Probes[0]
	if err := p.Validate(); err != nil || !p.Matches(b[p.At:]) {
		t.Errorf("the probe does not find it: %v", err)
	}
}

// A volume on a disk is found by its first header, and by the last one when the first is gone.
func TestPlaces(t *testing.T) {
	const start, size = 1 << 20, 2 << 20
	disk := make([]byte, start+size)
	head := resized(t, size)
	copy(disk[start:], head)
	copy(disk[len(disk)-headerSize:], head)
	both := readAll(t, disk, start, int64(len(disk))-headerSize)
	if len(both) != 1 || both[0].Extent != (block.Extent{Offset: start, Length: size}) || both[0].Backup {
		t.Errorf("%+v", both)
	}
	clear(disk[start : start+headerSize])
	if last := readAll(t, disk); len(last) != 1 || last[0].Extent != (block.Extent{Offset: start, Length: size}) || !last[0].Backup || last[0].Findings[0].Code != "filevault.header.damaged" {
		t.Errorf("%+v", last)
	}
}

// Nothing is called FileVault by two letters, and nothing that is not encrypted.
func TestNot(t *testing.T) {
	whole := sample(t)
	for at := range whole {
		b := bytes.Clone(whole)
		b[at] ^= 4
		if list := readAll(t, b); len(list) != 0 {
			t.Errorf("with byte %d changed: %+v", at, list)
		}
	}
	plain := sample(t)
	binary.LittleEndian.PutUint32(plain[172:], 0)
	if list := readAll(t, summed(plain)); len(list) != 0 {
		t.Errorf("%+v", list)
	}
	for _, size := range []uint64{0, 511, 1 << 61, 1<<64 - 1} {
		if list := readAll(t, resized(t, size)); len(list) != 0 {
			t.Errorf("a volume of %d bytes: %+v", size, list)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Lock().Read(ctx, block.Bytes(sample(t)), nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestDamage(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	whole := sample(t)
	for range 2000 {
		b := sized(whole, 1+rnd.Uint64N(1<<40))
		for range 1 + rnd.IntN(4) {
			b[8+rnd.IntN(len(b)-8)] = byte(rnd.Uint32())
		}
		for _, l := range readAll(t, summed(b)) {
			if !l.Extent.Valid() {
				t.Fatalf("%+v", l)
			}
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(sample(f), int64(0))
	f.Add(append(make([]byte, 4096), sample(f)...), int64(4096))
	f.Fuzz(func(t *testing.T, b []byte, at int64) {
		if len(b) >= headerSize && b[0]%2 == 0 {
			b = append(summed(bytes.Clone(b[:headerSize])), b[headerSize:]...)
		}
		for _, l := range readAll(t, b, at) {
			if !l.Extent.Valid() {
				t.Fatalf("%+v", l)
			}
		}
	})
}
