package qcow2_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/container"
	"salvor/container/containertest"
	"salvor/container/qcow2"
	"salvor/cursor"
)

func small() []byte { return containertest.Disk(512*3001, 1) }

// TestFixtures reads images that stand in testdata.
func TestFixtures(t *testing.T) {
	files := containertest.Fixtures(t, "v2.qcow2", "zstd.qcow2", "base.qcow2", "over.qcow2")
	over := small()
	copy(over[100_000&^511:], bytes.Repeat([]byte{0x55}, 8192))
	for _, c := range []containertest.Case{
		{Name: "v2", File: "v2.qcow2", Truth: small()},
		{Name: "zstd", File: "zstd.qcow2", Truth: small()},
		{Name: "over", File: "over.qcow2", Truth: over, Used: []string{"over.qcow2", "base.qcow2"}},
	} {
		c.Format, c.Files = qcow2.Format(), containertest.Folder{}
		for _, name := range append(c.Used, c.File) {
			c.Files[name] = files[name]
		}
		containertest.Run(t, c)
	}
}

func fill(at, n int, b byte) func([]byte) {
	return func(disk []byte) { copy(disk[at:], bytes.Repeat([]byte{b}, n)) }
}

// TestQEMU has QEMU make images of every kind.
func TestQEMU(t *testing.T) {
	convert := func(options ...string) [][]string {
		return [][]string{append(append([]string{"qemu-img", "convert", "-f", "raw", "-O", "qcow2"}, options...), "disk.img", "x.qcow2")}
	}
	odd := containertest.Disk(3<<20+512*77, 3)
	for _, m := range []containertest.Made{
		{Name: "plain", Disk: odd, Steps: convert()},
		{Name: "v2", Disk: odd, Steps: convert("-o", "compat=0.10")},
		{Name: "packed", Disk: odd, Steps: convert("-c")},
		{Name: "packed in v2", Disk: odd, Steps: convert("-c", "-o", "compat=0.10")},
		{Name: "zstd", Disk: odd, Steps: convert("-c", "-o", "compression_type=zstd")},
		{Name: "zstd in large clusters", Disk: odd, Steps: convert("-c", "-o", "compression_type=zstd,cluster_size=2M")},
		{Name: "small clusters", Disk: small(), Steps: convert("-o", "cluster_size=512")},
		{Name: "small packed clusters", Disk: small(), Steps: convert("-c", "-o", "cluster_size=512")},
		{Name: "large clusters", Disk: odd, Steps: convert("-o", "cluster_size=2M")},
		{Name: "subclusters", Disk: odd, Steps: append(convert("-o", "extended_l2=on"), []string{"qemu-io", "-c", "write -P 0x42 70144 1024", "-c", "write -z 1048576 6144", "x.qcow2"}),
			Change: func(d []byte) { fill(70144, 1024, 0x42)(d); fill(1048576, 6144, 0)(d) }},
		{Name: "subclusters, packed", Disk: odd, Steps: convert("-c", "-o", "extended_l2=on,compression_type=zstd")},
		{Name: "preallocated", Disk: odd, Steps: convert("-o", "preallocation=metadata")},
		{Name: "zeros told", Disk: odd, Steps: append(convert(), []string{"qemu-io", "-c", "write -z 65536 1048576", "-c", "discard 2097152 65536", "x.qcow2"}),
			Change: func(d []byte) { fill(65536, 1048576, 0)(d); fill(2097152, 65536, 0)(d) }},
		{Name: "data file", Disk: odd, Steps: convert("-o", "data_file=x.data"), Used: []string{"x.qcow2", "x.data"}},
		{Name: "on raw", Disk: odd, Keep: []string{"disk.img"}, Used: []string{"x.qcow2", "disk.img"},
			Steps:  [][]string{{"qemu-img", "create", "-f", "qcow2", "-b", "disk.img", "-F", "raw", "x.qcow2"}, {"qemu-io", "-c", "write -P 7 131072 100352", "x.qcow2"}},
			Change: fill(131072, 100352, 7)},
		{Name: "chain", Disk: odd, Keep: []string{"a.qcow2", "b.qcow2"}, Used: []string{"x.qcow2", "b.qcow2", "a.qcow2"},
			Steps: [][]string{{"qemu-img", "convert", "-c", "-O", "qcow2", "disk.img", "a.qcow2"},
				{"qemu-img", "create", "-f", "qcow2", "-b", "a.qcow2", "-F", "qcow2", "b.qcow2"}, {"qemu-io", "-c", "write -P 7 131072 65536", "b.qcow2"},
				{"qemu-img", "create", "-f", "qcow2", "-b", "b.qcow2", "-F", "qcow2", "-o", "extended_l2=on", "x.qcow2"}, {"qemu-io", "-c", "write -P 9 135168 2048", "-c", "write -z 1048576 65536", "x.qcow2"}},
			Change: func(d []byte) {
				fill(131072, 65536, 7)(d)
				fill(135168, 2048, 9)(d)
				fill(1048576, 65536, 0)(d)
			}},
		{Name: "larger than its base", Disk: odd, Keep: []string{"disk.img"}, Used: []string{"x.qcow2", "disk.img"},
			Steps: [][]string{{"qemu-img", "create", "-f", "qcow2", "-b", "disk.img", "-F", "raw", "x.qcow2", "3244032"}}},
	} {
		m.Target, m.Case.Format = "x.qcow2", qcow2.Format()
		c := containertest.Make(t, m)
		if m.Name == "larger than its base" {
			c.Truth = append(c.Truth, make([]byte, 3244032-len(c.Truth))...)
		}
		containertest.Run(t, c)
	}
}

