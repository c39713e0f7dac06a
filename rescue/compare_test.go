//go:build linux

package rescue

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"salvor/compare"
	"salvor/internal/need"
)

// updated is a device with two slots whose update was cut.
type updated struct {
	dir      string
	rnd      *rand.Rand
	old, new []byte
	image    []byte
	a, b     int // offsets of the slots on the image
	pack     string
}

const slotSize = 1 << 20

// firmwareOf makes two versions of a root file system: runs of bytes that stay the same, of zeros and of 0xFF among those that do not.
func firmwareOf(rnd *rand.Rand) (old, new []byte) {
	fill := func(n int) []byte {
		p := make([]byte, n)
		for i := range p {
			p[i] = byte(rnd.Uint32())
		}
		return p
	}
	new = fill(500_000 + rnd.IntN(400_000))
	old = fill(len(new))
	for range 5 {
		at, n := rnd.IntN(len(new)), 1+rnd.IntN(30_000)
		to := min(at+n, len(new))
		switch rnd.IntN(3) {
		case 0:
			copy(new[at:to], old[at:to])
		case 1:
			clear(new[at:to])
		default:
			copy(new[at:to], bytes.Repeat([]byte{0xFF}, n))
		}
	}
	return old, new
}

// newEMMC makes a disk with a GPT: slots, Android's misc and data.
func newEMMC(t *testing.T, seed uint64) *updated {
	t.Helper()
	need.Tools(t, "sfdisk")
	u := &updated{dir: t.TempDir(), rnd: rand.New(rand.NewPCG(seed, 8)), image: make([]byte, 5<<20), a: 1 << 20, b: 2 << 20}
	u.old, u.new = firmwareOf(u.rnd)
	path := filepath.Join(u.dir, "disk.img")
	must(t, os.WriteFile(path, u.image, 0o600))
	cmd := exec.Command("sfdisk", "-q", path)
	cmd.Stdin = bytes.NewReader([]byte("label: gpt\nfirst-lba: 34\nstart=2048,size=2048,name=rootfs_a\nstart=4096,size=2048,name=rootfs_b\nstart=6144,size=128,name=misc\nstart=6272,size=1024,name=data\n"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var err error
	u.image, err = os.ReadFile(path)
	must(t, err)
	copy(u.image[u.a:], u.old)
	copy(u.image[u.b:], u.old)
	for i := 6272 * 512; i < 7000*512; i++ {
		u.image[i] = byte(u.rnd.Uint32())
	}
	u.packed(t, u.new)
	return u
}

// packed writes the package.
func (u *updated) packed(t *testing.T, content []byte) {
	t.Helper()
	u.pack = filepath.Join(u.dir, "update.img")
	must(t, os.WriteFile(u.pack, content, 0o600))
}

// compareTo holds the package against the image as it is now.
func (u *updated) compareTo(t *testing.T, change func(*CompareOptions)) *Compared {
	t.Helper()
	path := filepath.Join(u.dir, "now.img")
	must(t, os.WriteFile(path, u.image, 0o600))
	o := CompareOptions{Package: u.pack, Path: path}
	if change != nil {
		change(&o)
	}
	c, err := Compare(context.Background(), o, &listener{})
	must(t, err)
	return c
}

func (c *Compared) on(t *testing.T, region string) *compare.Target {
	t.Helper()
	i := slices.IndexFunc(c.Targets, func(x compare.Target) bool { return c.Regions[x.Region].Name == region })
	if i < 0 {
		t.Fatalf("nothing is on %s: %v", region, c.Findings)
	}
	return &c.Targets[i]
}

func (c *Compared) trace(t *testing.T, region string) compare.Trace {
	t.Helper()
	i := slices.IndexFunc(c.Others, func(x compare.Other) bool { return c.Regions[x.Region].Name == region })
	if i < 0 {
		t.Fatalf("nothing is said of %s: %v", region, c.Findings)
	}
	return c.Others[i].Trace
}

func (c *Compared) told(code string) bool {
	for _, f := range c.Findings {
		if f.Code == code {
			return true
		}
	}
	return false
}

// holds checks the bracket around the true place, and what is as wide as it may be.
func holds(t *testing.T, name string, x *compare.Target, now, was, new []byte, cut int) {
	t.Helper()
	if x.Bracket.From > int64(cut) || x.Bracket.To < int64(cut) {
		t.Fatalf("%s: cut at %d, %v %+v", name, cut, x.Order, x.Bracket)
	}
	from, to := cut, cut
	for from > 0 && (new[from-1] == was[from-1] || new[from-1] == 0 || new[from-1] == 0xFF) {
		from--
	}
	for to < len(new) && now[to] == new[to] {
		to++
	}
	if wide := x.Bracket.To - x.Bracket.From; wide > int64(to-from)+512 {
		t.Fatalf("%s: %d bytes wide, and the run around %d has %d", name, wide, cut, to-from)
	}
}

func cuts() int {
	if need.CI() {
		return 100
	}
	return 4
}

// The update of an eMMC with a GPT is cut at any byte, in order: the bracket, the other partitions, and the finished image.
func TestCompareEMMC(t *testing.T) {
	t.Parallel()
	for seed := range uint64(cuts()) {
		u := newEMMC(t, seed)
		cut := 1 + u.rnd.IntN(len(u.new)-1)
		copy(u.image[u.b:], u.new[:cut])
		staged := seed%3 == 0
		if staged {
			copy(u.image[6300*512+13:], u.new[:20_000])
		}
		name := fmt.Sprintf("seed %d", seed)
		c := u.compareTo(t, nil)
		x := c.on(t, "rootfs_b")
		holds(t, name, x, u.image[u.b:], u.old, u.new, cut)
		if !c.on(t, "rootfs_a").Reference && x.Order != compare.NotBegun {
			t.Errorf("%s: rootfs_a is not the old content", name)
		}
		if got := c.trace(t, "data"); (got == compare.Touched) != staged {
			t.Errorf("%s: data is %s, staged %v", name, got, staged)
		}
		if got := c.trace(t, "misc"); got != compare.NoTrace {
			t.Errorf("%s: misc is %s", name, got)
		}
		if seed < 4 {
			u.finish(t, c)
		}
	}
}

// finish makes the finished image and holds it against the fully updated one.
func (u *updated) finish(t *testing.T, before *Compared) {
	t.Helper()
	if _, partly, _ := before.State(); len(partly) == 0 {
		return
	}
	out := filepath.Join(u.dir, "finished.img")
	c := u.compareTo(t, func(o *CompareOptions) { o.Finish = out })
	got, err := os.ReadFile(out)
	must(t, err)
	want := bytes.Clone(u.image)
	copy(want[u.b:], u.new)
	if !bytes.Equal(got, want) {
		t.Errorf("the finished image is not the fully updated one: %+v", c.Finished)
	}
	now, err := os.ReadFile(filepath.Join(u.dir, "now.img"))
	must(t, err)
	if !bytes.Equal(now, u.image) {
		t.Error("the image was changed")
	}
	must(t, os.Remove(out))
}

// Out of order: the set of new blocks is exact.
func TestCompareEMMCOutOfOrder(t *testing.T) {
	t.Parallel()
	for seed := range uint64(cuts()) {
		u := newEMMC(t, 1000+seed)
		size := []int{512, 4096, 65536}[seed%3]
		left := u.rnd.IntN(len(u.new))
		before := bytes.Clone(u.image[u.b : u.b+slotSize])
		for _, k := range u.rnd.Perm((len(u.new) + size - 1) / size) {
			from := k * size
			to := min(from+size, len(u.new), from+left)
			copy(u.image[u.b+from:u.b+to], u.new[from:to])
			if left -= to - from; left <= 0 {
				break
			}
		}
		x := u.compareTo(t, nil).on(t, "rootfs_b")
		set := x.NewSet()
		now := u.image[u.b : u.b+slotSize]
		for at := 0; at+512 <= len(u.new); at += 512 {
			b, w, p := now[at:at+512], before[at:at+512], u.new[at:at+512]
			want := bytes.Equal(b, p) && !bytes.Equal(b, w)
			if got := set.Has(int64(at)) && set.Has(int64(at+511)); want != got {
				t.Fatalf("seed %d: block at %d: new %v, told %v", seed, at, want, got)
			}
		}
	}
}

// Refusals of a finished image, and nothing is left.
func TestCompareFinishRefuses(t *testing.T) {
	u := newEMMC(t, 5)
	out := filepath.Join(u.dir, "finished.img")
	try := func(name string) {
		t.Helper()
		path := filepath.Join(u.dir, "now.img")
		must(t, os.WriteFile(path, u.image, 0o600))
		_, err := Compare(context.Background(), CompareOptions{Package: u.pack, Path: path, Finish: out}, &listener{})
		if ExitOf(err) != 40 {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: a file is left", name)
		}
	}
	try("nothing was begun")
	copy(u.image[u.b:], u.new)
	try("it is complete")
	copy(u.image[u.a:], u.new[:100_000])
	copy(u.image[u.b:], u.old)
	copy(u.image[u.b+200_000:], u.new[200_000:300_000])
	try("both hold some of it")
}

// The same content packed, behind a header, and sparse.
func TestComparePackages(t *testing.T) {
	u := newEMMC(t, 9)
	// Android's tool takes whole blocks of 4096 bytes.
	u.new = u.new[:len(u.new)/4096*4096]
	cut := 300_001
	copy(u.image[u.b:], u.new[:cut])
	raw := filepath.Join(u.dir, "rootfs.img")
	must(t, os.WriteFile(raw, u.new, 0o600))
	for _, c := range []struct {
		name string
		make []string
		out  string
	}{
		{"gzip", []string{"gzip", "-k", raw}, raw + ".gz"},
		{"uimage", []string{"mkimage", "-A", "arm", "-O", "linux", "-T", "filesystem", "-C", "none", "-n", "x", "-d", raw, "UPDATE"}, ""},
		{"sparse", []string{"img2simg", raw, "UPDATE"}, ""},
	} {
		need.Tools(t, c.make[0])
		out := c.out
		if out == "" {
			out = filepath.Join(u.dir, c.name)
		}
		args := slices.Clone(c.make)
		for i := range args {
			if args[i] == "UPDATE" {
				args[i] = out
			}
		}
		if msg, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", c.name, err, msg)
		}
		u.pack = out
		r := u.compareTo(t, nil)
		x := r.on(t, "rootfs_b")
		holds(t, c.name, x, u.image[u.b:], u.old, u.new, cut)
		if int(x.Piece.Extent.Length) != len(u.new) {
			t.Errorf("%s: the part has %d bytes, the image %d", c.name, x.Piece.Extent.Length, len(u.new))
		}
	}
}

// An Android sparse image leaves blocks as they are: what the device has there says nothing, and stays. Made from its
// description, and judged by Android's tool.
func TestCompareSparseHoles(t *testing.T) {
	u := newEMMC(t, 41)
	n := len(u.new) / 4096 * 4096
	u.old, u.new = u.old[:n], u.new[:n]
	clear(u.new[40*4096 : 60*4096])
	sparse := binary.LittleEndian.AppendUint32(nil, 0xED26FF3A)
	for _, v := range []uint16{1, 0, 28, 12} {
		sparse = binary.LittleEndian.AppendUint16(sparse, v)
	}
	for _, v := range []uint32{4096, uint32(n / 4096), 3, 0} {
		sparse = binary.LittleEndian.AppendUint32(sparse, v)
	}
	chunk := func(kind uint16, from, to int) {
		data := u.new[from*4096 : to*4096]
		if kind == 0xCAC3 {
			data = nil
		}
		sparse = binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(sparse, kind), 0)
		sparse = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(sparse, uint32(to-from)), uint32(12+len(data)))
		sparse = append(sparse, data...)
	}
	chunk(0xCAC1, 0, 40)
	chunk(0xCAC3, 40, 60)
	chunk(0xCAC1, 60, n/4096)
	u.inDir(t, "", "simg2img", u.file(t, "sparse", sparse), "written") // Android's tool takes it
	if !bytes.Equal(readFile(t, filepath.Join(u.dir, "written")), u.new) {
		t.Fatal("simg2img writes something else")
	}
	u.pack = filepath.Join(u.dir, "sparse")
	cut := 350_000
	copy(u.image[u.b:], u.new[:40*4096])
	copy(u.image[u.b+60*4096:], u.new[60*4096:cut])
	c := u.compareTo(t, nil)
	x := c.on(t, "rootfs_b")
	if x.Order != compare.Ascending || x.Bracket.From > int64(cut) || x.Bracket.To < int64(cut) {
		t.Errorf("%v %+v %+v", x.Order, x.Bracket, x.Bytes)
	}
	copy(u.new[40*4096:60*4096], u.old[40*4096:60*4096])
	u.finish(t, c)
}

