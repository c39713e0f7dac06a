package jffs2

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
	"salvor/firmware/internal/imagetest"
)

func mkfs(t testing.TB, args ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	root, out := imagetest.Tree(t, dir), filepath.Join(dir, "image")
	imagetest.Run(t, "mkfs.jffs2", append([]string{"-r", root, "-o", out}, args...)...)
	p, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// summed adds summaries to an image with mtd-utils' own tool.
func summed(t testing.TB, image []byte) []byte {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	if err := os.WriteFile(in, image, 0o600); err != nil {
		t.Fatal(err)
	}
	imagetest.Run(t, "sumtool", "-i", in, "-o", out, "-e", "16KiB", "-p")
	p, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// ends are the places where a node ends: an image that is cut there is whole by every sum.
func ends(image []byte) map[int64]bool {
	out := map[int64]bool{}
	for at := 0; at+headSize <= len(image); at += 4 {
		for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
			if n, err := parse(image[at:], order); err == nil && n.valid() {
				for i := range int64(4) {
					out[int64(at)+n.length+i] = true
				}
			}
		}
	}
	return out
}

func TestImages(t *testing.T) {
	little := mkfs(t, "-l", "-e", "16KiB")
	for _, tt := range []struct {
		name, title string
		image       []byte
	}{
		{"little-endian", "JFFS2, little-endian, erase blocks of 16 KiB, 48 files", little},
		{"big-endian, padded", "JFFS2, big-endian, erase blocks of 16 KiB, 48 files", mkfs(t, "-b", "-e", "16KiB", "--pad=65536")},
		{"no marks", "JFFS2, little-endian, 48 files", mkfs(t, "-l", "-e", "64KiB", "-n")},
		{"summaries", "JFFS2, little-endian, erase blocks of 16 KiB, 48 files", summed(t, little)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := firmwaretest.Open(t, tt.image, nil, Format())
			if v := firmware.Whole(p); p.Title != tt.title || v.Answer != firmware.CannotTell || p.Uncovered().Count() != 1 {
				t.Errorf("%q: %v %q, uncovered %v", p.Title, v.Answer, v.Reasons[0], p.Uncovered().Extents())
			}
			at := ends(tt.image)
			free := bytes.TrimRight(tt.image, "\xff")
			blind := p.Uncovered() // a flipped bit in free bytes may look like what stands behind
			blind.Add(block.Between(int64(len(free)), int64(len(tt.image))))
			for n := range at {
				blind.Add(block.Extent{Offset: n &^ 3, Length: 4}) // the type, one bit of which marks what is obsolete
				if n%4 == 3 {
					blind.Add(block.Extent{Offset: n, Length: 1}) // one byte that fills up
				}
			}
			blind.Add(block.Extent{Length: 4})
			firmwaretest.Run(t, tt.image, firmwaretest.Options{Blind: blind, Short: func(n int64) bool {
				// A cut in free bytes, behind a node or before a header is whole is a shorter image.
				return n >= int64(len(free)) || at[n] || bytes.HasSuffix(tt.image[:n], []byte{0xFF}) || near(at, n)
			}}, Format())
		})
	}
}

// near reports whether less than a header stands behind the end of a node.
func near(at map[int64]bool, n int64) bool {
	for i := range int64(headSize) {
		if at[n-i] {
			return true
		}
	}
	return false
}

// TestReasons names the node, and tells an image that was cut between an entry and its file.
func TestReasons(t *testing.T) {
	image := mkfs(t, "-l", "-e", "16KiB")
	at := bytes.LastIndex(image, []byte("file-07"))
	flipped := bytes.Clone(image)
	flipped[at] ^= 1
	v := firmware.Whole(firmwaretest.Open(t, flipped, nil, Format()))
	if v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "entry node") || !strings.Contains(v.Reasons[0], "over its name") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	v = firmware.Whole(firmwaretest.Open(t, image[:(at+8)&^3], nil, Format()))
	if v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "nodes of inode") {
		t.Errorf("cut: %v %q", v.Answer, v.Reasons)
	}
	// Cut behind the first of the nodes that hold a long file.
	for off := 0; off < len(image); off += 4 {
		if n, err := parse(image[off:], binary.LittleEndian); err == nil && n.valid() && n.kind == typeInode && image[off+45] == 0x10 {
			v = firmware.Whole(firmwaretest.Open(t, image[:off], nil, Format()))
			if v.Answer != firmware.No || !strings.Contains(strings.Join(v.Reasons, "; "), "of them in no node, from 4096 on") {
				t.Errorf("cut in a long file: %v %q", v.Answer, v.Reasons)
			}
			break
		}
	}
	v = firmware.Whole(firmwaretest.Open(t, image[:at+2], nil, Format()))
	if v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "it ends inside the root file system, in a node (entry)") {
		t.Errorf("cut: %v %q", v.Answer, v.Reasons)
	}
}

// TestObsolete passes over a node that the device marked since a newer one says the same, and misses one that nothing
// else says: one flipped bit marks a node.
func TestObsolete(t *testing.T) {
	image := mkfs(t, "-l", "-e", "16KiB")
	for len(image)%4 != 0 {
		image = append(image, 0xFF)
	}
	for at := 0; at+headSize <= len(image); at += 4 {
		n, err := parse(image[at:], binary.LittleEndian)
		if err != nil || !n.valid() || n.kind != typeInode || image[at+45] == 0 {
			continue
		}
		renewed := append(bytes.Clone(image), image[at:int64(at)+n.length]...)
		image[at+3] &^= 0x20
		renewed[at+3] &^= 0x20
		if v := firmware.Whole(firmwaretest.Open(t, renewed, nil, Format())); v.Answer != firmware.CannotTell {
			t.Errorf("a newer node is there: %v %q", v.Answer, v.Reasons)
		}
		break
	}
	v := firmware.Whole(firmwaretest.Open(t, image, nil, Format()))
	if v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "in no node") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
}

func TestMark(t *testing.T) {
	p := append([]byte{0xDE, 0xAD, 0xC0, 0xDE}, bytes.Repeat([]byte{0xFF}, 5000)...)
	part := firmwaretest.Open(t, p, nil, Format())
	if v := firmware.Whole(part); part.Title != markTitle || v.Answer != firmware.OK {
		t.Errorf("%q: %v %q", part.Title, v.Answer, v.Reasons)
	}
	p[4000] = 7
	if part = firmwaretest.Open(t, p, nil, Format()); part.Format != "" {
		t.Errorf("%q", part.Title)
	}
}

func TestLook(t *testing.T) {
	for seed := range uint64(500) {
		p := firmwaretest.Noise(20_000, seed)
		copy(p, []byte{0x85, 0x19, 0x01, 0xE0})
		if _, err := look(context.Background(), block.Bytes(p)); !errors.Is(err, cursor.ErrNot) {
			t.Fatal(err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(mkfs(f, "-l", "-e", "16KiB"))
	f.Add(mkfs(f, "-b", "-e", "16KiB"))
	f.Add([]byte{0xDE, 0xAD, 0xC0, 0xDE, 0xFF})
	f.Fuzz(func(t *testing.T, p []byte) {
		part := firmwaretest.Open(t, p, nil, Format())
		for _, c := range part.Checks {
			if c.State == firmware.Passed && c.Extent.End() > int64(len(p)) {
				t.Fatalf("%+v", c)
			}
		}
	})
}
