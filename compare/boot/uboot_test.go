package boot

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"

	"salvor/block"
	"salvor/internal/need"
)

// tool runs a maker's tool; where it is missing the test is skipped, and fails where everything must run.
func tool(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := need.Command(t, name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v: %s", name, args, err, out)
	}
}

func file(t testing.TB, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func find(t *testing.T, in Input) []Choice {
	t.Helper()
	list, err := Find(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func (c *Choice) value(name string) (string, int64) {
	i := slices.IndexFunc(c.Counters, func(x Counter) bool { return x.Name == name })
	if i < 0 {
		return "", -2
	}
	return c.Counters[i].Value, c.Counters[i].Offset
}

const raucEnv = "bootdelay=2\nBOOT_ORDER=B A\nBOOT_A_LEFT=3\nBOOT_B_LEFT=2\nupgrade_available=1\nbootcount=1\nbootlimit=3\n"

func TestMkenvimage(t *testing.T) {
	for _, size := range []int{0x1000, 0x2000, 0x4000, 0x10000, 0x20000} {
		for _, redundant := range []bool{false, true} {
			dir := t.TempDir()
			args := []string{"-s", fmt.Sprint(size), "-o", filepath.Join(dir, "env")}
			if redundant {
				args = append(args, "-r")
			}
			tool(t, "mkenvimage", append(args, file(t, dir, "txt", raucEnv))...)
			env := read(t, filepath.Join(dir, "env"))
			flash := append(bytes.Repeat([]byte{0xFF}, 0x40000), env...)
			flash = append(flash, bytes.Repeat([]byte{0xFF}, 0x10000)...)
			list := find(t, Input{Areas: []Area{{Name: "raw", Loose: true, Source: block.Bytes(flash)}}})
			if len(list) != 1 || list[0].Next != "B" || list[0].Offset != 0x40000 || !list[0].Trial {
				t.Fatalf("size %d: %+v", size, list)
			}
			v, at := list[0].value("BOOT_B_LEFT")
			if want := "BOOT_B_LEFT=2"; v != "2" || string(flash[at:at+int64(len(want))]) != want {
				t.Errorf("%s at %d: %q", v, at, flash[at:at+13])
			}
			// A flipped bit, and it is no environment any more.
			flash[0x40000+100] ^= 4
			if list := find(t, Input{Areas: []Area{{Name: "raw", Loose: true, Source: block.Bytes(flash)}}}); len(list) > 0 {
				t.Errorf("a broken environment is told: %+v", list)
			}
		}
	}
}

// fw_setenv writes the copies in turn: the newer one counts.
func TestSetenv(t *testing.T) {
	dir := t.TempDir()
	image := filepath.Join(dir, "env.img")
	const size, second = 0x4000, 0x8000
	tool(t, "mkenvimage", "-r", "-s", fmt.Sprint(size), "-o", filepath.Join(dir, "one"), file(t, dir, "txt", "BOOT_ORDER=A B\nBOOT_A_LEFT=3\nBOOT_B_LEFT=3\n"))
	one := read(t, filepath.Join(dir, "one"))
	flash := make([]byte, 0x10000)
	copy(flash, one)
	copy(flash[second:], one)
	if err := os.WriteFile(image, flash, 0o600); err != nil {
		t.Fatal(err)
	}
	config := file(t, dir, "fw_env.config", fmt.Sprintf("%s 0x0 0x%x\n%s 0x%x 0x%x\n", image, size, image, second, size))
	want := []string{"A", "B"}
	for n := range 6 {
		next := want[(n+1)%2]
		tool(t, "fw_setenv", "-c", config, "BOOT_ORDER", next+" "+want[n%2])
		list := find(t, Input{Areas: []Area{{Name: "u-boot-env", Source: block.Bytes(read(t, image))}}})
		if len(list) != 2 || list[0].Next != next || list[1].Next != "" {
			t.Fatalf("write %d, want %s: %+v", n, next, list)
		}
	}
	// The copy that counts is torn: the other one says what happens.
	flash = read(t, image)
	list := find(t, Input{Areas: []Area{{Name: "env", Source: block.Bytes(flash)}}})
	flash[list[0].Offset+50] ^= 1
	before := list[0].Next
	list = find(t, Input{Areas: []Area{{Name: "env", Source: block.Bytes(flash)}}})
	if len(list) == 0 || list[0].Next == before || list[0].Next == "" || len(list) > 1 && list[1].Next != "" {
		t.Errorf("one copy is torn: %+v", list)
	}
	// No left: the next in order.
	tool(t, "fw_setenv", "-c", config, "BOOT_A_LEFT", "0")
	tool(t, "fw_setenv", "-c", config, "BOOT_ORDER", "A B")
	if list = find(t, Input{Areas: []Area{{Name: "env", Source: block.Bytes(read(t, image))}}}); list[0].Next != "B" {
		t.Errorf("A has no start left: %+v", list)
	}
}

func TestCountersOfLoaders(t *testing.T) {
	for _, c := range []struct {
		text, next, pending string
		trial               bool
	}{
		{"mender_boot_part=3\nupgrade_available=1\nbootcount=0\nbootlimit=1\n", "3", "an update is on trial: it is not confirmed yet", true},
		{"mender_boot_part=2\nupgrade_available=1\nbootcount=2\nbootlimit=1\n", "2", "the update on trial failed 2 times, which is more than 1: the loader goes back", true},
		{"mender_boot_part=2\nupgrade_available=0\n", "2", "", false},
		{"ustate=1\nroot=x\n", "", "an update was installed and not started yet", true},
		{"ustate=3\nrootpart=2\n", "2", "", false},
		{"slot_suffix=_b\n", "_b", "", false},
		{"BOOT_ORDER=A B\nBOOT_A_LEFT=0\nBOOT_B_LEFT=0\n", "", "", false},
	} {
		dir := t.TempDir()
		tool(t, "mkenvimage", "-s", "8192", "-o", filepath.Join(dir, "uboot.env"), file(t, dir, "txt", c.text))
		env := read(t, filepath.Join(dir, "uboot.env"))
		v := Volume{Name: "boot", FS: fstest.MapFS{"uboot.env": {Data: env}}, Place: func(string) int64 { return 1000 }}
		list := find(t, Input{Volumes: []Volume{v}})
		if len(list) != 1 || list[0].Next != c.next || list[0].Pending != c.pending || list[0].Trial != c.trial || list[0].Offset != 1000 {
			t.Errorf("%q: %+v", c.text, list)
		}
	}
}

// Random bytes, and texts, are no environment.
func TestNoEnvironment(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, 1<<20)
	for i := range b {
		b[i] = "abc=\x00\n 1"[r.IntN(8)]
	}
	if list := find(t, Input{Areas: []Area{{Name: "env", Loose: true, Source: block.Bytes(b)}}}); len(list) > 0 {
		t.Errorf("%+v", list)
	}
}

func FuzzEnvironment(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x00a=b\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) { _, _ = readEnvironment(b, 0) })
}
