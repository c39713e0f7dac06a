package casefile

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"salvor/host"
)

// TestImageParts keeps a copy in parts where the target takes no larger files, and reads it as one.
func TestImageParts(t *testing.T) {
	const limit, unit = 5<<20 + 17, 5 << 20
	dir := filepath.Join(t.TempDir(), "case")
	c, err := Open(dir, Writer, Options{Program: "test", MaxFile: limit})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const size = 2*unit + 1234
	i, err := c.OpenImage(1, size)
	if err != nil {
		t.Fatal(err)
	}
	want := make([]byte, size)
	for at := 0; at < size; at += 3 << 20 { // over the borders of parts
		n := min(2<<20, size-at)
		for k := range n {
			want[at+k] = byte(k%251 + at)
		}
		if m, err := i.WriteAt(want[at:at+n], int64(at)); m != n || err != nil {
			t.Fatal(m, err)
		}
	}
	if err := errors.Join(i.Sync(), i.Close()); err != nil {
		t.Fatal(err)
	}
	if got := filepath.Base(c.ImagePath(1)); got != "1.001" {
		t.Errorf("the copy is at %s", got)
	}
	for name, n := range map[string]int64{"1.001": unit, "1.002": unit, "1.003": 1234} {
		if st, err := os.Stat(filepath.Join(dir, "image", name)); err != nil || st.Size() != n {
			t.Errorf("%s: %v, %v, want %d bytes", name, st, err, n)
		}
	}
	check := func() {
		t.Helper()
		o, err := host.Open(context.Background(), c.ImagePath(1), host.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer o.Close()
		got := make([]byte, o.Size)
		if n, _ := o.Source.ReadAt(got, 0); n != size || !bytes.Equal(got, want) {
			t.Errorf("%d bytes, the same %v", n, bytes.Equal(got, want))
		}
	}
	check()

	// Opened again, also by a program that knows no limit, it stays in its parts.
	c.o.MaxFile = 0
	if i, err = c.OpenImage(1, size); err != nil {
		t.Fatal(err)
	}
	want[unit] ^= 0xff
	if _, err := i.WriteAt(want[unit:unit+1], unit); err != nil {
		t.Fatal(err)
	}
	i.Close()
	check()

	// A small one is one file.
	c.o.MaxFile = limit
	if i, err = c.OpenImage(2, limit); err != nil {
		t.Fatal(err)
	}
	i.Close()
	if got := filepath.Base(c.ImagePath(2)); got != "2.img" {
		t.Errorf("the small copy is at %s", got)
	}
}

// TestNewImage makes copies that grow.
func TestNewImage(t *testing.T) {
	const limit = 2 << 20
	for _, tc := range []struct {
		name  string
		limit int64
		size  int64
		files []string
	}{
		{"no limit", 0, 5 << 20, []string{"1.img"}},
		{"small", limit, 1 << 20, []string{"1.img"}},
		{"at the limit", limit, limit, []string{"1.img"}},
		{"three parts", limit, 5 << 20, []string{"1.001", "1.002", "1.003"}},
		{"a hole at the end", limit, 7 << 20, []string{"1.001", "1.002", "1.003", "1.004"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "case")
			c, err := Open(dir, Writer, Options{Program: "test", MaxFile: tc.limit})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			var want []byte
			for round := range 2 { // the second replaces what a killed run left
				i, err := c.NewImage(1)
				if err != nil {
					t.Fatal(err)
				}
				want = make([]byte, tc.size)
				written := min(tc.size, 5<<20)
				for k := range written {
					want[k] = byte(k>>8) + byte(round)
				}
				if _, err := i.WriteAt(want[:written], 0); err != nil {
					t.Fatal(err)
				}
				if round == 0 {
					i.Close() // killed
					continue
				}
				if err := errors.Join(i.Finish(tc.size), i.Close()); err != nil {
					t.Fatal(err)
				}
			}
			entries, err := os.ReadDir(filepath.Join(dir, "image"))
			if err != nil || len(entries) != len(tc.files) {
				t.Fatalf("%v, %v, want %v", entries, err, tc.files)
			}
			var got []byte
			for i, e := range entries {
				if e.Name() != tc.files[i] {
					t.Errorf("%s, want %s", e.Name(), tc.files[i])
				}
				p, err := os.ReadFile(filepath.Join(dir, "image", e.Name()))
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, p...)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%d bytes, want %d", len(got), len(want))
			}
		})
	}
}

func TestImageForReaders(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "case")
	c, err := Open(dir, Writer, Options{Program: "test"})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if c, err = Open(dir, Reader, Options{Program: "test"}); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.NewImage(1); !errors.Is(err, ErrReadOnly) {
		t.Error(err)
	}
	if _, err := c.OpenImage(1, 1); !errors.Is(err, ErrReadOnly) {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "image")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a reader made the folder for copies")
	}
}