func try(files containertest.Folder, name string) (*container.Image, error) {
	return qcow2.Open(context.Background(), block.Bytes(files[name]), name, files.Open)
}

// TestBacking opens what an image builds on, wherever the name leads, and not for ever.
func TestBacking(t *testing.T) {
	files := containertest.Fixtures(t, "base.qcow2", "over.qcow2")
	rename := func(name string) containertest.Folder {
		b := slices.Clone(files["over.qcow2"])
		at := binary.BigEndian.Uint64(b[8:])
		copy(b[at:], name)
		binary.BigEndian.PutUint32(b[16:], uint32(len(name)))
		return files.With("over.qcow2", b)
	}
	for _, c := range []struct {
		name, want string
		missing    bool
	}{
		{"base.qcow2", "", false},
		{"/srv/images/base.qcow2", "container.parent.moved", false},
		{"../base.qcow2", "container.parent.moved", false},
		{"gone.qcow2", "container.parent.missing", true},
		{"/etc/passwd", "container.parent.missing", true},
		{"nbd://host/export", "container.parent.missing", true},
		{`json:{"driver":"qcow2","file":{"filename":"base.qcow2"}}`, "container.parent.missing", true},
		{"over.qcow2", "container.parent.missing", true},
	} {
		image, err := try(rename(c.name), "over.qcow2")
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		told := containertest.Codes(image.Findings)
		if c.want == "" && len(told) > 0 || c.want != "" && !slices.Contains(told, c.want) {
			t.Errorf("%s: told %v, expected %q", c.name, told, c.want)
		}
		_, err = image.Source.ReadAt(make([]byte, 512), 0) // not written in the image itself
		if _, lost := block.IsUnreadable(err); lost != c.missing {
			t.Errorf("%s: what is below reads with %v", c.name, err)
		}
		if _, err := image.Source.ReadAt(make([]byte, 512), 100_000&^511); err != nil {
			t.Errorf("%s: what was written reads with %v", c.name, err)
		}
	}
}

