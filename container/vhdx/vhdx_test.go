package vhdx_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"testing"
	"unicode/utf16"

	"salvor/block"
	"salvor/container"
	"salvor/container/containertest"
	"salvor/container/vhdx"
)

func small() []byte { return containertest.Disk(512*3001, 1) }
func odd() []byte   { return containertest.Disk(3<<20+512*77, 3) }

// TestQEMU has QEMU make disks of every kind.
func TestQEMU(t *testing.T) {
	convert := func(o string) []string {
		return []string{"qemu-img", "convert", "-O", "vhdx", "-o", o, "disk.img", "x.vhdx"}
	}
	for _, m := range []containertest.Made{
		{Name: "dynamic", Disk: odd(), Steps: [][]string{convert("subformat=dynamic,block_size=1M")}},
		{Name: "fixed", Disk: small(), Steps: [][]string{convert("subformat=fixed")}},
		{Name: "zero blocks", Disk: odd(), Steps: [][]string{convert("block_size=1M,block_state_zero=on")}},
	} {
		m.Target, m.Case = "x.vhdx", containertest.Case{Format: vhdx.Format(), SectorSize: 512}
		containertest.Run(t, containertest.Make(t, m))
	}
}

func try(files containertest.Folder, name string) (*container.Image, error) {
	return vhdx.Open(context.Background(), block.Bytes(files[name]), name, files.Open)
}

