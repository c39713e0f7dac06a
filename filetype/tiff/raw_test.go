package tiff

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
	"salvor/internal/need"
)

// entry is one of a directory that is put together: numbers, a text, the place of a blob or of another directory.
type entry struct {
	tag, kind uint16
	numbers   []uint32
	text      string
	blob, dir int // 1-based; 0 for none
}

const (
	short16 = 3
	long    = 4
	ascii   = 2
)

type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// assemble puts a file together: the head, the directories in a row, what their entries name, and the blobs.
func assemble(order byteOrder, head []byte, dirs [][]entry, blobs [][]byte, chain bool) []byte {
	at := len(head)
	dirAt, blobAt := make([]int, len(dirs)), make([]int, len(blobs))
	width := func(e entry) int { return map[uint16]int{short16: 2, long: 4, ascii: 1, 1: 1, 7: 1}[e.kind] }
	count := func(e entry) int {
		switch {
		case e.kind == ascii:
			return len(e.text) + 1
		case e.blob > 0 || e.dir > 0:
			return 1
		}
		return len(e.numbers)
	}
	for i, d := range dirs {
		dirAt[i] = at
		at += 2 + 12*len(d) + 4
		for _, e := range d {
			if n := count(e) * width(e); n > 4 {
				at += (n + 1) / 2 * 2
			}
		}
	}
	for i, b := range blobs {
		blobAt[i] = at
		at += (len(b) + 1) / 2 * 2
	}
	p := make([]byte, 0, at)
	p = append(p, head...)
	for i, d := range dirs {
		rest := dirAt[i] + 2 + 12*len(d) + 4
		var tail []byte
		p = order.AppendUint16(p, uint16(len(d)))
		for _, e := range d {
			p = order.AppendUint16(order.AppendUint16(p, e.tag), e.kind)
			p = order.AppendUint32(p, uint32(count(e)))
			var v []byte
			switch {
			case e.blob > 0:
				v = order.AppendUint32(nil, uint32(blobAt[e.blob-1]))
			case e.dir > 0:
				v = order.AppendUint32(nil, uint32(dirAt[e.dir-1]))
			case e.kind == ascii:
				v = append([]byte(e.text), 0)
			default:
				for _, n := range e.numbers {
					switch width(e) {
					case 1:
						v = append(v, byte(n))
					case 2:
						v = order.AppendUint16(v, uint16(n))
					default:
						v = order.AppendUint32(v, n)
					}
				}
			}
			if len(v) > 4 {
				p = order.AppendUint32(p, uint32(rest+len(tail)))
				tail = append(tail, v...)
				if len(v)%2 == 1 {
					tail = append(tail, 0)
				}
			} else {
				p = append(p, append(v, 0, 0, 0, 0)[:4]...)
			}
		}
		next := uint32(0)
		if chain && i+1 < len(dirs) {
			next = uint32(dirAt[i+1])
		}
		p = order.AppendUint32(p, next)
		p = append(p, tail...)
	}
	for i, b := range blobs {
		p = append(p[:blobAt[i]], b...)
		if len(b)%2 == 1 && i+1 < len(blobs) {
			p = append(p, 0)
		}
	}
	return p
}

func num(tag uint16, n ...uint32) entry { return entry{tag: tag, kind: long, numbers: n} }

var rawKinds = []string{"cr2", "nef", "arw", "dng", "orf", "rw2", "pef", "raf"}