// TestLoop builds images on each other in a ring, and in a chain that is too long.
func TestLoop(t *testing.T) {
	over := containertest.Fixtures(t, "over.qcow2")["over.qcow2"]
	on := func(name string) []byte {
		b := slices.Clone(over)
		copy(b[binary.BigEndian.Uint64(b[8:]):], name)
		binary.BigEndian.PutUint32(b[16:], uint32(len(name)))
		return b
	}
	ring := containertest.Folder{"a.qcow2": on("b.qcow2"), "b.qcow2": on("a.qcow2")}
	long := containertest.Folder{}
	for i := range 40 {
		long[string(rune('A'+i))+".qcow2"] = on(string(rune('B'+i)) + ".qcow2")
	}
	for name, files := range map[string]containertest.Folder{"a.qcow2": ring, "A.qcow2": long} {
		image, err := try(files, name)
		if err != nil || !slices.Contains(containertest.Codes(image.Findings), "container.parent.missing") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSnapshots names the snapshots of an image.
func TestSnapshots(t *testing.T) {
	c := containertest.Make(t, containertest.Made{Target: "x.qcow2", Disk: small(), Steps: [][]string{
		{"qemu-img", "convert", "-O", "qcow2", "disk.img", "x.qcow2"}, {"qemu-img", "snapshot", "-c", "before the update", "x.qcow2"},
		{"qemu-img", "snapshot", "-c", "second", "x.qcow2"}, {"qemu-io", "-c", "write -P 3 0 512", "x.qcow2"}}, Change: fill(0, 512, 3)})
	image, err := try(c.Files, "x.qcow2")
	if err != nil {
		t.Fatal(err)
	}
	if got := image.Findings; len(got) != 2 || !strings.Contains(got[0].Text, `"before the update" of 20`) || !strings.Contains(got[1].Text, `"second"`) {
		t.Errorf("found %v", got)
	}
	got := make([]byte, len(c.Truth))
	if _, err := image.Source.ReadAt(got, 0); err != nil || !bytes.Equal(got, c.Truth) {
		t.Errorf("the last state does not read: %v", err)
	}
}

// TestLocked names what is encrypted, and what is too old.
func TestLocked(t *testing.T) {
	head := containertest.Fixtures(t, "v2.qcow2")["v2.qcow2"]
	set := func(at int, v uint32) containertest.Folder {
		b := slices.Clone(head)
		binary.BigEndian.PutUint32(b[at:], v)
		return containertest.Folder{"x": b}
	}
	var locked *container.LockedError
	var unsupported *container.UnsupportedError
	for _, crypt := range []uint32{1, 2} {
		if _, err := try(set(32, crypt), "x"); !errors.As(err, &locked) || err.Error() == "" {
			t.Errorf("encryption %d: %v", crypt, err)
		}
	}
	if _, err := try(set(4, 1), "x"); !errors.As(err, &unsupported) || err.Error() == "" {
		t.Errorf("version 1: %v", err)
	}
	for at, v := range map[int]uint32{4: 4, 20: 30, 24: 0xffffffff, 36: 0} {
		if _, err := try(set(at, v), "x"); err == nil {
			t.Errorf("%d at %d opens", v, at)
		} else if _, ok := cursor.IsCorrupt(err); !ok {
			t.Errorf("%d at %d: %v", v, at, err)
		}
	}
}

// TestLost destroys tables: what stood in them is unreadable, and not zero.
func TestLost(t *testing.T) {
	file := containertest.Fixtures(t, "v2.qcow2")["v2.qcow2"]
	l1 := int(binary.BigEndian.Uint64(file[40:]))
	l2 := int(binary.BigEndian.Uint64(file[l1:]) & 0x00fffffffffffe00)
	truth := small()
	var entry int
	for entry = l2; binary.BigEndian.Uint64(file[entry:]) == 0; entry += 8 {
	}
	for _, c := range []struct {
		name string
		at   int
		lost int64
	}{{"L1 entry", l1, int64(len(truth))}, {"L2 entry", entry, 64 << 10}} {
		b := slices.Clone(file)
		copy(b[c.at:], "\x80\xff\xff\xff\xff\xff\xff\x00")
		image, err := try(containertest.Folder{"x": b}, "x")
		if err != nil {
			t.Fatal(err)
		}
		lost := int64(0)
		for off := int64(0); off < int64(len(truth)); off += 512 {
			p := make([]byte, 512)
			if _, err := image.Source.ReadAt(p, off); err != nil {
				lost += 512
			} else if !bytes.Equal(p, truth[off:off+512]) {
				t.Fatalf("%s: wrong bytes at %#x", c.name, off)
			}
		}
		if lost != c.lost {
			t.Errorf("%s: %d bytes are lost, expected %d", c.name, lost, c.lost)
		}
	}
}

// TestLarge opens a disk of 16 TiB: what is not written costs nothing.
func TestLarge(t *testing.T) {
	c := containertest.Make(t, containertest.Made{Target: "x.qcow2", Disk: []byte{0}, Steps: [][]string{
		{"qemu-img", "create", "-f", "qcow2", "x.qcow2", "16T"}, {"qemu-io", "-c", "write -P 5 17592186040320 4096", "x.qcow2"}}})
	image, err := try(c.Files, "x.qcow2")
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 4096)
	if _, err := image.Source.ReadAt(p, 17592186040320); err != nil || !bytes.Equal(p, bytes.Repeat([]byte{5}, 4096)) {
		t.Errorf("the end does not read: %v", err)
	}
	allocated := testing.AllocsPerRun(1, func() {
		for off := int64(0); off < image.Source.Size(); off += 1 << 34 {
			if _, err := image.Source.ReadAt(p, off); err != nil {
				t.Fatal(err)
			}
		}
	})
	if allocated > 20000 {
		t.Errorf("%v allocations", allocated)
	}
}

func FuzzOpen(f *testing.F) {
	files := containertest.Fixtures(f, "v2.qcow2", "zstd.qcow2", "over.qcow2")
	containertest.Fuzz(f, qcow2.Format(), files["v2.qcow2"][:300<<10], files["zstd.qcow2"], files["over.qcow2"])
}
