package main

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"slices"
)

// part is something that stands in a dump: the truth.
type part struct {
	what   string // for people
	format string // as salvor names it
	binary string // a word of the line by which binwalk tells it
	at     int
	length int // in the dump, in bytes
	size   int // by its own word; 0 where the format does not say it
}

// dump is a medium whose parts are known.
type dump struct {
	name  string
	data  []byte
	parts []part
}

// kinds are the recipes whose files stand in dumps, how both programs name them, and whether the header says the size.
var kinds = []struct {
	recipe, format, binwalk string
	sized                   bool
}{
	{"U-Boot legacy image", "uimage", "uImage", true}, {"FIT, SHA-256", "fit", "device tree", true}, {"device tree", "dtb", "device tree", true},
	{"squashfs, xz", "squashfs", "squashfs", true}, {"squashfs, gzip", "squashfs", "squashfs", true}, {"JFFS2", "jffs2", "JFFS2", false}, {"UBI with UBIFS", "ubi", "UBI erase count", false},
	{"cramfs", "cramfs", "CramFS", true}, {"romfs", "romfs", "romfs", true}, {"EROFS", "erofs", "EROFS", true}, {"TRX", "trx", "TRX", true}, {"SEAMA", "seama", "SEAMA", true},
	{"TP-Link image", "tplink", "TP-Link", true}, {"Android boot image", "android-boot", "Android boot", true}, {"Android sparse image", "android-sparse", "Android sparse", false},
	{"U-Boot environment", "ubootenv", "U-Boot environment", true}, {"UF2", "uf2", "UF2", true}, {"SWUpdate, signed", "swu", "cpio", false}, {"Mender artifact", "mender", "tar archive", false},
}

// dumps lays parts out as flash chips and disks have them: at erase blocks, at sectors, or right behind each other, between what
// is erased, random, encrypted or text.
func (w *workshop) dumps(size int, quick bool) (out []dump, err error) {
	files := make([][]byte, len(kinds))
	for i, k := range kinds {
		for _, r := range recipes() {
			if r.name == k.recipe && r.here() {
				if files[i], err = w.make(r); err != nil {
					return nil, err
				}
			}
		}
	}
	block, err := aes.NewCipher(noise(16, 4))
	if err != nil {
		return nil, err
	}
	secret := english(512 << 10)
	cipher.NewCTR(block, noise(16, 5)).XORKeyStream(secret, secret)
	between := [][]byte{nil, bytes.Repeat([]byte{0xFF}, 70_000), noise(200_000, 6), secret, english(100_000), code(300_000), make([]byte, 90_000), w.packedNoise()}
	for i, layout := range []struct {
		name  string
		align int
		fill  byte
	}{{"NOR flash, erase blocks of 64 KiB", 64 << 10, 0xFF}, {"NAND flash, erase blocks of 128 KiB", 128 << 10, 0xFF}, {"eMMC, sectors", 512, 0}, {"parts right behind each other, at 4 bytes", 4, 0}} {
		d := dump{name: layout.name}
		if i < 3 {
			d.data = noise(layout.align-7, 8) // a boot loader that nobody knows
		}
		for k := range kinds {
			k = (k*7 + i*3) % len(kinds)
			if files[k] == nil || kinds[k].format == "ubi" && layout.align != 128<<10 || kinds[k].format == "uf2" && layout.align < 512 || kinds[k].format == "jffs2" && layout.align < 4096 {
				continue // which stand at erase blocks only
			}
			align := layout.align
			if f := kinds[k].format; align < 512 && slices.Contains([]string{"ubootenv", "android-boot", "erofs", "swu", "mender"}, f) {
				align = 512
			}
			if pad := (align - len(d.data)%align) % align; pad > 0 {
				d.data = append(d.data, bytes.Repeat([]byte{layout.fill}, pad)...)
			}
			p := part{kinds[k].recipe, kinds[k].format, kinds[k].binwalk, len(d.data), len(files[k]), 0}
			if kinds[k].sized {
				p.size = said(kinds[k].format, files[k])
			}
			d.parts = append(d.parts, p)
			if p.format == "seama" { // the image stands behind the seal, as one of its own
				d.parts[len(d.parts)-1].length = p.size
				d.parts = append(d.parts, part{p.what, p.format, p.binary, p.at + p.size, p.length - p.size, p.length - p.size})
			}
			d.data = append(append(d.data, files[k]...), between[(k+i)%len(between)]...)
		}
		out = append(out, d)
	}
	pictures, err := w.pictures(size)
	if err != nil {
		return nil, err
	}
	var other []byte
	if !quick { // which compiles a library
		other = arm(size)
	}
	for _, x := range []struct {
		name string
		data []byte
	}{{"random bytes", noise(size, 77)}, {"English text", english(size)}, {"text about formats", manual(size)}, {"machine code, x86-64", code(size)}, {"machine code, ARM", other}, {"JPEG pictures", pictures}} {
		if x.data != nil {
			out = append(out, dump{fmt.Sprintf("%d MiB of %s", len(x.data)/mebi, x.name), x.data, nil})
		}
	}
	return out, nil
}

// said is the size that an image has by its own word: some are filled up behind it, and a seal stands alone.
func said(format string, p []byte) int {
	switch format {
	case "squashfs":
		return int(le.Uint64(p[40:]))
	case "romfs":
		return int(be.Uint32(p[8:]))
	case "seama":
		return 12 + int(be.Uint16(p[6:]))
	}
	return len(p)
}

// packedNoise is what a packer makes of noise: it begins as a packed file, and is one.
func (w *workshop) packedNoise() []byte {
	p, _ := w.read("kernel.gz")
	return p
}

// pictures makes JPEG pictures with ImageMagick, and repeats them until size is full; nil without it.
func (w *workshop) pictures(size int) ([]byte, error) {
	if !has("convert") {
		return nil, nil
	}
	if said, err := w.sh(`for i in 1 2 3 4 5 6; do convert -size $((400 + i * 100))x600 plasma:fractal -seed $i -quality $((60 + 6 * i)) jpg:-; done >pictures`, ""); err != nil {
		return nil, fmt.Errorf("pictures: %w: %s", err, said)
	}
	p, err := w.read("pictures")
	if err != nil || len(p) == 0 {
		return nil, err
	}
	return slices.Repeat(p, size/len(p)+1)[:size], nil
}

// arm are programs of this project for 32-bit ARM, which Go makes everywhere; nil where it cannot.
func arm(size int) []byte {
	p := armProgram()
	if len(p) == 0 {
		return nil
	}
	return slices.Repeat(p, size/len(p)+1)[:size]
}