// The earlier package, and a case from before the update, prove what is unchanged; slots may be named by hand.
func TestCompareProofs(t *testing.T) {
	u := newEMMC(t, 11)
	old := filepath.Join(u.dir, "old.img")
	must(t, os.WriteFile(old, u.old, 0o600))
	copy(u.image[u.b:], u.new[:77_777])
	c := u.compareTo(t, func(o *CompareOptions) { o.Earlier = old })
	holds(t, "earlier", c.on(t, "rootfs_b"), u.image[u.b:], u.old, u.new, 77_777)
	if got := c.on(t, "rootfs_b").Old; len(got) != 1 || got[0] != "the earlier package" {
		t.Errorf("the old content is of %q", got)
	}
	// An image whose own sums cover all of a partition: one changed byte, and it proves nothing.
	misc := u.image[6144*512:][:128*512]
	u.file(t, "content", bytes.Repeat([]byte("calibration "), 6000)[:len(misc)-64])
	u.inDir(t, "", "mkimage", "-A", "arm", "-O", "linux", "-T", "firmware", "-C", "none", "-n", "factory", "-d", "content", "whole")
	copy(misc, readFile(t, filepath.Join(u.dir, "whole")))
	if got := u.compareTo(t, nil).trace(t, "misc"); got != compare.Unchanged {
		t.Errorf("an image that is whole by its own sums: %s", got)
	}
	misc[5000]++
	if got := u.compareTo(t, nil).trace(t, "misc"); got != compare.NoTrace {
		t.Errorf("an image whose sum does not fit: %s", got)
	}
	c = u.compareTo(t, func(o *CompareOptions) { o.Slots = []string{"system_a=1", "system_b=rootfs_b", "mine=0x380000+64Ki"} })
	holds(t, "by hand", c.on(t, "system_b"), u.image[u.b:], u.old, u.new, 77_777)
	c.trace(t, "mine")
	for _, bad := range []string{"x", "=1", "x=99", "x=nothing", "x=0x1000000+1Mi"} {
		_, err := Compare(context.Background(), CompareOptions{Package: u.pack, Path: filepath.Join(u.dir, "now.img"), Slots: []string{bad}}, &listener{})
		if ExitOf(err) != 2 {
			t.Errorf("--slot %s: %v", bad, err)
		}
	}
}
