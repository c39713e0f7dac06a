package host

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"salvor/block"
)

// A source that went away is taken up again when it is back, and nothing else in its place.
func TestStandby(t *testing.T) {
	path := filepath.Join(t.TempDir(), "disk.img")
	data := pattern(3 << 20)
	write := func(b []byte) {
		t.Helper()
		// Under another name first: what is half written is not there yet.
		if err := os.WriteFile(path+".tmp", b, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".tmp", path); err != nil {
			t.Fatal(err)
		}
	}
	write(data)
	opened, err := Open(t.Context(), path, OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	id, err := opened.Identity(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := NewStandby(opened, id, OpenOptions{})
	defer s.Close()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}

	var told []string
	words := make(chan string, 100)
	done := make(chan error, 1)
	swapped := errors.New("the middle is another one")
	check := func(src block.Source) error {
		p := make([]byte, 16)
		if _, err := src.ReadAt(p, 3<<19); err != nil || !bytes.Equal(p, data[3<<19:3<<19+16]) {
			return swapped
		}
		return nil
	}
	go func() { done <- s.Await(t.Context(), check, func(w string) { words <- w }) }()
	expect := func(part string) {
		t.Helper()
		select {
		case w := <-words:
			told = append(told, w)
			if !strings.Contains(w, part) {
				t.Fatalf("told %q, expected %q", w, part)
			}
		case err := <-done:
			t.Fatalf("it ended: %v after %q", err, told)
		case <-time.After(20 * time.Second):
			t.Fatalf("nothing was told after %q", told)
		}
	}
	expect("gone")
	other := bytes.Clone(data)
	other[5]++
	write(other)
	expect("its bytes at 0x0+0x100000 are other ones")
	other = bytes.Clone(data)
	other[len(data)-5]++
	write(other)
	expect("its bytes at 0x200000+0x100000 are other ones")
	write(data[:2<<20])
	expect("2097152 bytes")
	other = bytes.Clone(data)
	other[3<<19]++
	write(other)
	expect(swapped.Error())
	write(data)
	expect("is back")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	p := make([]byte, len(data))
	if _, err := s.ReadAt(p, 0); (err != nil && len(p) != len(data)) || !bytes.Equal(p, data) {
		t.Errorf("after it came back: %v", err)
	}
	n := 0
	s.ReadSteps(p, 0, 1<<20, func(got int, _ time.Duration, err error) {
		if n += got; err != nil {
			t.Error(err)
		}
	})
	if n != len(data) {
		t.Errorf("steps gave %d bytes", n)
	}

	ctx, cancel := context.WithCancel(t.Context())
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := s.Await(ctx, nil, func(string) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("ended: %v", err)
	}
}

func TestImageFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.img")
	i, err := OpenImageFile(path, ImageFileOptions{Size: 1 << 20, Preallocate: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := i.WriteAt([]byte("abc"), 1<<20-3); err != nil {
		t.Fatal(err)
	}
	for at := int64(0); at < 20<<20; at += 1 << 20 {
		if _, err := i.WriteAt(pattern(1<<20), at); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(i.Sync(), i.Close()); err != nil {
		t.Fatal(err)
	}
	if FileSize(path) != 20<<20 || FileSize(path+"x") != -1 || !SameFile(path, path) || SameFile(path, dir) {
		t.Error("sizes")
	}
	if _, err := OpenImageFile(dir, ImageFileOptions{}); err == nil {
		t.Error("a folder is no image")
	}
	if i, err = OpenImageFile(path, ImageFileOptions{Size: 100, Truncate: true, Synchronous: true}); err != nil || i.Size() != 100 {
		t.Fatal(err)
	}
	p := make([]byte, 200)
	if n, err := i.ReadAt(p, 50); n != 50 || err == nil {
		t.Errorf("%d, %v", n, err)
	}
	if err := i.Close(); err != nil {
		t.Fatal(err)
	}
}

// A file is replaced as a whole, and the one before stays as .bak.
func TestReplaceFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "map")
	put := func(text string, fail error) error {
		return ReplaceFile(path, true, func(w io.Writer) error {
			if _, err := w.Write([]byte(text)); err != nil {
				return err
			}
			return fail
		})
	}
	has := func(name, want string) {
		t.Helper()
		if b, err := os.ReadFile(name); (err != nil && want != "") || string(b) != want {
			t.Errorf("%s holds %q, %v; want %q", filepath.Base(name), b, err, want)
		}
	}
	if err := put("one", nil); err != nil {
		t.Fatal(err)
	}
	has(path, "one")
	has(path+".bak", "")
	if err := put("two", nil); err != nil {
		t.Fatal(err)
	}
	has(path, "two")
	has(path+".bak", "one")
	boom := errors.New("boom")
	if err := put("three", boom); !errors.Is(err, boom) {
		t.Errorf("%v", err)
	}
	has(path, "two")
	has(path+".bak", "one")
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 2 {
		t.Errorf("%v, %v", entries, err)
	}
}
