// Package stacktest holds what the tests of all stacks need: fixtures of several disks, and checks of what a stack makes
// of them.
//
// Nothing here is used outside of tests.
package stacktest

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sort"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"salvor/block"
	"salvor/block/probe"
	"salvor/volume"
)

// Disks unpacks the disks of the fixture NAME.tar.zst, in the order of their names.
func Disks(t testing.TB, folder fs.FS, name string) [][]byte {
	t.Helper()
	f, err := folder.Open(name + ".tar.zst")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := zstd.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	found := map[string][]byte{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		b := make([]byte, h.Size)
		if _, err := io.ReadFull(r, b); err != nil {
			t.Fatal(err)
		}
		found[h.Name] = b
	}
	names := make([]string, 0, len(found))
	for n := range found {
		names = append(names, n)
	}
	sort.Strings(names)
	out := make([][]byte, len(names))
	for i, n := range names {
		out[i] = found[n]
	}
	return out
}

// Truth is what the kernel read of a volume.
type Truth struct {
	Size int64
	Sum  string // SHA-256
}

// Truths reads truth.txt: lines of names, a size and a sum. Its keys are the names, with a blank between them.
func Truths(t testing.TB, folder fs.FS) map[string]Truth {
	t.Helper()
	f, err := folder.Open("truth.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := map[string]Truth{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) < 3 {
			t.Fatalf("truth.txt: %q", lines.Text())
		}
		last := len(words) - 2
		var v Truth
		if _, err := fmt.Sscan(words[last], &v.Size); err != nil {
			t.Fatal(err)
		}
		v.Sum = words[last+1]
		out[strings.Join(words[:last], " ")] = v
	}
	return out
}

// Sources returns a source for each disk.
func Sources(disks [][]byte) []block.Source {
	var out []block.Source
	for _, d := range disks {
		out = append(out, block.Bytes(d))
	}
	return out
}

// Put finds the members on all sources and puts them together.
func Put(t testing.TB, stack volume.Stack, sources ...block.Source) ([]volume.Member, []volume.Set) {
	t.Helper()
	var all []volume.Member
	for _, src := range sources {
		m, err := stack.Members(t.Context(), src, nil)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m...)
	}
	sets, err := stack.Assemble(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	return all, sets
}

// Content reads all of a source.
func Content(t testing.TB, src block.Source) []byte {
	t.Helper()
	if src == nil {
		t.Fatal("no source")
	}
	b := make([]byte, src.Size())
	if n, err := src.ReadAt(b, 0); n < len(b) {
		t.Fatalf("%d of %d bytes: %v", n, len(b), err)
	}
	return b
}

// Sum returns the SHA-256 of b.
func Sum(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }

// Lost returns what a source knows to be unreadable.
func Lost(src block.Source) block.Set {
	var out block.Set
	for _, u := range block.UnreadableIn(src, block.Extent{Length: src.Size()}) {
		out.Add(u.Extent)
	}
	return out
}

// CheckPlaces holds the places of a volume, of which want is the content, against the bytes of the members. Bytes without
// a place must be zeros or lost. It returns how many bytes are computed, and how many have no place.
func CheckPlaces(t testing.TB, members []volume.Member, src block.Source, want []byte) (computed, nowhere int64) {
	t.Helper()
	lost := Lost(src)
	at := int64(0)
	gap := func(e block.Extent) {
		nowhere += e.Length
		if e.Length > 0 && lost.Within(e).Empty() && len(bytes.Trim(want[e.Offset:e.End()], "\x00")) > 0 {
			t.Fatalf("%v has bytes and no place", e)
		}
	}
	for _, p := range src.(volume.Placer).Places(block.Extent{Length: src.Size()}) {
		if p.Logical < at || p.Length <= 0 {
			t.Fatalf("a place at %#x, behind %#x", p.Logical, at)
		}
		gap(block.Between(at, p.Logical))
		at = p.Logical + p.Length
		if p.Computed {
			computed += p.Length
			continue
		}
		b := make([]byte, p.Length)
		if _, err := members[p.Member].Source.ReadAt(b, p.Physical); err != nil || !bytes.Equal(b, want[p.Logical:at]) {
			t.Fatalf("%+v does not lead to the bytes (%v)", p, err)
		}
	}
	gap(block.Between(at, src.Size()))
	return computed, nowhere
}

// Hits are the places where a probe of the stack matches.
func Hits(stack volume.Stack, b []byte) []probe.Hit {
	var out []probe.Hit
	for at := 0; at+512 <= len(b); at += 512 {
		for _, p := range stack.Probes {
			if p.Matches(b[at+int(p.At):]) {
				out = append(out, probe.Hit{ID: p.ID, Offset: int64(at)})
			}
		}
	}
	return out
}

// Count returns how many findings have the code.
func Count(s volume.Set, code string) int {
	n := 0
	for _, f := range s.Findings {
		if f.Code == code {
			n++
		}
	}
	for _, v := range s.Volumes {
		for _, f := range v.Findings {
			if f.Code == code {
				n++
			}
		}
	}
	return n
}
