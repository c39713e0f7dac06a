package sparse_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"testing"

	"salvor/block"
	"salvor/container"
	"salvor/container/containertest"
	"salvor/container/sparse"
)

func medium() []byte { return containertest.Disk(5<<20, 2) }

// chunk makes a chunk of a type.
func chunk(kind uint16, blocks int, content []byte) []byte {
	b := binary.LittleEndian.AppendUint16(nil, kind)
	b = append(b, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(blocks))
	b = binary.LittleEndian.AppendUint32(b, uint32(12+len(content)))
	return append(b, content...)
}

func image(blocks, chunks int, sum uint32, content ...[]byte) []byte {
	b := []byte{0x3a, 0xff, 0x26, 0xed, 1, 0, 0, 0, 28, 0, 12, 0, 0, 16, 0, 0}
	for _, v := range []uint32{uint32(blocks), uint32(chunks), sum} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return append(b, slices.Concat(content...)...)
}

// all is an image with every type of chunk and with both kinds of CRC-32, by the description of the format.
func all() (b, truth []byte) {
	first := containertest.Disk(5*4096, 4)
	truth = slices.Concat(first, bytes.Repeat([]byte{1, 2, 3, 4}, 3*1024), make([]byte, 100*4096), first)
	half := binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(truth[:8*4096]))
	return image(113, 5, crc32.ChecksumIEEE(truth), chunk(0xcac1, 5, first), chunk(0xcac2, 3, []byte{1, 2, 3, 4}), chunk(0xcac4, 0, half),
		chunk(0xcac3, 100, nil), chunk(0xcac1, 5, first)), truth
}

func TestImages(t *testing.T) {
	b, truth := all()
	for _, c := range []containertest.Case{
		{Name: "img2simg", Files: containertest.Fixtures(t, "medium.simg"), File: "medium.simg", Truth: medium()},
		{Name: "every chunk", Files: containertest.Folder{"x.img": b}, File: "x.img", Truth: truth},
	} {
		c.Format = sparse.Format()
		containertest.Run(t, c)
	}
}

// TestTools has Android's tools make and read images.
func TestTools(t *testing.T) {
	disk := medium()
	dir := t.TempDir()
	containertest.Write(t, dir, "disk.img", disk)
	containertest.Tool(t, dir, "img2simg", "disk.img", "x.simg")
	containertest.Tool(t, dir, "img2simg", "disk.img", "large.simg", "65536")
	containertest.Tool(t, dir, "simg2simg", "x.simg", "part", "600000")
	b, truth := all()
	containertest.Write(t, dir, "all.simg", b)
	containertest.Tool(t, dir, "simg2img", "all.simg", "all.img")
	files := containertest.ReadFolder(t, dir)
	if !bytes.Equal(files["all.img"], truth) {
		t.Error("simg2img makes another disk out of the image with all chunks")
	}
	for _, name := range []string{"x.simg", "large.simg"} {
		containertest.Run(t, containertest.Case{Name: name, Format: sparse.Format(), Files: files, File: name, Truth: disk})
	}
	// The parts of a split image: what stands in the others does not matter, and reads as zeros.
	sum := make([]byte, len(disk))
	for i := 0; files["part."+string(rune('0'+i))] != nil; i++ {
		name := "part." + string(rune('0'+i))
		image, err := try(files[name])
		if err != nil || image.Source.Size() != int64(len(disk)) {
			t.Fatalf("%s: %v", name, err)
		}
		got := make([]byte, len(disk))
		if _, err := image.Source.ReadAt(got, 0); err != nil {
			t.Fatal(err)
		}
		for k, c := range got {
			sum[k] |= c
		}
	}
	if !bytes.Equal(sum, disk) {
		t.Error("the parts are not the whole")
	}
}

func try(b []byte) (*container.Image, error) {
	return sparse.Open(context.Background(), block.Bytes(b), "x", containertest.Folder{}.Open)
}

