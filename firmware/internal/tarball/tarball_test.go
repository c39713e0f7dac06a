package tarball

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
)

// byTool makes an archive of files in one folder.
func byTool(t testing.TB, args []string, files map[string][]byte) []byte {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, p := range files {
		if err := os.WriteFile(filepath.Join(dir, "d", name), p, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("tar", append(append([]string{"--sort=name", "--owner=0", "--group=0", "--numeric-owner", "-cf", "-"}, args...), "d")...)
	cmd.Dir = dir
	p, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestMembers(t *testing.T) {
	long := strings.Repeat("n", 150)
	files := map[string][]byte{"a": firmwaretest.Noise(1000, 1), "b": nil, "c": firmwaretest.Noise(512, 2), long: []byte("x")}
	for _, args := range [][]string{{"--format=gnu"}, {"--format=pax"}} {
		p := byTool(t, args, files)
		a, err := Read(context.Background(), block.Bytes(p))
		if err != nil || a.Broken != nil || len(a.Members) != 5 {
			t.Fatalf("%v: %+v, %v", args, a, err)
		}
		for _, m := range a.Members {
			name := strings.TrimPrefix(m.Name, "d/")
			if m.Dir != (name == "") || m.File == m.Dir || m.File && !bytes.Equal(p[m.Data.Offset:m.Data.End()], files[name]) {
				t.Errorf("%v: %+v", args, m)
			}
		}
		for _, c := range a.Checks(context.Background(), block.Bytes(p)) {
			if c.State != firmware.Passed || strings.Contains(c.What, "header") && c.Strong != (c.Extent.Length == blockSize) {
				t.Errorf("%v: %+v", args, c)
			}
		}
	}
}

// TestCuts: an archive that ends before its zeros is never whole.
func TestCuts(t *testing.T) {
	p := byTool(t, nil, map[string][]byte{"a": firmwaretest.Noise(1000, 1), "b": firmwaretest.Noise(700, 1)})
	a, err := Read(context.Background(), block.Bytes(p))
	if err != nil {
		t.Fatal(err)
	}
	for n := range int(a.End) + 2*blockSize {
		src := block.Bytes(p[:n])
		a, err := Read(context.Background(), src)
		if err != nil {
			if !errors.Is(err, cursor.ErrNot) || n >= blockSize {
				t.Fatalf("%d: %v", n, err)
			}
			continue
		}
		failed := false
		for _, c := range a.Checks(context.Background(), src) {
			failed = failed || c.State == firmware.Failed
		}
		if !failed {
			t.Fatalf("cut to %d: %+v", n, a)
		}
	}
}

func TestOthers(t *testing.T) {
	for _, p := range [][]byte{nil, make([]byte, 4096), firmwaretest.Noise(4096, 1), []byte("d/")} {
		if _, err := Read(context.Background(), block.Bytes(p)); !errors.Is(err, cursor.ErrNot) {
			t.Errorf("%d bytes: %v", len(p), err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Read(ctx, block.Bytes(make([]byte, 4096))); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestSparse refuses members that are not stored as they are.
func TestSparse(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: "a", Size: 4, Mode: 0o600}); err != nil {
		t.Fatal(err)
	}
	w.Write([]byte("abcd"))
	w.Close()
	p := b.Bytes()
	p[156] = 'S'
	var sum int64
	copy(p[148:156], "        ")
	for _, c := range p[:512] {
		sum += int64(c)
	}
	copy(p[148:156], []byte{byte('0' + sum>>12&7), byte('0' + sum>>9&7), byte('0' + sum>>6&7), byte('0' + sum>>3&7), byte('0' + sum&7), 0, ' '})
	if a, err := Read(context.Background(), block.Bytes(p)); !errors.Is(err, cursor.ErrNot) {
		t.Errorf("%+v, %v", a, err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(byTool(f, nil, map[string][]byte{"a": []byte("abc"), "b": nil}))
	f.Add(byTool(f, []string{"--format=pax"}, map[string][]byte{strings.Repeat("n", 150): []byte("abc")}))
	f.Fuzz(func(t *testing.T, p []byte) {
		a, err := Read(context.Background(), block.Bytes(p))
		if err != nil {
			return
		}
		at := int64(0)
		for _, m := range a.Members {
			if m.Header.Offset != at || m.Data.Offset < m.Header.End() || m.Fill.Length < 0 || m.Fill.Length >= blockSize {
				t.Fatalf("%+v", m)
			}
			at = m.Fill.End()
		}
		a.Checks(context.Background(), block.Bytes(p))
	})
}
