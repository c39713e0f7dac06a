package ubootenv

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware/firmwaretest"
	"salvor/firmware/internal/imagetest"
)

const variables = "BOOT_A_LEFT=3\nBOOT_B_LEFT=3\nBOOT_ORDER=A B\nbaudrate=115200\nboard_name=acme,router-3\nboard_rev=2\nbootcmd=run try; run other\nbootcount=0\nbootdelay=2\nupgrade_available=1\n"

// mkenvimage makes an environment with U-Boot's own tool.
func mkenvimage(t testing.TB, text string, size int, args ...string) []byte {
	t.Helper()
	return imagetest.Pipe(t, "", []byte(text), "mkenvimage", append(args, "-s", fmt.Sprint(size), "-o", "-", "-")...)
}

func TestRead(t *testing.T) {
	for _, size := range []int{0x200, 0x1000, 0x4000, 0x10000, 0x3FC0, 0x20000, 5000} {
		for _, args := range [][]string{nil, {"-r"}, {"-b"}, {"-r", "-b", "-p", "0"}} {
			p := mkenvimage(t, variables, size, args...)
			// What stands behind it is not its own.
			if size%grain == 0 {
				p = append(p, firmwaretest.Noise(3000, 1)...)
			}
			e, err := Read(block.Bytes(p))
			if err != nil || e.Size != int64(size) || !e.Sound || e.Redundant != slices.Contains(args, "-r") || e.BigEndian != slices.Contains(args, "-b") || len(e.Variables) != 10 {
				t.Errorf("%d %q: %+v %v", size, args, e, err)
			}
			if v, ok := e.Get("BOOT_ORDER"); !ok || v != "A B" {
				t.Errorf("%q", v)
			}
			if _, ok := e.Get("BOOT"); ok {
				t.Error("a variable that is not there")
			}
			var all strings.Builder
			for _, v := range e.Variables {
				all.WriteString(v.Name + "=" + v.Value + "\n")
			}
			if all.String() != variables {
				t.Errorf("%q", all.String())
			}
		}
	}
}

// TestTorn gives what stands in an environment whose sum does not fit, with an error.
func TestTorn(t *testing.T) {
	for _, args := range [][]string{nil, {"-r"}} {
		p := mkenvimage(t, variables, 0x4000, args...)
		i := bytes.Index(p, []byte("A B"))
		copy(p[i:], "B A")
		e, err := Read(block.Bytes(p))
		if _, broken := cursor.IsCorrupt(err); !broken || e.Sound || e.Size != 0 || len(e.Variables) != 10 || e.Redundant != (args != nil) {
			t.Errorf("%+v %v", e, err)
		}
		if v, _ := e.Get("BOOT_ORDER"); v != "B A" {
			t.Error(v)
		}
	}
	for _, p := range [][]byte{nil, make([]byte, 10), make([]byte, 4096), bytes.Repeat([]byte{0xFF}, 4096), firmwaretest.Noise(1<<16, 3), []byte(strings.Repeat("xxxxa=b\x00c=d\x00e=f\x00\x00", 20))} {
		if e, err := Read(block.Bytes(p)); !errors.Is(err, cursor.ErrNot) {
			t.Errorf("%+v %v", e, err)
		}
	}
}

// pair makes a device of two copies and the configuration by which the maker's tools find them.
type pair struct {
	device, config string
	size           int
}

