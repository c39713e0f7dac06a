package cpio

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
	"salvor/internal/need"
)

// byTool makes an archive of files, in this order.
func byTool(t testing.TB, form string, names []string, files map[string][]byte) []byte {
	t.Helper()
	program := need.Tool(t, "cpio")
	dir := t.TempDir()
	for name, p := range files {
		if err := errors.Join(os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755), os.WriteFile(filepath.Join(dir, name), p, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(program, "--quiet", "-o", "-H", form)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(strings.Join(names, "\n")+"\n")
	p, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func sample() ([]string, map[string][]byte) {
	return []string{"d", "d/a", "b", "empty"}, map[string][]byte{"d/a": firmwaretest.Noise(1001, 1), "b": firmwaretest.Noise(700, 2), "empty": nil}
}

func TestMembers(t *testing.T) {
	names, files := sample()
	for _, form := range []string{"newc", "crc"} {
		p := byTool(t, form, names, files)
		a, err := Read(context.Background(), block.Bytes(p))
		if err != nil || a.Broken != nil || len(a.Members) != len(names) {
			t.Fatalf("%s: %+v, %v", form, a, err)
		}
		for i, m := range a.Members {
			if m.Name != names[i] || m.Dir != (m.Name == "d") || m.File == m.Dir || m.Summed != (form == "crc" && m.File) || m.File && !bytes.Equal(p[m.Data.Offset:m.Data.End()], files[m.Name]) {
				t.Errorf("%s: %+v", form, m)
			}
		}
		for _, c := range a.Checks(context.Background(), block.Bytes(p)) {
			if c.State != firmware.Passed || !c.Strong && !strings.HasPrefix(c.What, "header") {
				t.Errorf("%s: %+v", form, c)
			}
		}
		if name, err := Look(block.Bytes(p)); err != nil || name != "d" {
			t.Errorf("%q, %v", name, err)
		}
	}
}

// failed reports whether an archive fails a check, or reads otherwise than it should.
func failed(p []byte, want *Archive) bool {
	a, err := Read(context.Background(), block.Bytes(p))
	if err != nil || a.Broken != nil || len(a.Members) != len(want.Members) {
		return true
	}
	for i, m := range a.Members {
		if m != want.Members[i] {
			return true
		}
	}
	for _, c := range a.Checks(context.Background(), block.Bytes(p)) {
		if c.State != firmware.Passed {
			return true
		}
	}
	return false
}

// TestFlips changes every byte: it is unused, or seen. The case of a hex digit has no meaning.
func TestFlips(t *testing.T) {
	names, files := sample()
	p := byTool(t, "crc", names, files)
	want, err := Read(context.Background(), block.Bytes(p))
	if err != nil {
		t.Fatal(err)
	}
	unused := want.Unused()
	if unused.Bytes() > 500 {
		t.Errorf("%d bytes are unused", unused.Bytes())
	}
	for at := range p {
		if unused.Has(int64(at)) {
			continue
		}
		q := bytes.Clone(p)
		if q[at] ^= 1 << (at % 8); strings.EqualFold(string(q[at]), string(p[at])) {
			continue
		}
		if !failed(q, want) {
			t.Errorf("byte %d of %d: %q for %q is not seen", at, len(p), q[at], p[at])
		}
	}
}

func TestCuts(t *testing.T) {
	names, files := sample()
	p := byTool(t, "newc", names, files)
	want, err := Read(context.Background(), block.Bytes(p))
	if err != nil {
		t.Fatal(err)
	}
	for n := range int(want.End) {
		if !failed(p[:n], want) {
			t.Fatalf("cut to %d of %d is not seen", n, want.End)
		}
	}
}

func TestNot(t *testing.T) {
	for _, p := range [][]byte{nil, make([]byte, 4096), firmwaretest.Noise(4096, 1), []byte("070701"), append([]byte("070702"), bytes.Repeat([]byte("g"), 200)...)} {
		if _, err := Read(context.Background(), block.Bytes(p)); !errors.Is(err, cursor.ErrNot) {
			t.Errorf("%q: %v", p[:min(8, len(p))], err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Read(ctx, block.Bytes(nil)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func FuzzRead(f *testing.F) {
	names, files := sample()
	f.Add(byTool(f, "crc", names, files))
	p := byTool(f, "newc", names, files)
	rnd := rand.New(rand.NewPCG(2, 2))
	for range 20 {
		q := bytes.Clone(p)
		q[rnd.IntN(len(q))] = byte(rnd.Uint32())
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		a, err := Read(context.Background(), block.Bytes(p))
		if err != nil {
			return
		}
		at := int64(0)
		for _, m := range a.Members {
			if m.Header.Offset != at || m.Data.Offset != m.Header.End() || m.Fill.Length > 3 {
				t.Fatalf("%+v", m)
			}
			at = m.Fill.End()
		}
		a.Checks(context.Background(), block.Bytes(p))
		a.Unused()
	})
}
