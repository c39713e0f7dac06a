package dmg_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"salvor/block"
	"salvor/container"
	"salvor/container/containertest"
	"salvor/container/dmg"
	"salvor/cursor"
	"salvor/internal/need"
)

const (
	adc    = 0x80000004
	zlibs  = 0x80000005
	bzip   = 0x80000006
	lzfse  = 0x80000007
	lzma   = 0x80000008
	sector = 512
)

func build(t testing.TB, kinds ...uint32) (image, disk []byte) {
	parts, disk := whole(t, kinds...)
	data, list := tables(t, parts)
	return finish(data, plist(list), false, len(disk)/sector), disk
}

func TestImages(t *testing.T) {
	for name, kinds := range map[string][]uint32{
		"raw and zero": {1, 0, 1, 2}, "ADC": {adc}, "zlib": {zlibs, 0}, "bzip2": {bzip}, "LZFSE": {lzfse}, "LZMA": {lzma}, "all": {zlibs, 0, lzma, 1, lzfse, 2, adc, bzip},
	} {
		b, disk := build(t, kinds...)
		containertest.Run(t, containertest.Case{Name: name, Format: dmg.Format(), Files: containertest.Folder{"x.dmg": b}, File: "x.dmg", Truth: disk, SectorSize: sector})
	}
	parts, disk := whole(t, zlibs, 1, 0)
	data, list := tables(t, parts)
	containertest.Run(t, containertest.Case{Name: "resource fork", Format: dmg.Format(), File: "x.dmg", Truth: disk, SectorSize: sector,
		Files: containertest.Folder{"x.dmg": finish(data, resources(list), true, len(disk)/sector)}})
}

// TestTools has other programs read what the tests read: the builder is of this project, since Apple's tool runs on its
// own system only.
func TestTools(t *testing.T) {
	b, disk := build(t, zlibs, 0, bzip, 1, 2, adc)
	dir := t.TempDir()
	containertest.Write(t, dir, "x.dmg", b)
	containertest.Tool(t, dir, "dmg2img", "x.dmg", "out.img")
	if got := containertest.ReadFolder(t, dir)["out.img"]; !bytes.Equal(got, disk) {
		t.Errorf("dmg2img makes something else: %d bytes", len(got))
	}
	tool := need.Tool(t, "7zz")
	// LZFSE and xz are what dmg2img does not know.
	for _, kinds := range [][]uint32{{zlibs, 0, bzip, 1, 2, adc}, {lzfse}, {lzma, 0}} {
		parts, disk := whole(t, kinds...)
		data, list := tables(t, [][]piece{slices.Concat(parts...)})
		containertest.Write(t, dir, "y.dmg", finish(data, plist(list), false, len(disk)/sector))
		got, err := exec.Command(tool, "x", "-y", "-so", "-tdmg", filepath.Join(dir, "y.dmg")).Output()
		if !bytes.Equal(got, disk) {
			t.Errorf("%x: 7-Zip makes something else: %d bytes, %v", kinds, len(got), err)
		}
	}
}

func try(b []byte) (*container.Image, error) {
	return dmg.Open(context.Background(), block.Bytes(b), "x.dmg", containertest.Folder{}.Open)
}