// jpegOf returns a grey picture.
func jpegOf(t testing.TB, w, h int) []byte {
	var b bytes.Buffer
	m := image.NewGray(image.Rect(0, 0, w, h))
	for i := range m.Pix {
		m.Pix[i] = byte(i * i)
	}
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// rawFile puts a raw photo of that kind together, as the public descriptions have it.
func rawFile(t testing.TB, kind string) []byte {
	small, large := jpegOf(t, 40, 30), jpegOf(t, 160, 120)
	sensor := make([]byte, 128*32*2)
	for i := range sensor {
		sensor[i] = byte(i*31) ^ byte(i>>7)
	}
	le, be := byteOrder(binary.LittleEndian), byteOrder(binary.BigEndian)
	order, head := le, []byte("II*\x00\x08\x00\x00\x00")
	describe := func(maker, model string, more ...entry) []entry {
		d := append([]entry{{tag: tagMake, kind: ascii, text: maker}, {tag: tagModel, kind: ascii, text: model},
			{tag: tagDateTime, kind: ascii, text: "2024:05:06 07:08:09"}}, more...)
		slices.SortFunc(d, func(a, b entry) int { return int(a.tag) - int(b.tag) })
		return d
	}
	preview := func(blob int, p []byte) []entry {
		return []entry{num(tagWidth, 160), num(tagHeight, 120), num(tagCompression, packOldJPEG), {tag: tagStrips, kind: long, blob: blob},
			num(tagStripSizes, uint32(len(p)))}
	}
	data := func(compression uint32, blob int) []entry {
		return []entry{num(254, 0), num(tagWidth, 128), num(tagHeight, 32), num(tagBits, 16), num(tagCompression, compression), num(tagPhotometric, 32803),
			{tag: tagStrips, kind: long, blob: blob}, num(tagSamples, 1), num(tagRows, 32), num(tagStripSizes, uint32(len(sensor)))}
	}
	exifDir := []entry{{tag: tagOriginal, kind: ascii, text: "2024:05:06 07:08:08"}}
	blobs := [][]byte{small, large, sensor}
	switch kind {
	case "cr2":
		head = append([]byte("II*\x00\x10\x00\x00\x00CR\x02\x00"), 0, 0, 0, 0)
		dirs := [][]entry{describe("Canon", "Canon EOS 1", append(preview(2, large), entry{tag: tagExif, kind: long, dir: 4})...),
			{{tag: tagJPEG, kind: long, blob: 1}, num(tagJPEGSize, uint32(len(small)))}, data(packOldJPEG, 3), exifDir}
		// The directory of the raw data is named in the head.
		p := assemble(order, head, dirs, blobs, false)
		le.PutUint32(p[12:], uint32(thirdDirectory(p)))
		return p
	case "nef":
		order, head = be, []byte("MM\x00*\x00\x00\x00\x08")
		return assemble(order, head, [][]entry{describe("NIKON CORPORATION", "NIKON D1", num(254, 1), num(tagWidth, 40), num(tagHeight, 30), num(tagCompression, packOldJPEG),
			entry{tag: tagStrips, kind: long, blob: 1}, num(tagStripSizes, uint32(len(small))), entry{tag: tagSubIFDs, kind: long, dir: 2}, entry{tag: tagExif, kind: long, dir: 3}),
			data(34713, 3), exifDir}, [][]byte{small, large, sensor}, false)
	case "arw":
		return assemble(order, head, [][]entry{describe("SONY", "ILCE-1", append(preview(2, large), entry{tag: tagSubIFDs, kind: long, dir: 2}, entry{tag: tagExif, kind: long, dir: 3})...),
			data(32767, 3), exifDir}, blobs, false)
	case "dng":
		sub := data(packNone, 3)
		sub[8] = num(tagRows, 4)
		return dng(order, head, describe, preview, sub, exifDir, sensor, small, large)
	case "orf":
		head = []byte("IIRO\x08\x00\x00\x00")
		return assemble(order, head, [][]entry{describe("OLYMPUS", "E-1", append(data(packNone, 3)[1:], entry{tag: tagExif, kind: long, dir: 2})...), exifDir}, blobs, false)
	case "rw2":
		head = []byte("IIU\x00\x18\x00\x00\x00\x88\xe7\x74\xd8\xf8\x25\x1d\x4d\x94\x7a\x6e\x77\x82\x2b\x5d\x6a")
		return assemble(order, head, [][]entry{describe("Panasonic", "DMC-1", num(1, 0x30333231), num(2, 128), num(3, 32), entry{tag: tagStrips, kind: long, numbers: []uint32{1<<32 - 1}},
			num(tagStripSizes, uint32(len(sensor))), entry{tag: tagRawOffset, kind: long, blob: 3}, entry{tag: tagExif, kind: long, dir: 2}), exifDir}, blobs, false)
	case "pef":
		order, head = be, []byte("MM\x00*\x00\x00\x00\x08")
		return assemble(order, head, [][]entry{describe("PENTAX Corporation", "PENTAX K1", append(data(65535, 3), entry{tag: tagExif, kind: long, dir: 2})...), exifDir}, blobs, false)
	case "raf":
		p := make([]byte, 148)
		copy(p, rafMagic+"0201FF393101FinePix 1")
		for i, b := range [][]byte{large, small[:50], sensor} {
			be.PutUint32(p[84+8*i:], uint32(len(p)))
			be.PutUint32(p[88+8*i:], uint32(len(b)))
			p = append(p, b...)
		}
		return p
	}
	t.Fatal(kind)
	return nil
}

// dng has its raw data in eight strips.
func dng(order byteOrder, head []byte, describe func(string, string, ...entry) []entry, preview func(int, []byte) []entry, sub, exifDir []entry, sensor, small, large []byte) []byte {
	strips := make([]uint32, 8)
	sizes := slices.Repeat([]uint32{uint32(len(sensor) / 8)}, 8)
	build := func() []byte {
		sub[6] = entry{tag: tagStrips, kind: long, numbers: strips}
		sub[9] = entry{tag: tagStripSizes, kind: long, numbers: sizes}
		return assemble(order, head, [][]entry{describe("Maker", "Cam 2", append(preview(2, large), entry{tag: tagSubIFDs, kind: long, dir: 2}, entry{tag: tagExif, kind: long, dir: 3},
			entry{tag: tagDNGVersion, kind: 1, numbers: []uint32{1, 4, 0, 0}})...), sub, exifDir}, [][]byte{small, large, sensor}, false)
	}
	p := build()
	for i := range strips {
		strips[i] = uint32(len(p) - len(sensor) + i*len(sensor)/8)
	}
	return build()
}

// thirdDirectory returns the place of the third directory of a little-endian file whose first stands at 16.
func thirdDirectory(p []byte) int {
	at := 16
	for range 2 {
		n := int(binary.LittleEndian.Uint16(p[at:]))
		end := at + 2 + 12*n + 4
		for i := range n {
			e := p[at+2+12*i:]
			size := int(sizes[binary.LittleEndian.Uint16(e[2:])]) * int(binary.LittleEndian.Uint32(e[4:]))
			if size > 4 {
				end += (size + 1) / 2 * 2
			}
		}
		at = end
	}
	return at
}

func TestRaw(t *testing.T) {
	for _, name := range rawKinds {
		f := Formats()[0]
		if name == "raf" {
			f = Formats()[1]
		}
		filetypetest.Run(t, f, []filetypetest.Sample{{Name: name, Data: rawFile(t, name), Verdict: filetype.Consistent, Extension: name, Head: 700}})
		r, err := f.Examine(t.Context(), block.Bytes(rawFile(t, name)))
		if err != nil || r.Hints.Camera == "" || name != "raf" && (r.Hints.Taken.Year() != 2024 || r.Hints.Taken.Second() != 8) {
			t.Errorf("%s: %+v %v", name, r.Hints, err)
		}
		if name == "orf" || name == "rw2" || name == "pef" {
			continue // these have their preview in the notes of the maker
		}
		m, err := f.Thumbnail(t.Context(), block.Bytes(rawFile(t, name)), 100)
		if want := map[string]int{"nef": 40}[name]; err != nil || m.Bounds().Dx() != max(want, 160) && want == 0 || want > 0 && m.Bounds().Dx() != want {
			t.Errorf("%s: thumbnail: %v", name, err)
		}
	}
}

// exiftool sees the kind of photo that was meant.
func TestAgainstExiftool(t *testing.T) {
	need.Tools(t, "exiftool")
	dir := t.TempDir()
	for _, name := range rawKinds {
		if err := os.WriteFile(filepath.Join(dir, "photo."+name), rawFile(t, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command("exiftool", "-s3", "-p", "$FileName $FileType $Make", dir).CombinedOutput()
	if err != nil && len(out) == 0 {
		t.Fatal(err)
	}
	for _, name := range rawKinds {
		if name != "raf" && !strings.Contains(string(out), "photo."+name+" "+strings.ToUpper(name)+" ") {
			t.Errorf("%s: %s", name, out)
		}
	}
}
