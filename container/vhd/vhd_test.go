package vhd_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"
	"testing"
	"unicode/utf16"

	"salvor/block"
	"salvor/container"
	"salvor/container/containertest"
	"salvor/container/vhd"
	"salvor/cursor"
)

func small() []byte { return containertest.Disk(512*3001, 1) }
func odd() []byte   { return containertest.Disk(3<<20+512*77, 3) }

// TestQEMU has QEMU make fixed and dynamic disks.
func TestQEMU(t *testing.T) {
	for _, m := range []containertest.Made{
		{Name: "fixed", Disk: odd(), Steps: [][]string{{"qemu-img", "convert", "-O", "vpc", "-o", "subformat=fixed,force_size=on", "disk.img", "x.vhd"}}},
		{Name: "dynamic", Disk: odd(), Steps: [][]string{{"qemu-img", "convert", "-O", "vpc", "-o", "force_size=on", "disk.img", "x.vhd"}}},
		{Name: "cylinders", Disk: append(small(), make([]byte, 1566720-512*3001)...), Steps: [][]string{{"qemu-img", "convert", "-O", "vpc", "disk.img", "x.vhd"}}},
	} {
		m.Target, m.Case = "x.vhd", containertest.Case{Format: vhd.Format(), SectorSize: 512}
		containertest.Run(t, containertest.Make(t, m))
	}
}

func reseal(b []byte, at int) {
	n := uint32(0)
	copy(b[at:], []byte{0, 0, 0, 0})
	for _, c := range b {
		n += uint32(c)
	}
	binary.BigEndian.PutUint32(b[at:], ^n)
}

func wide(s string, order binary.ByteOrder) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, 0, 0)
		order.PutUint16(b[len(b)-2:], u)
	}
	return b
}

