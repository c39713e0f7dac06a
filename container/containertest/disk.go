package containertest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/container"
	"salvor/finding"
	"salvor/internal/need"
)

// Disk returns the content of a disk of size bytes, the same for each seed: runs of zeros, of one byte, of text, and of
// bytes that do not pack, from 4 KiB to 256 KiB each. Its last sector is not zero.
func Disk(size int, seed uint64) []byte {
	rnd := rand.New(rand.NewPCG(seed, 2026))
	disk := make([]byte, size)
	noise := make([]byte, 4096)
	for at := 0; at < size; {
		run := min(4096<<rnd.IntN(7), size-at)
		piece := disk[at : at+run]
		switch rnd.IntN(8) {
		case 0, 1, 2, 3:
		case 4:
			copy(piece, bytes.Repeat([]byte{byte(rnd.Uint32())}, run))
		case 5, 6:
			for i := 0; i < run; {
				i += copy(piece[i:], fmt.Sprintf("line at %d of disk %d\n", at+i, seed))
			}
		default:
			for i := range noise {
				noise[i] = byte(rnd.Uint32())
			}
			copy(piece, noise)
		}
		at += run
	}
	copy(disk[max(0, size-16):], "end of the disk.")
	return disk
}

// Folder holds the files of an image by their names.
type Folder map[string][]byte

// Open opens a file as an image opens its siblings.
func (f Folder) Open(name string) (block.Source, error) {
	if strings.ContainsAny(name, `/\:`) || name == ".." || name == "." || name == "" {
		return nil, container.ErrConfined
	}
	b, ok := f[name]
	if !ok {
		return nil, container.ErrNoSibling
	}
	return block.Bytes(b), nil
}

// Without returns the folder without a file.
func (f Folder) Without(name string) Folder {
	out := Folder{}
	for n, b := range f {
		if n != name {
			out[n] = b
		}
	}
	return out
}

// With returns the folder with another content of a file.
func (f Folder) With(name string, content []byte) Folder {
	out := f.Without(name)
	out[name] = content
	return out
}

// Fixtures reads files out of testdata, where they stand packed with gzip, under their names without ".gz".
func Fixtures(t testing.TB, names ...string) Folder {
	t.Helper()
	f := Folder{}
	for _, name := range names {
		packed, err := os.ReadFile(filepath.Join("testdata", name+".gz"))
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		if f[name], err = io.ReadAll(z); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// ReadFolder returns all files of a folder.
func ReadFolder(t testing.TB, dir string) Folder {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	f := Folder{}
	for _, e := range entries {
		if f[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// Tool runs a tool in a folder and returns what it printed. It needs that tool.
func Tool(t testing.TB, dir, name string, args ...string) string {
	t.Helper()
	cmd := need.Command(t, name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Write writes a file into a folder.
func Write(t testing.TB, dir, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Codes returns the codes of findings, in order.
func Codes(list []finding.Finding) (out []string) {
	for _, f := range list {
		out = append(out, f.Code)
	}
	return out
}
