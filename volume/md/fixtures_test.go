package md

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"salvor/block"
	"salvor/volume"
)

// truth is what the kernel read of an array.
type truth struct {
	size int64
	sum  string
}

// truths reads testdata/truth.txt.
func truths(t *testing.T) map[string]truth {
	t.Helper()
	f, err := os.Open("testdata/truth.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := map[string]truth{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var name string
		var v truth
		if _, err := fmt.Sscan(lines.Text(), &name, &v.size, &v.sum); err != nil {
			t.Fatal(err)
		}
		out[name] = v
	}
	return out
}

// scenarios returns the names of all fixtures.
func scenarios(t *testing.T) []string {
	t.Helper()
	list, err := filepath.Glob("testdata/*.tar.zst")
	if err != nil || len(list) < 50 {
		t.Fatalf("%d fixtures, %v", len(list), err)
	}
	for i, f := range list {
		list[i] = strings.TrimSuffix(filepath.Base(f), ".tar.zst")
	}
	return list
}

// disks unpacks the disks of a fixture, in the order of their names.
func disks(t testing.TB, name string) [][]byte {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name+".tar.zst"))
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

// put finds the members on all sources and puts them together.
func put(t testing.TB, sources ...block.Source) ([]volume.Member, []volume.Set) {
	t.Helper()
	var all []volume.Member
	for _, src := range sources {
		m, err := Stack().Members(t.Context(), src, nil)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m...)
	}
	sets, err := Stack().Assemble(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	return all, sets
}

func sourcesOf(disks [][]byte) []block.Source {
	var out []block.Source
	for _, d := range disks {
		out = append(out, block.Bytes(d))
	}
	return out
}

// content reads all of a source.
func content(t testing.TB, src block.Source) []byte {
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

func sum(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }

// one returns the volume of the only set.
func one(t testing.TB, sets []volume.Set) (volume.Set, volume.Logical) {
	t.Helper()
	if len(sets) != 1 || len(sets[0].Volumes) != 1 {
		t.Fatalf("%d sets: %+v", len(sets), sets)
	}
	return sets[0], sets[0].Volumes[0]
}

// checkPlaces holds the places of a volume against its bytes.
func checkPlaces(t testing.TB, members []volume.Member, src block.Source, want []byte) (computed int64) {
	t.Helper()
	at := int64(0)
	for _, p := range src.(volume.Placer).Places(block.Extent{Length: src.Size()}) {
		if p.Logical != at {
			t.Fatalf("a place at %#x, expected the next at %#x", p.Logical, at)
		}
		at += p.Length
		if p.Computed {
			computed += p.Length
			continue
		}
		b := make([]byte, p.Length)
		if _, err := members[p.Member].Source.ReadAt(b, p.Physical); err != nil || !bytes.Equal(b, want[p.Logical:at]) {
			t.Fatalf("%+v does not lead to the bytes (%v)", p, err)
		}
	}
	if at != src.Size() {
		t.Fatalf("the places end at %#x of %#x", at, src.Size())
	}
	return computed
}
