package esp

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"salvor/block"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
)

// app makes an image of the ESP32 family from its description.
func app(chip uint16, hashed bool, segments ...[]byte) []byte {
	p := []byte{imageMagic, byte(len(segments)), 2, 0x20, 0, 0, 8, 0x40}
	p = append(p, 0xEE, 0, 0, 0)
	p = le.AppendUint16(p, chip)
	p = append(p, make([]byte, 9)...)
	p = append(p, byte(map[bool]int{true: 1}[hashed]))
	return finish(p, hashed, segments)
}

func finish(p []byte, hashed bool, segments [][]byte) []byte {
	sum := byte(seed)
	for i, s := range segments {
		p = le.AppendUint32(p, 0x3F400000+uint32(i)<<16)
		p = le.AppendUint32(p, uint32(len(s)))
		p = append(p, s...)
		for _, b := range s {
			sum ^= b
		}
	}
	for len(p)%16 != 15 {
		p = append(p, 0)
	}
	p = append(p, sum)
	if hashed {
		h := sha256.Sum256(p)
		p = append(p, h[:]...)
	}
	return p
}

// described is a first segment with what a program says of itself.
func described(n int) []byte {
	p := firmwaretest.Noise(n, 4)
	clear(p[:aboutSize])
	le.PutUint32(p, aboutMagic)
	le.PutUint32(p[4:], 3)
	copy(p[16:], "v1.2.3")
	copy(p[48:], "thermostat")
	copy(p[112:], "v5.2")
	return p
}

func TestImage(t *testing.T) {
	p := app(9, true, described(1000), firmwaretest.Noise(400, 4), firmwaretest.Noise(64, 4))
	part := firmwaretest.Open(t, p, nil, Formats()...)
	if part.Title != "ESP32-S3 application image" || part.Version != "v1.2.3" || len(part.Children) != 3 || part.Announced != int64(len(p)) || len(part.Claims) != 2 || part.Claims[0].Values[0] != "ESP32-S3" {
		t.Errorf("%q %q, %d children, claims %v", part.Title, part.Version, len(part.Children), part.Claims)
	}
	if got, err := io.ReadAll(block.Reader(part.Children[1].Source)); err != nil || !bytes.Equal(got, firmwaretest.Noise(400, 4)) {
		t.Errorf("the second segment is another: %v", err)
	}
	firmwaretest.Run(t, p, firmwaretest.Options{Short: func(n int64) bool { return n < longHead+8+aboutSize }}, Formats()...)
	if v := firmware.Fits(part, &firmware.Device{Facts: []firmware.Fact{{Kind: firmware.Chip, Value: "ESP32-C3", From: "label"}}}); v.Answer != firmware.No {
		t.Errorf("for another chip: %v %q", v.Answer, v.Reasons)
	}
}

func TestOldImage(t *testing.T) {
	p := finish([]byte{imageMagic, 2, 2, 0x40, 0, 0, 0x10, 0x40}, false, [][]byte{firmwaretest.Noise(500, 4), firmwaretest.Noise(100, 4)})
	part := firmwaretest.Open(t, p, nil, Formats()...)
	if part.Title != "ESP8266 application image" || len(part.Children) != 2 {
		t.Errorf("%q, %d children", part.Title, len(part.Children))
	}
	// A sum of eight bits over the data alone: its absence of contradiction proves little.
	if v := firmware.Whole(part); v.Answer == firmware.No {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	seen := 0
	for seed := range uint64(20_000) {
		q := make([]byte, 600)
		rnd := rand.New(rand.NewPCG(seed, 5))
		for i := range q {
			q[i] = byte(rnd.Uint32())
		}
		q[0] = imageMagic
		if firmwaretest.Open(t, q, nil, Formats()...).Format != "" {
			seen++
		}
	}
	if seen > 2 {
		t.Errorf("%d of 20000 random files are taken for images", seen)
	}
}

func table(entries ...entry) []byte {
	var p []byte
	for _, e := range entries {
		q := make([]byte, entrySize)
		q[0], q[1], q[2], q[3] = 0xAA, 0x50, e.kind, e.sub
		le.PutUint32(q[4:], e.offset)
		le.PutUint32(q[8:], e.size)
		copy(q[12:28], e.label)
		p = append(p, q...)
	}
	sum := md5.Sum(p)
	p = append(p, 0xEB, 0xEB)
	p = append(p, bytes.Repeat([]byte{0xFF}, 14)...)
	p = append(p, sum[:]...)
	return append(p, bytes.Repeat([]byte{0xFF}, 0xC00-len(p))...)
}

func TestTable(t *testing.T) {
	p := table(entry{1, 2, 0x9000, 0x6000, "nvs"}, entry{1, 0, 0xF000, 0x2000, "otadata"}, entry{0, 0x10, 0x10000, 0x100000, "ota_0"}, entry{0, 0x11, 0x110000, 0x100000, "ota_1"})
	formats := Formats()
	formats[0], formats[1] = formats[1], formats[0]
	part := firmwaretest.Open(t, p, nil, formats...)
	if len(part.Children) != 4 || part.Children[2].Name != "ota_0" {
		t.Errorf("%+v", part.Children)
	}
	firmwaretest.Run(t, p, firmwaretest.Options{Short: func(n int64) bool { return true }}, formats...)
	if v := firmware.Whole(firmwaretest.Open(t, p[:100], nil, formats...)); v.Answer != firmware.CannotTell {
		t.Errorf("a table that is cut: %v %q", v.Answer, v.Reasons)
	}
}

func choice(sequences ...uint32) []byte {
	p := bytes.Repeat([]byte{0xFF}, 2*sectorSize)
	for i, s := range sequences {
		if s == 0 {
			continue
		}
		q := p[i*sectorSize:]
		le.PutUint32(q, s)
		le.PutUint32(q[24:], 2)
		le.PutUint32(q[28:], crc32.Update(0xFFFFFFFF, crc32.IEEETable, q[:4]))
	}
	return p
}

func TestChoice(t *testing.T) {
	part := firmwaretest.Open(t, choice(5, 6), nil, Formats()...)
	if part.Format != "esp-choice" || !strings.Contains(part.Title, "record 2 is in force, sequence 6, state valid") {
		t.Errorf("%q %q", part.Format, part.Title)
	}
	torn := choice(5, 6)
	torn[sectorSize] ^= 3
	part = firmwaretest.Open(t, torn, nil, Formats()...)
	if !strings.Contains(part.Title, "record 1 is in force") || firmware.Whole(part).Answer != firmware.No {
		t.Errorf("%q %v", part.Title, firmware.Whole(part))
	}
	if part = firmwaretest.Open(t, choice(), nil, Formats()...); part.Format != "" {
		t.Errorf("erased flash is taken for %q", part.Format)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(app(0, true, described(200)))
	f.Add(table(entry{1, 2, 0x9000, 0x6000, "nvs"}))
	f.Add(choice(1, 2))
	f.Fuzz(func(t *testing.T, p []byte) { firmwaretest.Open(t, p, nil, Formats()...) })
}