// child makes a differencing disk on a dynamic one, by the specification: 8 sectors at sector 100 hold fives, and two
// single ones behind.
func child(base []byte, name string) ([]byte, func(disk []byte)) {
	foot := slices.Clone(base[:512])
	head := slices.Clone(base[512:1536])
	copy(head[40:56], foot[68:84]) // the parent's ID
	clear(head[64:576])
	copy(head[64:], wide(name, binary.BigEndian))
	path := wide(`.\`+name, binary.LittleEndian)
	table, locator, block := 1536, 2048, 2560
	copy(head[576:], "W2ru")
	binary.BigEndian.PutUint32(head[580:], 512)
	binary.BigEndian.PutUint32(head[584:], uint32(len(path)))
	binary.BigEndian.PutUint64(head[592:], uint64(locator))
	binary.BigEndian.PutUint64(head[16:], uint64(table))
	reseal(head, 36)
	foot[83]++ // an ID of its own
	binary.BigEndian.PutUint32(foot[60:], 4)
	reseal(foot, 64)
	b := make([]byte, block+512+2<<20)
	copy(b, foot)
	copy(b[512:], head)
	copy(b[table:], bytes.Repeat([]byte{0xff}, 512))
	binary.BigEndian.PutUint32(b[table:], uint32(block/512))
	copy(b[locator:], path)
	var written []int
	for i := range 8 {
		written = append(written, 100+i)
	}
	written = append(written, 200, 211)
	for _, s := range written {
		b[block+s/8] |= 0x80 >> (s % 8)
		copy(b[block+512+512*s:], bytes.Repeat([]byte{5}, 512))
	}
	return append(b, foot...), func(disk []byte) {
		for _, s := range written {
			copy(disk[512*s:], bytes.Repeat([]byte{5}, 512))
		}
	}
}

func differencing(t *testing.T) (containertest.Folder, []byte) {
	files := containertest.Fixtures(t, "dynamic.vhd")
	b, change := child(files["dynamic.vhd"], "dynamic.vhd")
	truth := small()
	change(truth)
	return files.With("child.vhd", b), truth
}

func TestDifferencing(t *testing.T) {
	files, truth := differencing(t)
	containertest.Run(t, containertest.Case{Name: "child", Format: vhd.Format(), Files: files, File: "child.vhd", Truth: truth, SectorSize: 512, Used: []string{"child.vhd", "dynamic.vhd"}})
	// 7-Zip reads the same disk.
	dir := t.TempDir()
	for name, b := range files {
		containertest.Write(t, dir, name, b)
	}
	containertest.Tool(t, dir, "7zz", "e", "-y", "-oout", "child.vhd")
	for name, b := range containertest.ReadFolder(t, dir+"/out") {
		if !bytes.Equal(b, truth) {
			t.Errorf("7-Zip makes something else: %s, %d bytes", name, len(b))
		}
	}
}

func try(files containertest.Folder, name string) (*container.Image, error) {
	return vhd.Open(context.Background(), block.Bytes(files[name]), name, files.Open)
}

// TestParents refuses parents that are others, broken ones, and rings.
func TestParents(t *testing.T) {
	files, truth := differencing(t)
	other := slices.Clone(files["dynamic.vhd"])
	for _, at := range []int{0, len(other) - 512} {
		foot := other[at : at+512]
		foot[70]++
		reseal(foot, 64)
	}
	ring, _ := child(files["dynamic.vhd"], "child.vhd")
	for _, c := range []struct {
		name  string
		files containertest.Folder
		code  string
	}{
		{"another disk", files.With("dynamic.vhd", other), "container.parent.other"},
		{"no disk", files.With("dynamic.vhd", make([]byte, 4096)), "container.parent.missing"},
		{"none", files.Without("dynamic.vhd"), "container.parent.missing"},
		{"itself", files.With("child.vhd", ring), "container.parent.missing"},
		{"a broken one", files.With("dynamic.vhd", append(slices.Clone(files["dynamic.vhd"][:512]), make([]byte, 8192)...)), "container.parent.missing"},
	} {
		image, err := try(c.files, "child.vhd")
		if err != nil || !slices.Contains(containertest.Codes(image.Findings), c.code) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		p := make([]byte, 512)
		if _, err := image.Source.ReadAt(p, 100*512); err != nil || !bytes.Equal(p, truth[100*512:101*512]) {
			t.Errorf("%s: what is here reads with %v", c.name, err)
		}
		if _, err := image.Source.ReadAt(p, 0); err == nil {
			t.Errorf("%s: what is not here reads", c.name)
		}
	}
}

// TestFooters uses the copy of a footer that is damaged, cut or missing.
func TestFooters(t *testing.T) {
	file := containertest.Fixtures(t, "dynamic.vhd")["dynamic.vhd"]
	truth := small()
	damage := func(at int) []byte {
		b := slices.Clone(file)
		b[at] ^= 0x10
		return b
	}
	end := len(file) - 512
	for name, c := range map[string]struct {
		b    []byte
		told []string
	}{
		"whole":              {file, nil},
		"footer":             {damage(end + 50), []string{"vhd.footer"}},
		"footer cut":         {file[:end], []string{"vhd.footer"}},
		"copy":               {damage(50), nil},
		"511 bytes":          {slices.Concat(file[:end], file[end:len(file)-1]), nil},
		"suspended":          {suspended(file), []string{"vhd.saved"}},
		"an entry that lies": {damage(1536), nil},
	} {
		image, err := try(containertest.Folder{"x": c.b}, "x")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := containertest.Codes(image.Findings); !slices.Equal(got, c.told) {
			t.Errorf("%s: told %v, expected %v", name, got, c.told)
		}
		got := make([]byte, len(truth))
		n, err := image.Source.ReadAt(got, 0)
		if whole := name != "an entry that lies"; whole != (err == nil) || !bytes.Equal(got[:n], truth[:n]) {
			t.Errorf("%s: %d bytes, %v", name, n, err)
		}
	}
	both := damage(50)
	both[end+50] ^= 0x10
	if _, err := try(containertest.Folder{"x": both}, "x"); err == nil {
		t.Error("without a footer it opens")
	} else if _, ok := cursor.IsCorrupt(err); !ok {
		t.Error(err)
	}
	if _, err := try(containertest.Folder{"x": damage(520)}, "x"); err == nil {
		t.Error("with a broken header it opens")
	}
}

func suspended(file []byte) []byte {
	b := slices.Clone(file)
	foot := b[len(b)-512:]
	foot[84] = 1
	reseal(foot, 64)
	return b
}

func TestFixed(t *testing.T) {
	file := containertest.Fixtures(t, "fixed.vhd")["fixed.vhd"]
	containertest.Run(t, containertest.Case{Name: "fixed", Format: vhd.Format(), Files: containertest.Folder{"x.vhd": file}, File: "x.vhd", Truth: small(), SectorSize: 512})
	// The footer of a longer disk behind a file that was cut: the rest is unreadable.
	image, err := try(containertest.Folder{"x": file[1<<20:]}, "x")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := image.Source.ReadAt(make([]byte, 1<<20), 0); err == nil {
		t.Errorf("%d bytes without an error", n)
	}
}

func TestLarge(t *testing.T) {
	made := containertest.Make(t, containertest.Made{Target: "x.vhd", Disk: []byte{0}, Steps: [][]string{
		{"qemu-img", "create", "-f", "vpc", "-o", "force_size=on", "x.vhd", "2000G"}, {"qemu-io", "-c", "write -P 5 2147483643904 4096", "x.vhd"}}})
	image, err := try(made.Files, "x.vhd")
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 4096)
	if _, err := image.Source.ReadAt(p, 2147483643904); err != nil || !bytes.Equal(p, bytes.Repeat([]byte{5}, 4096)) {
		t.Error(err)
	}
}

func FuzzOpen(f *testing.F) {
	files := containertest.Fixtures(f, "dynamic.vhd", "fixed.vhd")
	b, _ := child(files["dynamic.vhd"], "dynamic.vhd")
	end := files["dynamic.vhd"][len(files["dynamic.vhd"])-512:]
	containertest.Fuzz(f, vhd.Format(), slices.Concat(files["dynamic.vhd"][:64<<10], end), slices.Concat(b[:32<<10], b[len(b)-512:]), files["fixed.vhd"][1<<20:])
}
