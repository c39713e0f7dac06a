package routers

import (
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
)

var be = binary.BigEndian

// ubnt makes an image as mkfwimage does; each part is a name with its data.
func ubnt(version string, rsa bool, parts ...any) []byte {
	p := make([]byte, 260, 1<<16)
	copy(p, "UBNT")
	copy(p[4:], version)
	p = be.AppendUint32(p, crc32.ChecksumIEEE(p))
	p = append(p, 0, 0, 0, 0)
	for i := 0; i < len(parts); i += 2 {
		name, data := parts[i].(string), parts[i+1].([]byte)
		h := make([]byte, ubntPart)
		copy(h, "PART"+name)
		be.PutUint32(h[48:], uint32(len(data)))
		be.PutUint32(h[52:], 0x10000)
		at := len(p)
		p = append(append(p, h...), data...)
		p = be.AppendUint32(p, crc32.ChecksumIEEE(p[at:]))
		p = append(p, 0, 0, 0, 0)
	}
	if rsa {
		return append(append(append(p, "ENDS"...), firmwaretest.Noise(ubntRSA, 9)...), 0, 0, 0, 0)
	}
	sum := crc32.ChecksumIEEE(p)
	return append(be.AppendUint32(append(p, "END."...), sum), 0, 0, 0, 0)
}

// tagged makes an image as the tools for BCM963xx do. kernelOnly sums the kernel alone.
func tagged(boot, root, kernel []byte, rootFirst, kernelOnly bool) []byte {
	p := make([]byte, tagSize)
	put := func(at int, format string, v any) { copy(p[at:], fmt.Sprintf(format, v)) }
	put(0, "%s", "6")
	put(4, "%s", "Broadcom Corporatio")
	put(24, "%s", "ver. 2.0")
	put(38, "%s", "6328")
	put(44, "%s", "963281TAN")
	put(60, "%s", "1")
	put(62, "%d", len(boot)+len(root)+len(kernel))
	base := 0xBFC10100
	put(72, "%d", 0)
	put(84, "%d", len(boot))
	a, b := base, base+len(kernel)
	first, second := kernel, root
	if rootFirst {
		a, b = base+len(root), base
		first, second = root, kernel
	}
	put(116, "%d", a)
	put(128, "%d", len(kernel))
	put(94, "%d", b)
	put(106, "%d", len(root))
	data := append(append(bytes.Clone(boot), first...), second...)
	summed := data
	if kernelOnly {
		summed = kernel
	}
	be.PutUint32(p[216:], ^crc32.ChecksumIEEE(summed))
	be.PutUint32(p[tagSumAt:], ^crc32.ChecksumIEEE(p[:tagSumAt]))
	return append(p, data...)
}

func wfiImage(boot, data []byte) []byte {
	le := binary.LittleEndian
	p := append(bytes.Clone(boot), make([]byte, (wfiBlock-len(boot)%wfiBlock)%wfiBlock)...)
	p = append(append(p, 0x85, 0x19), data...)
	p = le.AppendUint32(p, ^crc32.ChecksumIEEE(p))
	for _, v := range []uint32{0x5732, 0x4908, 3, 2} {
		p = le.AppendUint32(p, v)
	}
	return p
}

// xiaomiImage makes an image as xiaomifw does; each part is a name with its data.
func xiaomiImage(device uint16, signed bool, parts ...any) []byte {
	le := binary.LittleEndian
	p := make([]byte, xiaomiHead)
	copy(p, "HDR1")
	le.PutUint16(p[14:], device)
	for i := 0; i < len(parts); i += 2 {
		name, data := parts[i].(string), parts[i+1].([]byte)
		le.PutUint32(p[16+2*i:], uint32(len(p)))
		h := make([]byte, xiaomiBlob)
		le.PutUint32(h, blobMagic)
		le.PutUint32(h[4:], 0xFFFFFFFF)
		le.PutUint32(h[8:], uint32(len(data)))
		if h[12] = 4; name == "u-boot" {
			h[12] = blobLoader
		}
		copy(h[16:], name)
		p = append(append(p, h...), data...)
		p = append(p, make([]byte, (4-len(p)%4)%4)...)
	}
	le.PutUint32(p[4:], uint32(len(p)))
	sig := make([]byte, 16+256)
	if signed {
		le.PutUint32(sig, 256)
		copy(sig[16:], firmwaretest.Noise(256, 5))
	}
	p = append(p, sig...)
	le.PutUint32(p[8:], ^crc32.ChecksumIEEE(p[12:]))
	return p
}

func linksysImage(board string, trx []byte) []byte {
	p := make([]byte, linksysHead)
	copy(p, board)
	copy(p[8:], []byte{24, 1, 2, 3, 37, 2})
	copy(p[14:], "U2ND")
	return append(append(p, "HDR0"...), trx...)
}

