package uf2

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"salvor/block"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
)

// file makes a UF2 file from the specification, with 256 bytes in each block.
func file(family, at uint32, content []byte) []byte {
	var out []byte
	count := (len(content) + 255) / 256
	for i := range count {
		b := make([]byte, blockSize)
		data := content[i*256 : min((i+1)*256, len(content))]
		for k, v := range []uint32{0x0A324655, 0x9E5D5157, flagFamily, at + uint32(i)*256, uint32(len(data)), uint32(i), uint32(count), family} {
			le.PutUint32(b[4*k:], v)
		}
		copy(b[dataAt:], data)
		le.PutUint32(b[508:], 0x0AB16F30)
		out = append(out, b...)
	}
	return out
}

func TestFile(t *testing.T) {
	content := firmwaretest.Noise(20_000, 3)
	p := file(0xe48bff56, 0x10000000, content)
	part := firmwaretest.Open(t, p, nil, Format())
	if part.Title != "UF2 file, RP2040" || len(part.Children) != 1 || part.Children[0].Name != "0x10000000" || part.Claims[0].Values[0] != "0xe48bff56" || part.Claims[1].Values[0] != "RP2040" {
		t.Fatalf("%q, %+v", part.Title, part.Children)
	}
	if got, err := io.ReadAll(block.Reader(part.Children[0].Source)); err != nil || !bytes.Equal(got, content) {
		t.Errorf("the content is another: %v", err)
	}
	// The format has no sum: it cannot tell that it is whole.
	if v := firmware.Whole(part); v.Answer != firmware.CannotTell {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	var blind block.Set // all but magic and numbers of blocks
	for at := int64(0); at < int64(len(p)); at += blockSize {
		blind.Add(block.Extent{Offset: at + 8, Length: 12})
		blind.Add(block.Extent{Offset: at + 24, Length: blockSize - 4 - 24})
	}
	firmwaretest.Run(t, p, firmwaretest.Options{Blind: blind, Short: func(n int64) bool { return n < blockSize }}, Format())
}

func TestMissing(t *testing.T) {
	p := file(0xe48bff56, 0x10000000, firmwaretest.Noise(5000, 3))
	lost := append(bytes.Clone(p[:3*blockSize]), p[4*blockSize:]...)
	v := firmware.Whole(firmwaretest.Open(t, lost, nil, Format()))
	if v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "the first that is missing is number 3") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	two := append(bytes.Clone(p), file(0xada52840, 0x1000, firmwaretest.Noise(600, 3))...)
	part := firmwaretest.Open(t, two, nil, Format())
	if len(part.Claims) != 4 || len(part.Children) != 2 || firmware.Whole(part).Answer == firmware.No {
		t.Errorf("two families: %+v, %v", part.Claims, firmware.Whole(part))
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(file(1, 2, firmwaretest.Noise(600, 3)))
	f.Fuzz(func(t *testing.T, p []byte) { firmwaretest.Open(t, p, nil, Format()) })
}