func TestVerify(t *testing.T) {
	b, _ := build(t, 1, zlibs, 2)
	for name, c := range map[string]struct {
		at   int
		want []string
	}{
		"whole":         {-1, []string{"dmg.sum.right", "dmg.sum.right"}},
		"a raw byte":    {100, []string{"dmg.sum.wrong", "dmg.sum.right"}},
		"a packed byte": {100<<10 + 50, []string{"dmg.sum.unknown", "dmg.sum.right"}},
	} {
		broken := slices.Clone(b)
		if c.at >= 0 {
			broken[c.at] ^= 0x5a
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

// TestBroken damages the list and the tables: what no table speaks of is unreadable.
func TestBroken(t *testing.T) {
	parts, disk := whole(t, 1, 0)
	data, list := tables(t, parts)
	first := len(parts[0]) * 100 << 10
	edit := func(i, at int, v byte) [][]byte {
		out := [][]byte{slices.Clone(list[0]), slices.Clone(list[1])}
		out[i][at] = v
		return out
	}
	xml := plist(list)
	text := bytes.Index(xml, []byte("part 1"))
	for name, c := range map[string]struct {
		list []byte
		have int
		code string
	}{
		"no first table":      {plist(list[1:]), 0, "dmg.gap"},
		"no second table":     {plist(list[:1]), first, "dmg.gap"},
		"the second's mark":   {plist(edit(1, 0, 'x')), first, "dmg.table"},
		"a chunk too far":     {plist(edit(1, 204+8, 0x40)), first, "dmg.table"},
		"a kind":              {plist(edit(1, 204+3, 9)), first, ""},
		"more chunks":         {plist(edit(1, 203, 200)), len(disk), ""},
		"a list that is cut":  {xml[:text], first, "dmg.gap"},
		"a tag that is wrong": {slices.Concat(xml[:text], []byte("<"), xml[text:]), first, ""},
		"base64 that is none": {bytes.Replace(xml, []byte("bWlzaAAAAAE"), []byte("!!!!!!!!!!!"), 1), -1, ""},
	} {
		image, err := try(finish(data, c.list, false, len(disk)/sector))
		if c.have < 0 {
			if _, ok := cursor.IsCorrupt(err); !ok {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := make([]byte, len(disk))
		n, _ := image.Source.ReadAt(got, 0)
		if n != c.have || !bytes.Equal(got[:n], disk[:n]) {
			t.Errorf("%s: %d bytes, expected %d", name, n, c.have)
		}
		if c.code != "" && !slices.Contains(containertest.Codes(image.Findings), c.code) {
			t.Errorf("%s: told %v", name, containertest.Codes(image.Findings))
		}
	}
}

// TestPieces reads a list whose text comes in very many pieces, in a time that does not grow with their square.
func TestPieces(t *testing.T) {
	parts, disk := whole(t, 1, 0)
	data, list := tables(t, parts)
	xml := plist(list)
	at := bytes.Index(xml, []byte("bWlza"))
	xml = slices.Concat(xml[:at], bytes.Repeat([]byte("\n<!---->"), 300_000), xml[at:])
	begun := time.Now()
	image, err := try(finish(data, xml, false, len(disk)/sector))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := image.Source.ReadAt(make([]byte, len(disk)), 0); n != len(disk) {
		t.Errorf("%d bytes, %v", n, err)
	}
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestNotRead(t *testing.T) {
	b, _ := build(t, 1, 0)
	segments := slices.Clone(b)
	binary.BigEndian.PutUint32(segments[len(b)-512+60:], 3)
	var unsupported *container.UnsupportedError
	if _, err := try(segments); !errors.As(err, &unsupported) {
		t.Errorf("several segments: %v", err)
	}
	var locked *container.LockedError
	for _, b := range [][]byte{append([]byte("encrcdsa"), make([]byte, 4096)...), append(make([]byte, 4096), "cdsaencr"...), append([]byte("encrcdsa"), make([]byte, 100)...)} {
		if _, err := try(b); !errors.As(err, &locked) {
			t.Errorf("an encrypted image: %v", err)
		}
	}
	size := slices.Clone(b)
	clear(size[len(b)-20 : len(b)-12])
	if _, err := try(size); err == nil {
		t.Error("a disk without a size opens")
	}
}

// TestWindow refuses streams that want more memory than a chunk can need.
func TestWindow(t *testing.T) {
	b, disk := build(t, lzma)
	at := bytes.Index(b, []byte{0x21, 1})
	b[at+2] = 39
	image, err := try(b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := image.Source.ReadAt(make([]byte, 512), 0); err == nil {
		t.Error("a window of 3 GiB is taken")
	}
	if n, _ := image.Source.ReadAt(make([]byte, 512), int64(len(disk)-512)); n != 512 {
		t.Error("the other chunks are lost too")
	}
}

func FuzzOpen(f *testing.F) {
	b, _ := build(f, zlibs, 0, lzma, 1, lzfse, 2, adc)
	parts, disk := whole(f, adc, 0)
	data, list := tables(f, parts)
	containertest.Fuzz(f, dmg.Format(), b, finish(data, resources(list), true, len(disk)/sector))
}
