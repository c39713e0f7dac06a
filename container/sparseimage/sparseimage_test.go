package sparseimage_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"
	"testing"

	"salvor/block"
	"salvor/container"
	"salvor/container/containertest"
	"salvor/container/sparseimage"
	"salvor/cursor"
)

// build makes an image by the document: its bands in another order than those of the disk, and none for zeros.
func build(disk []byte, sectors int) []byte {
	be := binary.BigEndian
	head := make([]byte, 4096)
	copy(head, "sprs\x00\x00\x00\x03")
	be.PutUint32(head[8:], uint32(sectors))
	be.PutUint32(head[12:], 1)
	be.PutUint32(head[16:], uint32(len(disk)/512))
	band := sectors * 512
	count := (len(disk) + band - 1) / band
	var data []byte
	n := 0
	for k := range count {
		i := count - 1 - k
		piece := disk[i*band : min(len(disk), (i+1)*band)]
		if len(bytes.Trim(piece, "\x00")) == 0 {
			continue
		}
		be.PutUint32(head[64+4*n:], uint32(i+1))
		data = append(data, piece...)
		data = append(data, make([]byte, band-len(piece))...)
		n++
	}
	return append(head, data...)
}

func disk() []byte { return containertest.Disk(3<<20+512*77, 3) }

func TestImages(t *testing.T) {
	for _, sectors := range []int{64, 128, 2048} {
		containertest.Run(t, containertest.Case{Name: "x", Format: sparseimage.Format(), Files: containertest.Folder{"x.sparseimage": build(disk(), sectors)},
			File: "x.sparseimage", Truth: disk(), SectorSize: 512})
	}
}

func try(b []byte) (*container.Image, error) {
	return sparseimage.Open(context.Background(), block.Bytes(b), "x", containertest.Folder{}.Open)
}

func TestBroken(t *testing.T) {
	whole := build(disk(), 64)
	be := binary.BigEndian
	for _, c := range []struct {
		name string
		at   int
		v    uint32
		code string
		lost bool // the band of the disk that the first of the file holds
	}{
		{"twice", 68, be.Uint32(whole[64:]), "sparseimage.band.twice", true},
		{"outside", 64, 100_000, "sparseimage.band.outside", false},
		{"large", 16, 0xffffffff, "sparseimage.large", false},
	} {
		b := slices.Clone(whole)
		be.PutUint32(b[c.at:], c.v)
		image, err := try(b)
		if err != nil || len(image.Findings) != 1 || image.Findings[0].Code != c.code {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		band := int64(be.Uint32(whole[64:])-1) * 64 * 512
		if _, err := image.Source.ReadAt(make([]byte, 512), band); (err != nil) != c.lost {
			t.Errorf("%s: the band reads with %v", c.name, err)
		}
		if c.name == "large" {
			if _, err := image.Source.ReadAt(make([]byte, 512), image.Source.Size()-512); err == nil {
				t.Error("what no list names reads as zeros")
			}
		}
	}
	for at, v := range map[int]uint32{8: 0, 16: 0} {
		b := slices.Clone(whole)
		be.PutUint32(b[at:], v)
		if _, err := try(b); err == nil {
			t.Errorf("%d at %d opens", v, at)
		} else if _, ok := cursor.IsCorrupt(err); !ok {
			t.Error(err)
		}
	}
	noise := slices.Clone(whole)
	for i := 64; i < 4096; i++ {
		noise[i] = 0xee
	}
	if _, err := try(noise); err == nil {
		t.Error("a list that is none opens")
	}
}

func FuzzOpen(f *testing.F) {
	containertest.Fuzz(f, sparseimage.Format(), build(disk()[:100<<10], 16), build(disk()[:64<<10], 128))
}
