//go:build linux

package rescue

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/compare"
	"salvor/firmware"
	"salvor/internal/need"
)

const (
	norErase = 64 << 10
	envAt    = 256 << 10
	kernelA  = 384 << 10
	kernelB  = 896 << 10
	ubiAt    = 1408 << 10
)

// newNOR makes a NOR flash: a boot loader, U-Boot's environment with mtdparts and RAUC's variables, two slots of a kernel as
// raw partitions, and UBI with two slots of a root file system, of which the second holds what ubinize is given.
func newNOR(t *testing.T, seed uint64, order string, second []byte) *updated {
	t.Helper()
	need.Tools(t, "mkenvimage", "ubinize")
	u := &updated{dir: t.TempDir(), rnd: rand.New(rand.NewPCG(seed, 9)), a: kernelA, b: kernelB}
	u.image = bytes.Repeat([]byte{0xFF}, 8<<20)
	for i := range 200_000 {
		u.image[i] = byte(u.rnd.Uint32())
	}
	file := func(name, text string) string {
		p := filepath.Join(u.dir, name)
		must(t, os.WriteFile(p, []byte(text), 0o600))
		return p
	}
	env := filepath.Join(u.dir, "env")
	tool(t, "mkenvimage", "-s", "65536", "-o", env, file("txt", "bootcmd=run rauc\nBOOT_ORDER="+order+"\nBOOT_A_LEFT=3\nBOOT_B_LEFT=3\n"+
		"mtdparts=mtdparts=spi0:256k(u-boot),64k(u-boot-env),64k(factory),512k(kernel_a),512k(kernel_b),-(ubi)\n"))
	copy(u.image[envAt:], readFile(t, env))
	u.old, u.new = firmwareOf(u.rnd)
	u.old, u.new = u.old[:400_000], u.new[:400_000]
	copy(u.image[kernelA:], u.old)
	copy(u.image[kernelB:], u.old)
	rootA := file("root_a", string(u.old))
	rootB := file("root_b", string(second))
	data := file("root_data", strings.Repeat("settings of the device\n", 3000))
	ini := ""
	for i, v := range []struct{ name, file string }{{"rootfs_a", rootA}, {"rootfs_b", rootB}, {"data", data}} {
		ini += fmt.Sprintf("[%s]\nmode=ubi\nimage=%s\nvol_id=%d\nvol_type=dynamic\nvol_name=%s\nvol_size=983040\n", v.name, v.file, i, v.name)
	}
	out := filepath.Join(u.dir, "ubi.img")
	tool(t, "ubinize", "-Q", "1", "-o", out, "-p", fmt.Sprint(norErase), "-m", "1", file("ini", ini))
	copy(u.image[ubiAt:], readFile(t, out))
	u.packed(t, u.new)
	return u
}

// writeNOR erases block after block and writes the package up to a byte.
func (u *updated) writeNOR(cut int) {
	for at := 0; at < cut; at += norErase {
		copy(u.image[u.b+at:u.b+at+norErase], bytes.Repeat([]byte{0xFF}, norErase))
		copy(u.image[u.b+at:], u.new[at:min(at+norErase, cut)])
	}
}

// A raw slot of a NOR flash, with erase blocks; the volumes of UBI have no trace, and the environment says what starts.
func TestCompareNOR(t *testing.T) {
	t.Parallel()
	for seed := range uint64(cuts()) {
		u := newNOR(t, seed, []string{"A B", "B A"}[seed%2], []byte{1})
		cut := 1 + u.rnd.IntN(len(u.new)-1)
		u.writeNOR(cut)
		c := u.compareTo(t, nil)
		name := fmt.Sprintf("seed %d cut %d", seed, cut)
		holds(t, name, c.on(t, "kernel_b"), u.image[u.b:], u.old, u.new, cut)
		for _, region := range []string{"u-boot", "factory", "data"} {
			if got := c.trace(t, region); got != compare.NoTrace {
				t.Errorf("%s: %s is %s", name, region, got)
			}
		}
		if code := []string{"compare.boot.not-switched", "compare.boot.switched"}[seed%2]; !c.told(code) && c.on(t, "kernel_b").Bytes[compare.New] > 0 {
			t.Errorf("%s: %s is not told: %v", name, code, c.Findings)
		}
		if seed < 2 {
			u.finish(t, c)
		}
	}
}

// A volume of UBI whose update was cut: blocks of it that were not written are on no erase block.
func TestCompareUBI(t *testing.T) {
	t.Parallel()
	for seed := range uint64(cuts()) {
		rnd := rand.New(rand.NewPCG(seed, 9))
		for range 200_000 {
			rnd.Uint32()
		}
		_, next := firmwareOf(rnd)
		cut := 1 + int(seed*7919*31)%(len(next[:400_000])-1)
		u := newNOR(t, seed, "A B", next[:cut])
		if !bytes.Equal(u.new, next[:400_000]) {
			t.Fatal("the model of the flash is another one")
		}
		// The kernels are of another update, so that only the volumes are meant.
		for i := range 1 << 20 {
			u.image[kernelA+i] = byte(u.rnd.Uint32())
		}
		c := u.compareTo(t, nil)
		name := fmt.Sprintf("seed %d cut %d", seed, cut)
		x := c.on(t, "rootfs_b")
		now := append(bytes.Clone(next[:cut]), bytes.Repeat([]byte{0xFF}, len(u.new)-cut)...)
		holds(t, name, x, now, u.old, u.new, cut)
		if got := c.trace(t, "data"); got != compare.NoTrace {
			t.Errorf("%s: data is %s", name, got)
		}
		if seed < 3 {
			u.finishVolume(t, name)
		}
	}
}

// finishVolume makes the finished image, in which the volume gets erase blocks; another reader of UBI judges it.
func (u *updated) finishVolume(t *testing.T, name string) {
	t.Helper()
	out := filepath.Join(u.dir, "finished.img")
	u.compareTo(t, func(o *CompareOptions) { o.Finish = out })
	p, err := openPackage(context.Background(), u.file(t, "ubi.finished", readFile(t, out)[ubiAt:]))
	must(t, err)
	defer p.close()
	found := false
	p.part.Walk(func(x *firmware.Part, _ int) bool {
		for _, c := range x.Checks {
			if c.State == firmware.Failed {
				t.Errorf("%s: %s of %s: %s, found %s", name, c.What, x.Name, c.Expected, c.Found)
			}
		}
		if x.Name != "rootfs_b" || x.Source == nil {
			return true
		}
		found = true
		same, err := equalSources(block.Bytes(u.new), x.Source, int64(len(u.new)))
		if err != nil || !same {
			t.Errorf("%s: the finished volume has other bytes: %v", name, err)
		}
		return true
	})
	if !found || p.part.Format != "ubi" {
		t.Errorf("%s: the finished image is %q, without the volume", name, p.part.Format)
	}
	must(t, os.Remove(out))
}