func chdrImage(data []byte) []byte {
	le := binary.LittleEndian
	p := append([]byte("CHDR"), make([]byte, 12)...)
	p[12] = 1
	p = append(p, data...)
	le.PutUint32(p[4:], uint32(len(p)))
	le.PutUint32(p[8:], ^crc32.ChecksumIEEE(p[12:]))
	return p
}

func dniImage(text string, data []byte) []byte {
	p := make([]byte, dniHead)
	copy(p, text)
	p = append(p, data...)
	sum := byte(0)
	for _, c := range p {
		sum += c
	}
	return append(p, 0xFF-sum)
}

func edimaxImage(model string, data []byte) []byte {
	p := make([]byte, edimaxHead)
	copy(p, "eDiMaX")
	copy(p[16:], model)
	be.PutUint32(p[51:], uint32(len(data)))
	copy(p[63:], "1.23")
	copy(p[78:], "Kernel")
	for _, c := range data {
		p[50] += c
	}
	p[50] ^= edimaxKey
	sum := byte(0)
	for _, c := range p {
		sum += c
	}
	p[49] = sum ^ edimaxKey
	return append(p, data...)
}

// plainV is the sum as its description has it: 16 bits, with the carry added at once.
func plainV(p []byte) uint32 {
	s := uint32(0)
	for _, c := range p {
		if s += uint32(c); s > 0xFFFF {
			s = (s + 1) & 0xFFFF
		}
	}
	return s
}

func rasImage(root, kernel []byte, begin int) []byte {
	p := bytes.Repeat([]byte{0xFF}, begin)
	be.PutUint32(p, plainV(root))
	be.PutUint32(p[4:], uint32(len(root)))
	copy(p[8:], "V1.00(ABCT.1)C0\x00")
	copy(p[44:], "NBG6617\x00")
	if len(kernel) > 0 {
		be.PutUint32(p[108:], plainV(kernel))
		be.PutUint32(p[112:], uint32(len(kernel)))
	}
	copy(p[40:44], p[:4])
	be.PutUint32(p[40:], plainV(p[:rasHead]))
	return append(append(p, root...), kernel...)
}

func shrsImage(data []byte, open int) []byte {
	p := make([]byte, shrsHead)
	copy(p, "SHRS")
	be.PutUint32(p[4:], uint32(open))
	be.PutUint32(p[8:], uint32(len(data)))
	sum := sha512.Sum512(data)
	copy(p[shrsSum:], sum[:])
	return append(p, data...)
}

func buffaloImage(data []byte) []byte {
	p := append([]byte("start\x00"), 'O')
	p = append(be.AppendUint32(p, 5), "\x11\x22\x33\x44\x55"...)
	p = append(be.AppendUint32(p, 3), "\x11\x22\x33"...)
	p = append(be.AppendUint32(p, uint32(len(data))), data...)
	return be.AppendUint32(p, 0x12345678)
}

func extent(at, n int) block.Extent { return block.Extent{Offset: int64(at), Length: int64(n)} }