func reseal(b []byte) {
	clear(b[4:8])
	binary.LittleEndian.PutUint32(b[4:], crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
}

// log is where QEMU puts the log.
const log = 1 << 20

// table returns where the table of blocks stands.
func table(b []byte) int {
	for at := 192<<10 + 16; ; at += 32 {
		if bytes.Equal(b[at:at+4], []byte{0x66, 0x77, 0xc2, 0x2d}) {
			return int(binary.LittleEndian.Uint64(b[at+16:]))
		}
	}
}

// TestCopies damages headers and region tables one after the other.
func TestCopies(t *testing.T) {
	file := containertest.Fixtures(t, "dynamic.vhdx")["dynamic.vhdx"]
	truth := small()
	for _, c := range []struct {
		name string
		at   []int
		told []string
		bad  bool
	}{
		{"first header", []int{64<<10 + 20}, []string{"vhdx.header"}, false},
		{"second header", []int{128<<10 + 20}, []string{"vhdx.header"}, false},
		{"both headers", []int{64<<10 + 20, 128<<10 + 20}, nil, true},
		{"first regions", []int{192<<10 + 20}, []string{"vhdx.regions"}, false},
		{"second regions", []int{256<<10 + 20}, nil, false},
		{"both regions", []int{192<<10 + 20, 256<<10 + 20}, nil, true},
		{"nothing", nil, nil, false},
	} {
		b := slices.Clone(file)
		for _, at := range c.at {
			b[at] ^= 4
		}
		image, err := try(containertest.Folder{"x": b}, "x")
		if (err != nil) != c.bad {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil {
			continue
		}
		got := make([]byte, len(truth))
		if _, err := image.Source.ReadAt(got, 0); err != nil || !bytes.Equal(got, truth) || !slices.Equal(containertest.Codes(image.Findings), c.told) {
			t.Errorf("%s: %v, told %v", c.name, err, containertest.Codes(image.Findings))
		}
	}
}

// dirty takes a disk whose table of blocks was written by way of the log back to the time before it was written: the
// log is still to be replayed. By hand, since QEMU and Windows replay what they open.
func dirty(t *testing.T, file []byte) []byte {
	t.Helper()
	b := slices.Clone(file)
	if string(b[log:log+4]) != "loge" {
		t.Fatal("no entry in the log")
	}
	for _, at := range []int{64 << 10, 128 << 10} {
		copy(b[at+48:], b[log+32:log+48])
		reseal(b[at : at+4096])
	}
	clear(b[table(b) : table(b)+4096])
	return b
}

func TestLog(t *testing.T) {
	c := containertest.Make(t, containertest.Made{Name: "log", Target: "x.vhdx", Disk: make([]byte, 64<<20), Change: func(d []byte) { copy(d[1<<20:], bytes.Repeat([]byte{5}, 64<<10)) },
		Steps: [][]string{{"qemu-img", "create", "-f", "vhdx", "x.vhdx", "64M"}, {"qemu-io", "-c", "write -P 5 1048576 65536", "x.vhdx"}}})
	b := dirty(t, c.Files["x.vhdx"])
	image, err := try(containertest.Folder{"x": b}, "x")
	if err != nil || !slices.Contains(containertest.Codes(image.Findings), "vhdx.log") {
		t.Fatalf("%v", err)
	}
	got := make([]byte, len(c.Truth))
	if _, err := image.Source.ReadAt(got, 0); err != nil || !bytes.Equal(got, c.Truth) {
		t.Errorf("after the replay: %v", err)
	}
	// QEMU comes to the same disk.
	dir := t.TempDir()
	containertest.Write(t, dir, "x.vhdx", b)
	containertest.Tool(t, dir, "qemu-img", "check", "-r", "all", "x.vhdx")
	containertest.Tool(t, dir, "qemu-img", "convert", "-O", "raw", "x.vhdx", "out.img")
	if want := containertest.ReadFolder(t, dir)["out.img"]; !bytes.Equal(want, got) {
		t.Error("QEMU makes something else")
	}
	// A log that is broken is told, and the state before it is read.
	for _, at := range []int{log + 8, log + 100, log + 4096 + 20} {
		broken := slices.Clone(b)
		broken[at] ^= 1
		image, err := try(containertest.Folder{"x": broken}, "x")
		if err != nil || !slices.Contains(containertest.Codes(image.Findings), "vhdx.log.broken") {
			t.Errorf("a broken log at %#x: %v", at, err)
		}
	}
}

func wide(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// child makes a differencing disk out of a dynamic one, by the specification: its first block holds some sectors, and
// the bitmap says which.
func child(base []byte, name string) ([]byte, func(disk []byte)) {
	b := slices.Clone(base)
	id := slices.Clone(b[64<<10+32 : 64<<10+48]) // DataWriteGuid
	if binary.LittleEndian.Uint64(b[128<<10+8:]) > binary.LittleEndian.Uint64(b[64<<10+8:]) {
		id = slices.Clone(b[128<<10+32 : 128<<10+48])
	}
	for _, at := range []int{64 << 10, 128 << 10} {
		b[at+32]++
		reseal(b[at : at+4096])
	}
	meta := 0
	for at := 192<<10 + 16; ; at += 32 {
		if bytes.Equal(b[at:at+4], []byte{0x06, 0xa2, 0x7c, 0x8b}) {
			meta = int(binary.LittleEndian.Uint64(b[at+16:]))
			break
		}
	}
	n := int(binary.LittleEndian.Uint16(b[meta+10:]))
	for i := range n { // HasParent
		if e := meta + 32 + 32*i; bytes.Equal(b[e:e+4], []byte{0x37, 0x67, 0xa1, 0xca}) {
			b[meta+int(binary.LittleEndian.Uint32(b[e+16:]))+4] |= 2
		}
	}
	// The locator, as a further item.
	const at = 128 << 10
	locator := append([]byte{0xb7, 0xef, 0x4a, 0xb0, 0x9e, 0xd1, 0x81, 0x4a, 0xb7, 0x89, 0x25, 0xb8, 0xe9, 0x44, 0x59, 0x13}, 0, 0, 2, 0)
	g := id
	linkage := "{" + hexGroup(g[3], g[2], g[1], g[0]) + "-" + hexGroup(g[5], g[4]) + "-" + hexGroup(g[7], g[6]) + "-" + hexGroup(g[8], g[9]) + "-" + hexGroup(g[10:]...) + "}"
	var texts []byte
	for _, kv := range [][2]string{{"parent_linkage", linkage}, {"relative_path", `.\` + name}} {
		for _, s := range kv {
			locator = binary.LittleEndian.AppendUint32(locator, uint32(20+24+len(texts)))
			texts = append(texts, wide(s)...)
		}
		locator = binary.LittleEndian.AppendUint16(locator, uint16(len(wide(kv[0]))))
		locator = binary.LittleEndian.AppendUint16(locator, uint16(len(wide(kv[1]))))
	}
	locator = append(locator, texts...)
	e := meta + 32 + 32*n
	copy(b[e:], []byte{0x2d, 0x5f, 0xd3, 0xa8, 0x0b, 0xb3, 0x4d, 0x45, 0xab, 0xf7, 0xd3, 0xd8, 0x48, 0x34, 0xab, 0x0c})
	binary.LittleEndian.PutUint32(b[e+16:], at)
	binary.LittleEndian.PutUint32(b[e+20:], uint32(len(locator)))
	binary.LittleEndian.PutUint32(b[e+24:], 4)
	binary.LittleEndian.PutUint16(b[meta+10:], uint16(n+1))
	copy(b[meta+at:], locator)
	// One block, and behind the 4096 blocks of a chunk its bitmap.
	bat := table(b)
	clear(b[bat : bat+64<<10])
	block0 := (len(b) + 1<<20 - 1) >> 20 << 20
	b = append(b, make([]byte, block0-len(b)+2<<20)...)
	binary.LittleEndian.PutUint64(b[bat:], uint64(block0)|7)
	binary.LittleEndian.PutUint64(b[bat+8*4096:], uint64(block0+1<<20)|6)
	var written []int
	for i := range 9 {
		written = append(written, 100+i)
	}
	written = append(written, 300, 2047)
	for _, s := range written {
		b[block0+1<<20+s/8] |= 1 << (s % 8)
		copy(b[block0+512*s:], bytes.Repeat([]byte{5}, 512))
	}
	return b, func(disk []byte) {
		for _, s := range written {
			copy(disk[512*s:], bytes.Repeat([]byte{5}, 512))
		}
	}
}

func hexGroup(b ...byte) (s string) {
	for _, c := range b {
		s += string("0123456789abcdef"[c>>4]) + string("0123456789abcdef"[c&15])
	}
	return s
}

func TestDifferencing(t *testing.T) {
	files := containertest.Fixtures(t, "dynamic.vhdx")
	b, change := child(files["dynamic.vhdx"], "dynamic.vhdx")
	truth := small()
	change(truth)
	files["child.vhdx"] = b
	containertest.Run(t, containertest.Case{Name: "child", Format: vhdx.Format(), Files: files, File: "child.vhdx", Truth: truth, SectorSize: 512, Used: []string{"child.vhdx", "dynamic.vhdx"}})
	other := slices.Clone(files["dynamic.vhdx"])
	for _, at := range []int{64 << 10, 128 << 10} {
		other[at+40]++
		reseal(other[at : at+4096])
	}
	ring, _ := child(files["dynamic.vhdx"], "child.vhdx")
	for _, c := range []struct {
		name  string
		files containertest.Folder
		code  string
	}{
		{"another state", files.With("dynamic.vhdx", other), "container.parent.other"},
		{"no disk", files.With("dynamic.vhdx", make([]byte, 4096)), "container.parent.missing"},
		{"none", files.Without("dynamic.vhdx"), "container.parent.missing"},
		{"itself", files.With("child.vhdx", ring), "container.parent.missing"},
	} {
		image, err := try(c.files, "child.vhdx")
		if err != nil || !slices.Contains(containertest.Codes(image.Findings), c.code) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		p := make([]byte, 512)
		if _, err := image.Source.ReadAt(p, 100*512); err != nil || p[0] != 5 {
			t.Errorf("%s: what is here reads with %v", c.name, err)
		}
		if _, err := image.Source.ReadAt(p, 0); err == nil {
			t.Errorf("%s: what is not here reads", c.name)
		}
	}
}

func TestLarge(t *testing.T) {
	made := containertest.Make(t, containertest.Made{Target: "x.vhdx", Disk: []byte{0}, Steps: [][]string{
		{"qemu-img", "create", "-f", "vhdx", "-o", "block_size=256M", "x.vhdx", "16T"}, {"qemu-io", "-c", "write -P 5 1048576 4096", "x.vhdx"}}})
	image, err := try(made.Files, "x.vhdx")
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 4096)
	if _, err := image.Source.ReadAt(p, 1048576); err != nil || !bytes.Equal(p, bytes.Repeat([]byte{5}, 4096)) {
		t.Error(err)
	}
	if _, err := image.Source.ReadAt(p, 16<<40-4096); err != nil || !bytes.Equal(p, make([]byte, 4096)) {
		t.Error(err)
	}
}

// compact moves metadata and the table of blocks to the front and cuts the rest away, which is small enough for fuzzing.
func compact(file []byte) []byte {
	b := slices.Clone(file[:576<<10])
	for _, region := range []int{192 << 10, 256 << 10} {
		for at := region + 16; at < region+16+2*32; at += 32 {
			from, to, n := int(binary.LittleEndian.Uint64(b[at+16:])), 320<<10, 64<<10
			if bytes.Equal(b[at:at+4], []byte{0x06, 0xa2, 0x7c, 0x8b}) {
				to, n = 384<<10, 192<<10
			}
			copy(b[to:to+n], file[from:])
			binary.LittleEndian.PutUint64(b[at+16:], uint64(to))
		}
		reseal(b[region : region+64<<10])
	}
	return b
}

func FuzzOpen(f *testing.F) {
	files := containertest.Fixtures(f, "dynamic.vhdx")
	b := compact(files["dynamic.vhdx"])
	if _, err := try(containertest.Folder{"x": b}, "x"); err != nil {
		f.Fatal(err)
	}
	child, _ := child(files["dynamic.vhdx"], "dynamic.vhdx")
	containertest.Fuzz(f, vhdx.Format(), b, compact(child))
}
