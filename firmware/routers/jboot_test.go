package routers

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
)

// senaoImage makes an image as mksenaofw does.
func senaoImage(kind uint32, model string, content []byte) []byte {
	key := uint32(0x12345678)
	p := make([]byte, senaoHead)
	be.PutUint32(p[4:], 0x0101)
	be.PutUint32(p[8:], 0x71)
	copy(p[12:], "1.5.0")
	be.PutUint32(p[28:], kind)
	be.PutUint32(p[32:], uint32(len(content)))
	sum := md5.Sum(content)
	copy(p[40:], sum[:])
	be.PutUint32(p[92:], key)
	if model != "" {
		p = append(p, make([]byte, senaoCapwap)...)
		be.PutUint32(p[senaoHead+36:], uint32(len(model)))
		p = append(p, model...)
	}
	total := uint32(0)
	for _, c := range p {
		total += uint32(c)
	}
	be.PutUint32(p[88:], total)
	for i, c := range content {
		p = append(p, c^byte(key>>(i%8)))
	}
	return p
}

// plainJBOOT is the sum as the tool computes it, over a whole buffer.
func plainJBOOT(p []byte) uint16 {
	sum := uint32(0)
	for ; len(p) > 1; p = p[2:] {
		sum += uint32(binary.LittleEndian.Uint16(p))
		for sum>>16 != 0 {
			sum = sum&0xFFFF + sum>>16
		}
	}
	if len(p) > 0 {
		sum += uint32(p[0])
		sum -= 0xFF
	}
	for sum>>16 != 0 {
		sum = sum&0xFFFF + sum>>16
	}
	return uint16(sum)
}

// jbootImage makes kernel and root file system with their headers, as mkdlinkfw does.
func jbootImage(kernel, root []byte) []byte {
	le := binary.LittleEndian
	h := make([]byte, sch2Head)
	le.PutUint16(h, sch2ID)
	h[2], h[3] = 0, 2
	le.PutUint32(h[8:], uint32(len(kernel)))
	le.PutUint32(h[12:], crc32.ChecksumIEEE(kernel))
	le.PutUint32(h[24:], uint32(len(root)))
	le.PutUint32(h[28:], crc32.ChecksumIEEE(root))
	le.PutUint16(h[36:], sch2Head)
	le.PutUint32(h[32:], crc32.ChecksumIEEE(h))
	tag := []byte{4, 4, 0x24, 0x2B, 1, 2, 3, 4}
	tag = le.AppendUint32(tag, uint32(len(h)+len(kernel)))
	tag = le.AppendUint16(tag, plainJBOOT(slices.Concat(h, kernel)))
	tag = le.AppendUint16(tag, ^plainJBOOT(tag))
	tag[0] = 0xFF
	return slices.Concat(tag, h, kernel, root)
}

func auhImage(data []byte) []byte {
	le := binary.LittleEndian
	p := make([]byte, auhHead)
	copy(p, "DLK6E3803001")
	le.PutUint16(p[14:], plainJBOOT(data))
	p[26] = 1
	le.PutUint32(p[32:], 0x10000)
	le.PutUint32(p[36:], 0x10000)
	le.PutUint32(p[40:], 0x10000)
	le.PutUint32(p[44:], uint32(len(data)))
	le.PutUint16(p[64:], auhID)
	p[66], p[70], p[71] = 2, 4, 4
	le.PutUint16(p[76:], 0x6E38)
	le.PutUint16(p[78:], ^plainJBOOT(p[:78]))
	return append(p, data...)
}

// firstFormat puts the format of that name first.
func firstFormat(name string) []firmware.Format {
	all := Formats()
	i := slices.IndexFunc(all, func(f firmware.Format) bool { return f.Name == name })
	return slices.Concat(all[i:i+1], all[:i], all[i+1:])
}

func TestSenao(t *testing.T) {
	content := firmwaretest.Noise(4001, 1)
	for _, tt := range []struct {
		name, model string
		kind        uint32
		loader      bool
	}{{"kernel", "", 2, false}, {"boot loader", "", 1, true}, {"newer", "ENS620EXT", 0, false}} {
		image := senaoImage(tt.kind, tt.model, content)
		p := firmwaretest.Open(t, image, nil, Formats()...)
		if p.Format != "senao" || p.Version != "1.5.0" || p.Announced != int64(len(image)) || (p.Claims[0].Kind == firmware.Board) != (tt.model != "") {
			t.Fatalf("%s: %+v", tt.name, p)
		}
		got, err := io.ReadAll(block.Reader(p.Children[0].Source))
		if err != nil || !bytes.Equal(got, content) || !p.Children[0].Unpacked {
			t.Errorf("%s: the content is another: %v", tt.name, err)
		}
		if (len(firmware.Warnings(p)) > 0) != tt.loader {
			t.Errorf("%s: %q", tt.name, firmware.Warnings(p))
		}
		firmwaretest.Run(t, image, firmwaretest.Options{Flips: 120, Cuts: 60, Blind: block.SetOf(block.Extent{Length: int64(len(image) - len(content))})}, firstFormat("senao")...)
	}
}

func TestJBOOT(t *testing.T) {
	kernel, root := firmwaretest.Noise(3001, 1), append([]byte("hsqs"), firmwaretest.Noise(2000, 2)...)
	image := jbootImage(kernel, root)
	update := auhImage(image)
	p := firmwaretest.Open(t, update, nil, Formats()...)
	if p.Format != "jboot" || p.Claims[0].Values[0] != "DLK6E3803001" || p.Claims[1].Values[0] != "0x6e38" || len(p.Children) != 1 || p.Children[0].Format != "jboot-image" || p.Children[0].Installs[0].Where != "0x10000" {
		t.Fatalf("%+v", p)
	}
	inner := p.Children[0]
	if len(inner.Children) != 2 || inner.Children[0].Size != 3001 || inner.Children[1].Role != firmware.RootFS || inner.Children[1].Size != 2004 {
		t.Errorf("%+v", inner)
	}
	// Only sums of 16 bits cover the first header of each.
	firmwaretest.Run(t, update, firmwaretest.Options{Flips: 150, Cuts: 60, Blind: block.SetOf(extent(0, auhHead+stagHead), extent(auhHead+stagHead, sch2Head))}, firstFormat("jboot")...)
	firmwaretest.Run(t, image, firmwaretest.Options{Flips: 150, Cuts: 60, Blind: block.SetOf(extent(0, stagHead), extent(stagHead, sch2Head))}, firstFormat("jboot-image")...)

	elsewhere := jbootImage(kernel, root)
	elsewhere = slices.Concat(elsewhere[:len(elsewhere)-len(root)], bytes.Repeat([]byte{0xFF}, 500), root)
	v := firmware.Whole(firmwaretest.Open(t, elsewhere, nil, Formats()...))
	if v.Answer != firmware.CannotTell || !strings.Contains(strings.Join(v.Reasons, "\n"), "does not stand behind the kernel") {
		t.Errorf("%+v", v)
	}
}

func FuzzMasked(f *testing.F) {
	f.Add(senaoImage(2, "", firmwaretest.Noise(100, 1)))
	f.Add(senaoImage(0, "ENS620EXT", firmwaretest.Noise(100, 1)))
	f.Add(auhImage(jbootImage(firmwaretest.Noise(101, 1), firmwaretest.Noise(50, 2))))
	f.Fuzz(func(t *testing.T, p []byte) { firmwaretest.Open(t, p, nil, Formats()...) })
}