func TestImages(t *testing.T) {
	kernel, root, boot := firmwaretest.Noise(3000, 1), append([]byte("hsqs"), firmwaretest.Noise(5000, 2)...), firmwaretest.Noise(700, 3)
	two := ubnt("XM.ar7240.v5.6.3.28591", false, "kernel", kernel, "rootfs", root)
	signed := ubnt("WA.ar934x.v8.0", true, "u-boot", boot, "kernel", kernel)
	text := "device:WNDR3700\nversion:V1.0.4.68\nregion:NA\nhd_id:29763654+8+64\n"
	for _, tt := range []struct {
		name     string
		image    []byte
		format   string
		version  string
		board    string
		children int
		blind    []block.Extent
		whole    firmware.Answer
		loader   bool
	}{
		// A changed letter in the magic number of a later part can make another kind of it.
		{"Ubiquiti", two, "ubnt", "XM.ar7240.v5.6.3.28591", "XM", 2, []block.Extent{extent(ubntHead, 4), extent(ubntHead+ubntPart+3000+8, 4), extent(len(two)-12, 4)}, firmware.OK, false},
		{"Ubiquiti, signed", signed, "ubnt", "WA.ar934x.v8.0", "WA", 2, []block.Extent{extent(ubntHead, 4), extent(ubntHead+ubntPart+700+8, 4), extent(len(signed)-264, 264)}, firmware.CannotTell, true},
		{"Broadcom, root first", tagged(nil, root, kernel, true, false), "bcm963xx", "ver. 2.0", "963281TAN", 2, []block.Extent{extent(240, 16)}, firmware.CannotTell, false},
		{"Broadcom, kernel first and alone", tagged(nil, root, kernel, false, true), "bcm963xx", "ver. 2.0", "963281TAN", 2, []block.Extent{extent(240, 16), extent(tagSize+3000, 5004)}, firmware.CannotTell, false},
		{"Broadcom with boot loader", tagged(boot, root, kernel, false, false), "bcm963xx", "ver. 2.0", "963281TAN", 3, []block.Extent{extent(240, 16)}, firmware.CannotTell, true},
		{"BCM4908", wfiImage(nil, kernel), "bcm4908", "", "4908", 1, []block.Extent{extent(3002+4, 16)}, firmware.CannotTell, false},
		{"BCM4908 with boot loader", wfiImage(boot, kernel), "bcm4908", "", "4908", 2, []block.Extent{extent(wfiBlock+3002+4, 16)}, firmware.CannotTell, true},
		{"Xiaomi", xiaomiImage(0x0d, true, "kernel", kernel, "rootfs", root), "xiaomi", "", "0x000d", 2, nil, firmware.OK, false},
		{"Xiaomi with boot loader", xiaomiImage(0x99, false, "u-boot", boot, "kernel", kernel), "xiaomi", "", "0x0099", 2, nil, firmware.OK, true},
		{"Linksys", linksysImage("W54S", kernel), "linksys", "3.37.2", "W54S", 1, []block.Extent{extent(0, linksysHead), extent(linksysHead, 3004)}, firmware.CannotTell, false},
		{"CHDR", chdrImage(kernel), "chdr", "", "", 1, nil, firmware.OK, false},
		{"DNI", dniImage(text, kernel), "dni", "1.0.4.68", "WNDR3700", 1, []block.Extent{extent(len(text), 1)}, firmware.CannotTell, false},
		{"Edimax", edimaxImage("BR-6475nD", kernel), "edimax", "1.23", "BR-6475nD", 1, []block.Extent{extent(16, 32)}, firmware.CannotTell, false},
		{"RAS", rasImage(root, nil, rasBlock), "zyxel", "V1.00(ABCT.1)C0", "NBG6617", 1, []block.Extent{extent(0, rasFree)}, firmware.CannotTell, false},
		{"RAS with kernel", rasImage(root, kernel, rasBlock), "zyxel", "V1.00(ABCT.1)C0", "NBG6617", 2, []block.Extent{extent(0, rasFree)}, firmware.CannotTell, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := firmwaretest.Open(t, tt.image, nil, Formats()...)
			if p.Format != tt.format || p.Version != tt.version || len(p.Children) != tt.children || tt.board != "" && p.Claims[0].Values[0] != tt.board || p.Announced != 0 && p.Announced != int64(len(tt.image)) {
				t.Fatalf("%+v", p)
			}
			for _, c := range p.Children {
				want := map[string][]byte{"kernel": kernel, "rootfs": root, "root file system": root, "u-boot": boot, "boot loader": boot, "image": kernel}[c.Name]
				switch {
				case tt.format == "bcm4908" && c.Name == "image":
					want = append([]byte{0x85, 0x19}, kernel...)
				case tt.format == "bcm4908":
					want = append(bytes.Clone(boot), make([]byte, wfiBlock-len(boot))...)
				case tt.format == "linksys":
					want = append([]byte("HDR0"), kernel...)
				}
				if !bytes.Equal(tt.image[c.Offset:c.Offset+c.Size], want) {
					t.Errorf("%+v", c)
				}
			}
			if v := firmware.Whole(p); v.Answer != tt.whole {
				t.Errorf("%+v", v)
			}
			if tt.loader != strings.Contains(strings.Join(firmware.Warnings(p), " "), "boot loader") {
				t.Errorf("%q", firmware.Warnings(p))
			}
			// A sum of 8 bits without a length fits one cut of 256 by chance; Linksys' header says nothing of what follows.
			short := func(n int64) bool {
				return tt.format == "linksys" || tt.format == "dni" && n > dniHead+1 && byteSum(tt.image[:n]) == 0xFF
			}
			firmwaretest.Run(t, tt.image, firmwaretest.Options{Blind: block.SetOf(tt.blind...), Short: short, Flips: 150, Cuts: 60}, firstFormat(tt.format)...)
		})
	}
}

func byteSum(p []byte) (sum byte) {
	for _, c := range p {
		sum += c
	}
	return sum
}