func newPair(t testing.TB, size int) *pair {
	dir := t.TempDir()
	d := &pair{filepath.Join(dir, "device"), filepath.Join(dir, "fw_env.config"), size}
	d.put(t, append(mkenvimage(t, variables, size, "-r"), bytes.Repeat([]byte{0xFF}, size)...))
	if err := os.WriteFile(d.config, fmt.Appendf(nil, "%s 0x0 %#x\n%s %#x %#x\n", d.device, size, d.device, size, size), 0o600); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *pair) put(t testing.TB, p []byte) {
	t.Helper()
	if err := os.WriteFile(d.device, p, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (d *pair) get(t testing.TB) []byte {
	t.Helper()
	p, err := os.ReadFile(d.device)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// set writes a variable by the maker's tool, which changes the copy that is not in force.
func (d *pair) set(t testing.TB, name, value string) {
	t.Helper()
	imagetest.Pipe(t, "", nil, "fw_setenv", "-c", d.config, name, value)
}

// current returns the variables of the copy in force.
func current(t testing.TB, p []byte) (*Env, int) {
	t.Helper()
	copies, err := Copies(context.Background(), block.Bytes(p))
	if err != nil || len(copies) != 2 {
		t.Fatalf("%d copies: %v", len(copies), err)
	}
	c := Current(&copies[0].Env, &copies[1].Env)
	if c.Index < 0 {
		return nil, -1
	}
	return &copies[c.Index].Env, c.Index
}

// TestCurrent follows fw_setenv through many writings, over the number that begins again, and asks fw_printenv.
func TestCurrent(t *testing.T) {
	d := newPair(t, 0x2000)
	last := -1
	for i := range 12 {
		if i == 6 { // near the end of the numbers
			p := d.get(t)
			p[4], p[d.size+4] = 253, 254
			if _, in := current(t, p); in != 1 {
				t.Fatal(in)
			}
			d.put(t, p)
			last = 1
		}
		want := fmt.Sprint(i + 1) // one that is there already is not written
		d.set(t, "bootcount", want)
		e, in := current(t, d.get(t))
		if got, _ := e.Get("bootcount"); got != want || in == last {
			t.Errorf("writing %d: %q in copy %d", i, got, in)
		}
		if out := imagetest.Pipe(t, "", nil, "fw_printenv", "-c", d.config, "bootcount"); strings.TrimSpace(string(out)) != "bootcount="+want {
			t.Errorf("fw_printenv says %q", out)
		}
		last = in
	}
	// A writing that stopped: the other one is in force.
	p := d.get(t)
	_, in := current(t, p)
	copy(p[in*d.size+300:in*d.size+500], bytes.Repeat([]byte{0xFF}, 200))
	p[in*d.size+20] ^= 1
	if _, other := current(t, p); other != 1-in {
		t.Errorf("copy %d, torn was %d", other, in)
	}
}

func TestChoice(t *testing.T) {
	for _, tt := range []struct {
		a, b   Env
		want   int
		unsure bool
	}{
		{Env{}, Env{}, -1, false},
		{Env{Sound: true}, Env{}, 0, false},
		{Env{}, Env{Sound: true}, 1, false},
		{Env{Sound: true, Flag: 1}, Env{Sound: true, Flag: 0}, 0, false},
		{Env{Sound: true, Flag: 0}, Env{Sound: true, Flag: 1}, 1, false},
		{Env{Sound: true, Flag: 7}, Env{Sound: true, Flag: 8}, 1, false},
		{Env{Sound: true, Flag: 255}, Env{Sound: true, Flag: 0}, 1, true},
		{Env{Sound: true, Flag: 0}, Env{Sound: true, Flag: 255}, 0, true},
		{Env{Sound: true, Flag: 255}, Env{Sound: true, Flag: 254}, 0, false},
		{Env{Sound: true, Flag: 3, Sum: 1}, Env{Sound: true, Flag: 3, Sum: 2}, 0, true},
		{Env{Sound: true, Flag: 3, Sum: 1}, Env{Sound: true, Flag: 3, Sum: 1}, 0, false},
	} {
		if c := Current(&tt.a, &tt.b); c.Index != tt.want || c.Unsure != tt.unsure || c.Why == "" {
			t.Errorf("%+v %+v: %+v", tt.a, tt.b, c)
		}
	}
}

// TestPlaces finds the second copy behind the first, at the end of its erase block, and alone.
func TestPlaces(t *testing.T) {
	ctx := context.Background()
	one, two := mkenvimage(t, variables, 0x2000, "-r"), mkenvimage(t, variables+"more=1\n", 0x2000, "-r")
	for _, at := range []int{0x2000, 0x10000, 0x20000, 0x100000} {
		p := bytes.Repeat([]byte{0xFF}, at+0x20000)
		copy(p, one)
		copy(p[at:], two)
		copies, err := Copies(ctx, block.Bytes(p))
		if err != nil || len(copies) != 2 || copies[1].Offset != int64(at) || len(copies[1].Variables) != 11 {
			t.Errorf("%#x: %d copies, %v", at, len(copies), err)
		}
		copy(p, bytes.Repeat([]byte{0xFF}, 0x2000))
		if copies, err = Copies(ctx, block.Bytes(p)); err != nil || len(copies) != 1 || copies[0].Offset != int64(at) {
			t.Errorf("%#x alone: %d copies, %v", at, len(copies), err)
		}
	}
	if copies, err := Copies(ctx, block.Bytes(one)); err != nil || len(copies) != 1 {
		t.Errorf("%d copies, %v", len(copies), err)
	}
	if _, err := Copies(ctx, block.Bytes(make([]byte, 1<<20))); !errors.Is(err, cursor.ErrNot) {
		t.Error(err)
	}
}

// reseal puts a sum over a changed environment.
func reseal(p []byte) []byte {
	binary.LittleEndian.PutUint32(p, crc32.ChecksumIEEE(p[4:]))
	return p
}

// TestHostile reads lists that cannot be, under a sum that fits.
func TestHostile(t *testing.T) {
	for _, text := range []string{"=x\x00", "a\x00", "a=\xff\xfe\x00", strings.Repeat("n", 300) + "=1\x00", "a b=c\x00", strings.Repeat("a=b", 40)} {
		p := make([]byte, 128)
		copy(p[4:], text)
		if e, err := Read(block.Bytes(reseal(p))); err == nil && len(e.Variables) > 0 && text != strings.Repeat("a=b", 40) {
			t.Errorf("%q: %+v", text, e)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(mkenvimage(f, variables, 0x400))
	f.Add(append(mkenvimage(f, variables, 0x400, "-r"), mkenvimage(f, variables, 0x400, "-r", "-b")...))
	f.Fuzz(func(t *testing.T, p []byte) {
		e, err := Read(block.Bytes(p))
		if err == nil && (!e.Sound || e.Size > int64(len(p))) || e.ListEnd > int64(len(p)) {
			t.Fatalf("%+v", e)
		}
		firmwaretest.Open(t, p, nil, Format())
	})
}
