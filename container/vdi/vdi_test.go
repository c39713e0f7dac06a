package vdi_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"

	"salvor/block"
	"salvor/container"
	"salvor/container/containertest"
	"salvor/container/vdi"
	"salvor/cursor"
)

func small() []byte { return containertest.Disk(512*3001, 1) }
func odd() []byte   { return containertest.Disk(3<<20+512*77, 3) }

// TestQEMU has QEMU make dynamic and fixed disks.
func TestQEMU(t *testing.T) {
	for _, m := range []containertest.Made{
		{Name: "dynamic", Disk: odd(), Steps: [][]string{{"qemu-img", "convert", "-O", "vdi", "disk.img", "x.vdi"}}},
		{Name: "fixed", Disk: small(), Steps: [][]string{{"qemu-img", "convert", "-O", "vdi", "-o", "static=on", "disk.img", "x.vdi"}}},
	} {
		m.Target, m.Case = "x.vdi", containertest.Case{Format: vdi.Format(), SectorSize: 512}
		containertest.Run(t, containertest.Make(t, m))
	}
}

func try(files containertest.Folder, name string) (*container.Image, error) {
	return vdi.Open(context.Background(), block.Bytes(files[name]), name, files.Open)
}

// differencing is a disk on the fixture, made by the definitions: its second block is here, its first is zero.
func differencing(t *testing.T) (containertest.Folder, string, []byte) {
	base := containertest.Fixtures(t, "dynamic.vdi")["dynamic.vdi"]
	u := base[0x188:0x198]
	parent := fmt.Sprintf("{%02x%02x%02x%02x-%02x%02x-%02x%02x-%x-%x}.vdi", u[3], u[2], u[1], u[0], u[5], u[4], u[7], u[6], u[8:10], u[10:])
	table, data := binary.LittleEndian.Uint32(base[0x154:]), binary.LittleEndian.Uint32(base[0x158:])
	b := slices.Concat(base[:data], bytes.Repeat([]byte{5}, 1<<20))
	binary.LittleEndian.PutUint32(b[0x4c:], 4)
	b[0x188]++
	copy(b[0x1a8:], u)
	binary.LittleEndian.PutUint32(b[table:], 0xffffffff)
	binary.LittleEndian.PutUint32(b[table+4:], 0)
	truth := small()
	copy(truth[1<<20:], bytes.Repeat([]byte{5}, 1<<20))
	return containertest.Folder{"child.vdi": b, parent: base}, parent, truth
}

func TestDifferencing(t *testing.T) {
	files, parent, truth := differencing(t)
	containertest.Run(t, containertest.Case{Name: "child", Format: vdi.Format(), Files: files, File: "child.vdi", Truth: truth, SectorSize: 512, Used: []string{"child.vdi", parent}})
	other := slices.Clone(files[parent])
	other[0x190]++
	ring := slices.Clone(files["child.vdi"])
	copy(ring[0x188:], ring[0x1a8:0x1b8])
	for _, c := range []struct {
		name  string
		files containertest.Folder
		code  string
	}{
		{"another", files.With(parent, other), "container.parent.other"},
		{"no disk", files.With(parent, make([]byte, 4096)), "container.parent.missing"},
		{"a broken one", files.With(parent, files[parent][:0x100]), "container.parent.missing"},
		{"itself", files.With(parent, ring), "container.parent.missing"},
		{"none", files.Without(parent), "container.parent.missing"},
	} {
		image, err := try(c.files, "child.vdi")
		if err != nil || !slices.Contains(containertest.Codes(image.Findings), c.code) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		p := make([]byte, 512)
		if _, err := image.Source.ReadAt(p, 1<<20); err != nil || p[0] != 5 {
			t.Errorf("%s: what is here reads with %v", c.name, err)
		}
		if _, err := image.Source.ReadAt(p, 0); err == nil {
			t.Errorf("%s: what is not here reads", c.name)
		}
	}
}

// TestDiscarded reads blocks that are said to be zero.
func TestDiscarded(t *testing.T) {
	files := containertest.Fixtures(t, "dynamic.vdi")
	b := slices.Clone(files["dynamic.vdi"])
	table := binary.LittleEndian.Uint32(b[0x154:])
	binary.LittleEndian.PutUint32(b[table:], 0xfffffffe)
	image, err := try(containertest.Folder{"x": b}, "x")
	if err != nil {
		t.Fatal(err)
	}
	truth := small()
	clear(truth[:1<<20])
	got := make([]byte, len(truth))
	if _, err := image.Source.ReadAt(got, 0); err != nil || !bytes.Equal(got, truth) {
		t.Error(err)
	}
	// A block that cannot be is unreadable, and its neighbour is not.
	binary.LittleEndian.PutUint32(b[table:], 7)
	if image, err = try(containertest.Folder{"x": b}, "x"); err != nil {
		t.Fatal(err)
	}
	if n, err := image.Source.ReadAt(got, 0); n != 0 || err == nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	if n, _ := image.Source.ReadAt(got, 1<<20); !bytes.Equal(got[:n], truth[1<<20:]) {
		t.Error("the second block is lost too")
	}
}

func TestHeader(t *testing.T) {
	file := containertest.Fixtures(t, "dynamic.vdi")["dynamic.vdi"]
	var unsupported *container.UnsupportedError
	for at, v := range map[int]byte{0x46: 0, 0x47: 9, 0x4c: 9, 0x177: 0xff, 0x17a: 3, 0x168: 7} {
		b := slices.Clone(file)
		b[at] = v
		_, err := try(containertest.Folder{"x": b}, "x")
		if _, corrupt := cursor.IsCorrupt(err); !corrupt && !errors.As(err, &unsupported) {
			t.Errorf("%d at %#x: %v", v, at, err)
		}
	}
}

func TestLarge(t *testing.T) {
	made := containertest.Make(t, containertest.Made{Target: "x.vdi", Disk: []byte{0}, Steps: [][]string{
		{"qemu-img", "create", "-f", "vdi", "x.vdi", "1T"}, {"qemu-io", "-c", "write -P 5 1099511623680 4096", "x.vdi"}}})
	image, err := try(made.Files, "x.vdi")
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 4096)
	if _, err := image.Source.ReadAt(p, 1099511623680); err != nil || !bytes.Equal(p, bytes.Repeat([]byte{5}, 4096)) {
		t.Error(err)
	}
}

func FuzzOpen(f *testing.F) {
	file := containertest.Fixtures(f, "dynamic.vdi")["dynamic.vdi"]
	containertest.Fuzz(f, vdi.Format(), file[:1<<20+4096], file[:4096])
}
