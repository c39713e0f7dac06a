package vmdk_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/container"
	"salvor/container/containertest"
	"salvor/container/vmdk"
	"salvor/cursor"
)

func small() []byte { return containertest.Disk(512*3001, 1) }
func odd() []byte   { return containertest.Disk(3<<20+512*77, 3) }

// TestFixtures reads images that stand in testdata.
func TestFixtures(t *testing.T) {
	files := containertest.Fixtures(t, "sparse.vmdk", "stream.vmdk")
	for _, name := range []string{"sparse.vmdk", "stream.vmdk"} {
		containertest.Run(t, containertest.Case{Name: name, Format: vmdk.Format(), Files: containertest.Folder{name: files[name]}, File: name, Truth: small(), SectorSize: 512})
	}
}

func fill(at, n int, b byte) func([]byte) {
	return func(disk []byte) { copy(disk[at:], bytes.Repeat([]byte{b}, n)) }
}

func convert(kind string, more ...string) []string {
	return append(append([]string{"qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=" + kind}, more...), "disk.img", "x.vmdk")
}

// TestQEMU has QEMU make disks of every kind.
func TestQEMU(t *testing.T) {
	for _, m := range []containertest.Made{
		{Name: "monolithicSparse", Disk: odd(), Steps: [][]string{convert("monolithicSparse")}},
		{Name: "zero grains", Disk: odd(), Steps: [][]string{{"qemu-img", "convert", "-O", "vmdk", "-o", "zeroed_grain=on", "disk.img", "x.vmdk"}, {"qemu-io", "-c", "write -z 131072 1048576", "x.vmdk"}},
			Change: fill(131072, 1048576, 0)},
		{Name: "streamOptimized", Disk: odd(), Steps: [][]string{convert("streamOptimized")}},
		{Name: "monolithicFlat", Disk: odd(), Steps: [][]string{convert("monolithicFlat")}, Used: []string{"x.vmdk", "x-flat.vmdk"}},
		{Name: "twoGbMaxExtentSparse", Disk: odd(), Steps: [][]string{convert("twoGbMaxExtentSparse")}, Used: []string{"x.vmdk", "x-s001.vmdk"}},
		{Name: "twoGbMaxExtentFlat", Disk: odd(), Steps: [][]string{convert("twoGbMaxExtentFlat")}, Used: []string{"x.vmdk", "x-f001.vmdk"}},
		{Name: "on a parent", Disk: odd(), Used: []string{"x.vmdk", "base.vmdk"}, Change: fill(65536, 131072, 6),
			Steps: [][]string{{"qemu-img", "convert", "-O", "vmdk", "disk.img", "base.vmdk"}, {"qemu-img", "create", "-f", "vmdk", "-b", "base.vmdk", "-F", "vmdk", "x.vmdk"},
				{"qemu-io", "-c", "write -P 6 65536 131072", "x.vmdk"}}},
	} {
		m.Target, m.Case = "x.vmdk", containertest.Case{Format: vmdk.Format(), SectorSize: 512}
		containertest.Run(t, containertest.Make(t, m))
	}
}

func try(files containertest.Folder, name string) (*container.Image, error) {
	return vmdk.Open(context.Background(), block.Bytes(files[name]), name, files.Open)
}

// joined is a disk of several extents, as a descriptor written by hand has it: flat, zero, sparse.
func joined(t *testing.T) (containertest.Folder, []byte) {
	first, last := containertest.Disk(1<<20, 7), small()
	files := containertest.Folder{"flat.img": append(make([]byte, 4096), first...), "s.vmdk": containertest.Fixtures(t, "sparse.vmdk")["sparse.vmdk"]}
	files["x.vmdk"] = fmt.Appendf(nil, "# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\ncreateType=\"custom\"\n\n"+
		"RW 2048 FLAT \"flat.img\" 8\nRDONLY 100 ZERO\nRW %d SPARSE \"s.vmdk\"\n# The Disk Data Base\nddb.adapterType = \"ide\"\n", len(last)/512)
	return files, slices.Concat(first, make([]byte, 100*512), last)
}

