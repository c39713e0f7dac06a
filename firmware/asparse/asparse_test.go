package asparse

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
	"salvor/firmware/internal/imagetest"
)

// tool runs a tool of Android's libsparse over a file, and returns what it wrote.
func tool(t testing.TB, name string, in []byte) []byte {
	t.Helper()
	dir := imagetest.Folder(t, map[string][]byte{"in": in})
	imagetest.Pipe(t, dir, nil, name, "in", "out")
	return imagetest.File(t, dir, "out")
}

func chunk(kind uint16, blocks int, content []byte) []byte {
	b := binary.LittleEndian.AppendUint16(nil, kind)
	b = append(b, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(blocks))
	b = binary.LittleEndian.AppendUint32(b, uint32(12+len(content)))
	return append(b, content...)
}

// summed is an image with every kind of chunk and both kinds of CRC-32.
func summed() (file, truth []byte) {
	first, last := firmwaretest.Noise(3*4096, 1), firmwaretest.Noise(2*4096, 2)
	truth = slices.Concat(first, bytes.Repeat([]byte{1, 2, 3, 4}, 2048), make([]byte, 4*4096), last)
	file = []byte{0x3a, 0xff, 0x26, 0xed, 1, 0, 0, 0, 28, 0, 12, 0, 0, 16, 0, 0, 11, 0, 0, 0, 5, 0, 0, 0}
	file = binary.LittleEndian.AppendUint32(file, crc32.ChecksumIEEE(truth))
	half := binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(truth[:5*4096]))
	file = append(file, slices.Concat(chunk(0xcac1, 3, first), chunk(0xcac2, 2, []byte{1, 2, 3, 4}), chunk(0xcac4, 0, half), chunk(0xcac3, 4, nil), chunk(0xcac1, 2, last))...)
	return file, truth
}

func content(t *testing.T, p *firmware.Part) []byte {
	t.Helper()
	if len(p.Children) == 0 {
		t.Fatalf("no content: %+v", p.Checks)
	}
	b, err := io.ReadAll(block.Reader(p.Children[0].Source))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestMade reads what img2simg makes, as simg2img does. Such an image has no sum.
func TestMade(t *testing.T) {
	medium := slices.Concat(firmwaretest.Noise(50_000-50_000%4096, 3), make([]byte, 64<<10), bytes.Repeat([]byte{7}, 8192), firmwaretest.Noise(8192, 4))
	file := tool(t, "img2simg", medium)
	back := tool(t, "simg2img", file)
	p := firmwaretest.Open(t, file, nil, Format())
	if p.Format != "android-sparse" || !bytes.Equal(content(t, p), back) || p.Announced != int64(len(file)) {
		t.Errorf("%q: %d bytes, %d announced of %d", p.Format, len(content(t, p)), p.Announced, len(file))
	}
	if v := firmware.Whole(p); v.Answer != firmware.CannotTell || !strings.Contains(v.Reasons[0], "covered by no check") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	for _, n := range []int{len(file) - 1, len(file) / 2, 60} {
		if v := firmware.Whole(firmwaretest.Open(t, file[:n], nil, Format())); v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "cut off") {
			t.Errorf("cut to %d: %v %q", n, v.Answer, v.Reasons)
		}
	}
}

// TestSums holds images with sums to what all formats promise; simg2img reads the same from them.
func TestSums(t *testing.T) {
	file, truth := summed()
	if back := tool(t, "simg2img", file); !bytes.Equal(back, truth) {
		t.Fatal("simg2img gives something else")
	}
	p := firmwaretest.Open(t, file, nil, Format())
	if v := firmware.Whole(p); v.Answer != firmware.OK || !bytes.Equal(content(t, p), truth) {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	firmwaretest.Run(t, file, firmwaretest.Options{Blind: spare(t, file)}, Format())
	bad := bytes.Clone(file)
	bad[2000] ^= 1
	v := firmware.Whole(firmwaretest.Open(t, bad, nil, Format()))
	if v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "first 20480 bytes of the content") || !strings.Contains(v.Reasons[1], "content of") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	if p := firmwaretest.Open(t, append(bytes.Clone(file), file...), nil, Format()); len(p.Children) != 2 || p.Children[1].Format != "android-sparse" || firmware.Whole(p).Answer != firmware.OK {
		t.Errorf("two behind each other: %d parts, %v", len(p.Children), firmware.Whole(p))
	}
}

// spare are the fields that no reader looks at: what stands there makes an image unusual, and not broken.
func spare(t *testing.T, file []byte) block.Set {
	t.Helper()
	s := block.SetOf(block.Extent{Offset: 6, Length: 2})
	for at := 28; at < len(file); at += int(binary.LittleEndian.Uint32(file[at+8:])) {
		s.Add(block.Extent{Offset: int64(at + 2), Length: 2})
	}
	for e := range s.All() {
		p := bytes.Clone(file)
		p[e.Offset] ^= 1
		if v := firmware.Whole(firmwaretest.Open(t, p, nil, Format())); v.Answer != firmware.CannotTell {
			t.Errorf("a spare field at %d: %v %q", e.Offset, v.Answer, v.Reasons)
		}
	}
	return s
}

func TestLook(t *testing.T) {
	file, _ := summed()
	s, err := look(context.Background(), block.Bytes(file))
	if err != nil || s.Size != int64(len(file)) || s.Title != "Android sparse image of 45056 bytes" {
		t.Errorf("%+v %v", s, err)
	}
	for seed := range uint64(20_000) {
		p := firmwaretest.Noise(4096, seed)
		copy(p, []byte{0x3a, 0xff, 0x26, 0xed, 1, 0})
		if _, err := look(context.Background(), block.Bytes(p)); err == nil {
			t.Fatal("random bytes are an image")
		}
		if testing.Short() && seed > 100 {
			break
		}
	}
}

func FuzzOpen(f *testing.F) {
	file, _ := summed()
	f.Add(file)
	f.Add(file[:100])
	f.Fuzz(func(t *testing.T, p []byte) {
		firmwaretest.Open(t, p, nil, Format()).Walk(func(x *firmware.Part, _ int) bool {
			if x.Size < 0 || x.Offset < 0 {
				t.Fatalf("%+v", x)
			}
			return true
		})
	})
}