func TestVerify(t *testing.T) {
	b, _ := all()
	for name, c := range map[string]struct {
		at   int
		want []string
	}{
		"whole":        {-1, []string{"sparse.sum.right", "sparse.sum.right"}},
		"first chunk":  {28 + 12 + 50, []string{"sparse.sum.wrong", "sparse.sum.wrong"}},
		"last chunk":   {len(b) - 50, []string{"sparse.sum.right", "sparse.sum.wrong"}},
		"type of last": {len(b) - 5*4096 - 12, []string{"sparse.sum.right", "sparse.sum.unknown"}},
	} {
		broken := slices.Clone(b)
		if c.at >= 0 {
			broken[c.at]++
		}
		image, err := try(broken)
		if err != nil {
			t.Fatal(err)
		}
		list, err := image.Verify(context.Background())
		if got := containertest.Codes(list); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// TestBroken damages the list of chunks: what stands before is read, what stands behind is not, and not as zeros.
func TestBroken(t *testing.T) {
	b, truth := all()
	second := 28 + 12 + 5*4096
	for name, c := range map[string]struct {
		change func(b []byte) []byte
		code   string
		have   int
	}{
		"type":         {func(b []byte) []byte { b[second]++; return b }, "sparse.chunk", 5 * 4096},
		"size":         {func(b []byte) []byte { b[second+8]++; return b }, "sparse.chunk", 5 * 4096},
		"blocks":       {func(b []byte) []byte { b[second+6]++; return b }, "sparse.chunk", 5 * 4096},
		"cut":          {func(b []byte) []byte { return b[:second] }, "sparse.chunk", 5 * 4096},
		"chunks":       {func(b []byte) []byte { b[20] = 2; return b }, "sparse.short", 8 * 4096},
		"cut in bytes": {func(b []byte) []byte { return b[:len(b)-4096] }, "", len(truth) - 4096},
	} {
		image, err := try(c.change(slices.Clone(b)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := make([]byte, len(truth))
		n, err := image.Source.ReadAt(got, 0)
		if _, lost := block.IsUnreadable(err); !lost || n != c.have || !bytes.Equal(got[:n], truth[:n]) {
			t.Errorf("%s: %d bytes, expected %d, %v", name, n, c.have, err)
		}
		if c.code != "" && !slices.Contains(containertest.Codes(image.Findings), c.code) {
			t.Errorf("%s: told %v", name, containertest.Codes(image.Findings))
		}
	}
	for at, v := range map[int]byte{4: 2, 8: 20, 10: 8, 12: 2, 15: 0xff} {
		broken := slices.Clone(b)
		broken[at] = v
		if _, err := try(broken); err == nil {
			t.Errorf("byte %d as %d opens", at, v)
		}
	}
}

// TestLarge reads a disk of 16 TiB with many chunks.
func TestLarge(t *testing.T) {
	var list [][]byte
	for range 5000 {
		list = append(list, chunk(0xcac3, 858_992, nil), chunk(0xcac2, 1, []byte{9, 8, 7, 6}))
	}
	image, err := try(image(5000*858_993, 10_000, 0, list...))
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 8192)
	for i := range int64(5000) {
		if _, err := image.Source.ReadAt(p, (i*858_993+858_991)*4096); err != nil || p[0] != 0 || p[4096] != 9 || p[8191] != 6 {
			t.Fatalf("chunk %d: %v, %v", i, p[4096:4100], err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	b, _ := all()
	containertest.Fuzz(f, sparse.Format(), b, containertest.Fixtures(f, "medium.simg")["medium.simg"])
}

// TestStat tells how far the chunks of an image go.
func TestStat(t *testing.T) {
	b, truth := all()
	spare := bytes.Clone(b)
	spare[28+2] = 1
	for _, tt := range []struct {
		name   string
		file   []byte
		known  int64
		end    int
		plain  bool
		broken bool
	}{
		{"whole", b, 113, len(b), true, false},
		{"something behind", append(bytes.Clone(b), "behind"...), 113, len(b), true, false},
		{"cut in the last chunk", b[:len(b)-100], 113, len(b), true, false},
		{"cut in the list", b[:28+12+5*4096+4], 5, 28 + 12 + 5*4096, true, true},
		{"a field that is to be 0", spare, 113, len(b), false, false},
	} {
		l, err := sparse.Stat(context.Background(), block.Bytes(tt.file))
		if err != nil || l.Known != tt.known || l.End != int64(tt.end) || l.Plain != tt.plain || (l.Broken != nil) != tt.broken || l.Blocks*l.BlockSize != int64(len(truth)) || l.Chunks != 5 {
			t.Errorf("%s: %+v %v", tt.name, l, err)
		}
	}
	if _, err := sparse.Stat(context.Background(), block.Bytes([]byte("nothing of that kind"))); err == nil {
		t.Error("a text is an image")
	}
}