func TestExtents(t *testing.T) {
	files, truth := joined(t)
	c := containertest.Case{Name: "custom", Format: vmdk.Format(), Files: files, File: "x.vmdk", Truth: truth, SectorSize: 512, Used: []string{"x.vmdk", "flat.img", "s.vmdk"}}
	containertest.Run(t, c)
	change := func(old, new string) containertest.Folder {
		return files.With("x.vmdk", []byte(strings.Replace(string(files["x.vmdk"]), old, new, 1)))
	}
	for _, c := range []struct {
		old, new, code string
	}{
		{`"flat.img"`, `"/vm/flat.img"`, "vmdk.extent.moved"},
		{`"flat.img"`, `"/etc/shadow"`, "vmdk.extent.missing"},
		{"SPARSE", "VMFSRDM", "vmdk.extent.broken"},
		{`SPARSE "s.vmdk"`, `SPARSE "x.vmdk"`, "vmdk.extent.broken"},
		{`SPARSE "s.vmdk"`, `SPARSE "flat.img"`, "vmdk.extent.broken"},
		{"RW 3001 SPARSE", "RW 300100 SPARSE", "vmdk.extent.broken"},
		{"parentCID=ffffffff", "parentCID=12341234\nparentFileNameHint=\"s.vmdk\"", "container.parent.other"},
		{"parentCID=ffffffff", "parentCID=12341234\nparentFileNameHint=\"gone.vmdk\"", "container.parent.missing"},
		{"parentCID=ffffffff", "parentCID=12345678\nparentFileNameHint=\"x.vmdk\"", "container.parent.missing"},
		{"parentCID=ffffffff", "parentCID=12345678\nparentFileNameHint=\"flat.img\"", "container.parent.missing"},
	} {
		image, err := try(change(c.old, c.new), "x.vmdk")
		if err != nil || !slices.Contains(containertest.Codes(image.Findings), c.code) {
			t.Errorf("%s: %v, expected %s", c.new, err, c.code)
			continue
		}
		containertest.Exercise(t, image)
	}
	for _, broken := range []string{"RW 0 ZERO", "RW -5 ZERO", `RW 5 FLAT`, `RW 5 FLAT "x`, `RW 5 FLAT "x" -1`, "RW 99999999999999999999 ZERO", "nothing"} {
		text := "# Disk DescriptorFile\n" + broken + "\n"
		if _, err := try(containertest.Folder{"x": []byte(text)}, "x"); err == nil {
			t.Errorf("%q opens", broken)
		} else if _, ok := cursor.IsCorrupt(err); !ok {
			t.Errorf("%q: %v", broken, err)
		}
	}
}

// TestTables destroys tables: the second copy takes their place, and without both nothing is made zero.
func TestTables(t *testing.T) {
	file := containertest.Fixtures(t, "sparse.vmdk")["sparse.vmdk"]
	truth := small()
	second, first := int(binary.LittleEndian.Uint64(file[48:]))*512, int(binary.LittleEndian.Uint64(file[56:]))*512
	table := func(directory int) int { return int(binary.LittleEndian.Uint32(file[directory:])) * 512 }
	for _, c := range []struct {
		name string
		wipe [][2]int
		with byte
		lost bool
	}{
		{"the directory with zeros", [][2]int{{first, 4}}, 0, false},
		{"the directory with ones", [][2]int{{first, 4}}, 0xff, false},
		{"a table with zeros", [][2]int{{table(first), 2048}}, 0, false},
		{"a table with ones", [][2]int{{table(first), 2048}}, 0xff, false},
		{"the second directory", [][2]int{{second, 4}}, 0, false},
		{"the second table", [][2]int{{table(second), 2048}}, 0xff, false},
		{"both directories", [][2]int{{first, 4}, {second, 4}}, 0, true},
		{"both tables", [][2]int{{table(first), 2048}, {table(second), 2048}}, 0xff, true},
	} {
		b := slices.Clone(file)
		for _, w := range c.wipe {
			copy(b[w[0]:], bytes.Repeat([]byte{c.with}, w[1]))
		}
		image, err := try(containertest.Folder{"x": b}, "x")
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(truth))
		n, err := image.Source.ReadAt(got, 0)
		if !bytes.Equal(got[:n], truth[:n]) {
			t.Errorf("%s: wrong bytes", c.name)
		}
		if _, lost := block.IsUnreadable(err); lost != c.lost {
			t.Errorf("%s: %d bytes, %v", c.name, n, err)
		}
	}
	// Without its description nothing tells what stands where nothing was written.
	b := slices.Clone(file)
	clear(b[512:2048])
	image, err := try(containertest.Folder{"x": b}, "x")
	if err != nil || !slices.Contains(containertest.Codes(image.Findings), "vmdk.descriptor") {
		t.Errorf("without a description: %v", err)
	}
}