func TestEncrypted(t *testing.T) {
	data := firmwaretest.Noise(4096, 1)
	shrs := shrsImage(data, 4090)
	changed := bytes.Clone(shrs)
	changed[3000] ^= 1
	buffalo := buffaloImage(data)
	for _, tt := range []struct {
		name, title string
		image       []byte
		whole       firmware.Answer
		words       string
	}{
		{"D-Link", "D-Link SHRS image, encrypted", shrs, firmware.CannotTell, "it is encrypted"},
		{"D-Link, changed", "D-Link SHRS image, encrypted", changed, firmware.No, "SHA-512"},
		{"D-Link, cut", "D-Link SHRS image, encrypted", shrs[:4000], firmware.No, "cut off"},
		{"D-Link, newer", "D-Link image, encrypted", append(be.AppendUint32([]byte("encrpted_img"), 4096), data...), firmware.CannotTell, "it is encrypted"},
		{"D-Link, newer, cut", "D-Link image, encrypted", append(be.AppendUint32([]byte("encrpted_img"), 8192), data...), firmware.CannotTell, "may be cut off"},
		{"OpenSSL", "data encrypted with OpenSSL", append([]byte("Salted__"), data...), firmware.CannotTell, "it is encrypted"},
		{"Buffalo", "Buffalo image, encrypted", buffalo, firmware.CannotTell, "it is encrypted"},
		{"Buffalo, cut", "Buffalo image, encrypted", buffalo[:2000], firmware.No, "cut off"},
	} {
		p := firmwaretest.Open(t, tt.image, nil, Formats()...)
		v := firmware.Whole(p)
		if p.Title != tt.title || v.Answer != tt.whole || !strings.Contains(strings.Join(v.Reasons, "\n"), tt.words) || firmware.Genuine(p).Answer != firmware.CannotTell {
			t.Errorf("%s: %q %+v", tt.name, p.Title, v)
		}
	}
}

func TestFits(t *testing.T) {
	p := firmwaretest.Open(t, dniImage("device:R7800\nversion:V1.0\nregion:\nhd_id:29764958+0+128\n", firmwaretest.Noise(100, 1)), nil, Formats()...)
	for _, tt := range []struct {
		board, hw string
		want      firmware.Answer
	}{{"R7800", "29764958+0+128", firmware.OK}, {"R7500", "29764958+0+128", firmware.No}, {"R7800", "1+2", firmware.No}} {
		d := &firmware.Device{Facts: []firmware.Fact{{Kind: firmware.Board, Value: tt.board}, {Kind: firmware.Hardware, Value: tt.hw}}}
		if v := firmware.Fits(p, d); v.Answer != tt.want {
			t.Errorf("%+v: %+v", tt, v)
		}
	}
}

// TestLook: no row sees an image in noise behind a magic number, nor in texts.
func TestLook(t *testing.T) {
	texts := [][]byte{nil, []byte("UBNT"), []byte("device:x\n"), []byte("6Broadcom"), bytes.Repeat([]byte("device:x\nversion:1 "), 200), bytes.Repeat([]byte{0xFF}, 4096), make([]byte, 4096)}
	for seed := range uint64(3000) {
		letters := firmwaretest.Noise(400, seed)
		for i := range letters {
			letters[i] = ' ' + letters[i]%95
		}
		texts = append(texts, letters)
		for _, magic := range []string{"HDR1", "CHDR", "UBNT", "6\x00\x00\x00", "device:", "eDiMaX\x00", "SHRS", "start\x00", ""} {
			texts = append(texts, append([]byte(magic), firmwaretest.Noise(300, seed)...))
		}
	}
	for _, p := range texts {
		for _, f := range Formats() {
			if _, err := f.Look(context.Background(), block.Bytes(p)); !errors.Is(err, cursor.ErrNot) {
				t.Fatalf("%s in %q: %v", f.Name, p[:min(len(p), 32)], err)
			}
		}
	}
}

func FuzzOpen(f *testing.F) {
	kernel, root := firmwaretest.Noise(300, 1), firmwaretest.Noise(200, 2)
	f.Add(ubnt("XM.v1", false, "kernel", kernel, "rootfs", root))
	f.Add(ubnt("XM.v1", true, "kernel", kernel))
	f.Add(tagged(root, root, kernel, true, false))
	f.Add(dniImage("device:R7800\nversion:V1.0\nregion:\n", kernel))
	f.Add(edimaxImage("BR", kernel))
	f.Add(rasImage(root, kernel, rasHead))
	f.Add(wfiImage(nil, kernel))
	f.Add(xiaomiImage(3, true, "u-boot", kernel, "kernel", root))
	f.Add(linksysImage("W54S", kernel))
	f.Add(chdrImage(kernel))
	f.Add(shrsImage(firmwaretest.Noise(160, 1), 150))
	f.Add(buffaloImage(kernel))
	f.Fuzz(func(t *testing.T, p []byte) {
		firmwaretest.Open(t, p, nil, Formats()...).Walk(func(x *firmware.Part, _ int) bool {
			if x.Size < 0 || x.Offset < 0 {
				t.Fatalf("%+v", x)
			}
			return true
		})
	})
}