func TestNotRead(t *testing.T) {
	var unsupported *container.UnsupportedError
	for _, head := range []string{"COWD\x01\x00\x00\x00", "\xbe\xba\xfe\xca\x00\x00\x00\x00"} {
		if _, err := try(containertest.Folder{"x": append([]byte(head), make([]byte, 1000)...)}, "x"); !errors.As(err, &unsupported) {
			t.Errorf("%q: %v", head, err)
		}
	}
	file := containertest.Fixtures(t, "stream.vmdk")["stream.vmdk"]
	for at, v := range map[int]byte{4: 9, 19: 0xff, 20: 3, 44: 0, 77: 7} {
		b := slices.Clone(file)
		b[at] = v
		if at == 44 {
			clear(b[44:48])
		}
		if _, err := try(containertest.Folder{"x": b}, "x"); err == nil {
			t.Errorf("byte %d as %d opens", at, v)
		}
	}
}

// TestLarge opens a disk of 5 GiB, which has three extents, and one of 16 TiB.
func TestLarge(t *testing.T) {
	for _, c := range []struct {
		kind, size, at string
		off            int64
		files          int
	}{{"twoGbMaxExtentSparse", "5G", "4398046208", 4398046208, 4}, {"monolithicSparse", "1T", "1099511561728", 1099511561728, 1}} {
		made := containertest.Make(t, containertest.Made{Target: "x.vmdk", Disk: []byte{0}, Steps: [][]string{
			{"qemu-img", "create", "-f", "vmdk", "-o", "subformat=" + c.kind, "x.vmdk", c.size}, {"qemu-io", "-c", "write -P 5 " + c.at + " 4096", "x.vmdk"}}})
		image, err := try(made.Files, "x.vmdk")
		if err != nil {
			t.Fatal(err)
		}
		if len(image.Files) != c.files {
			t.Errorf("%s: files %v", c.kind, image.Files)
		}
		p := make([]byte, 4096)
		if _, err := image.Source.ReadAt(p, c.off); err != nil || !bytes.Equal(p, bytes.Repeat([]byte{5}, 4096)) {
			t.Errorf("%s: %v", c.kind, err)
		}
		if _, err := image.Source.ReadAt(p, c.off-70000); err != nil || !bytes.Equal(p, make([]byte, 4096)) {
			t.Errorf("%s: beside it: %v", c.kind, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	files := containertest.Fixtures(f, "sparse.vmdk", "stream.vmdk")
	text := []byte("# Disk DescriptorFile\nCID=1\nparentCID=2\nparentFileNameHint=\"p.vmdk\"\nRW 20 SPARSE \"s.vmdk\" 0\nRW 5 FLAT \"f\" 1\nRW 9 ZERO\n")
	containertest.Fuzz(f, vmdk.Format(), files["sparse.vmdk"][:200<<10], files["stream.vmdk"], text)
}
