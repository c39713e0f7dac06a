package ntfs

import (
	"bytes"
	"crypto/md5"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filesystem"
)

// The volume of util-linux's tests, as blkid reads it.
func TestUtilLinux(t *testing.T) {
	info := mustOpen(t, readImage(t, "util-linux/ntfs.img.gz")).Info()
	if info.Label != "Новый том" || info.UUID != "09CBB6DE30C87310" || info.Size != 10<<20 || info.State != filesystem.Clean {
		t.Errorf("%+v", info)
	}
}

// Windows made this one: a disk with a partition of clusters of 2 KiB, and names that folders still hold of deleted
// files.
func TestDiskOfWindows(t *testing.T) {
	p := readImage(t, "dfir_ntfs/ntfs_index.raw.gz")
	found := located(t, p)
	e := block.Extent{Offset: 64 << 10, Length: 29 << 20}
	if len(found) != 1 || found[e].Label != "Test index" || found[e].UUID != "9E78BBD478BBAA03" {
		t.Fatalf("%v", found)
	}
	// The disk itself is no volume, though it holds all its records.
	if v, err := Open(t.Context(), block.Bytes(p)); err == nil {
		t.Errorf("the disk opens as %+v", v.Info())
	}
	fsys, err := Open(t.Context(), block.Section(block.Bytes(p), e))
	if err != nil {
		t.Fatal(err)
	}
	got, errs := files(t, fsys)
	if len(errs) > 0 || fsys.Info().State != filesystem.Clean {
		t.Errorf("%v, %+v", errs, fsys.Info())
	}
	long := strings.Repeat("A", 130)
	copies, gone := 0, 0
	for key, f := range got {
		if strings.HasPrefix(key, "live "+long[:120]) {
			copies++
		}
		if f.State == filesystem.Deleted {
			gone++
			if f.Path != "test_dir/BBBBBBBBBBBBB-del.txt" || codes(f) != "name.slack name.unlinked" {
				t.Errorf("%s: %s", key, codes(f))
			}
		}
		if f.State == filesystem.Live && !f.Sound {
			t.Errorf("%s is not sound: %s", key, codes(f))
		}
	}
	for _, name := range []string{"test_dir/111111111111111.txt", "System Volume Information/WPSettings.dat", "$RECYCLE.BIN/S-1-5-21-2341207468-2645333676-3461800803-1001/desktop.ini"} {
		if got["live "+name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
	if copies < 5 || gone != 1 {
		t.Errorf("%d copies, %d deleted", copies, gone)
	}
}

// Linux's own driver left a file that no folder names.
func TestDriverOfLinux(t *testing.T) {
	got, errs := files(t, mustOpen(t, readImage(t, "dfir_ntfs/ntfs3.raw.gz")))
	f := got["orphan test/1.txt"]
	if f == nil || codes(f) != "name.unlisted" || f.Size() != 286671 || len(errs) > 0 {
		t.Errorf("%+v, %v", f, errs)
	}
	if got["live test/2.txt"] == nil || got["live test/3.txt"] == nil {
		t.Error("its neighbours are missing")
	}
}

// tableOnly reads a table without its volume, as far as that goes.
func tableOnly(t *testing.T, name string, recordSize int64) *volume {
	t.Helper()
	p := readImage(t, "dfir_ntfs/"+name)
	size := int64(len(p))
	b := &boot{sectorSize: 512, clusterSize: 4096, recordSize: recordSize, indexSize: 4096, sectors: 1 << 30, mft: 1}
	v := newVolume(block.Bytes(p), b, nil)
	v.table = newTable(v.src, recordSize, []block.Run{{Length: size}}, size)
	return v
}

// pathsOf lists what a table alone tells, with the content of what stands inside of it.
func pathsOf(t *testing.T, v *volume) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for f, err := range v.Files(t.Context()) {
		if err != nil {
			t.Error(err)
			continue
		}
		var content []byte
		if len(f.Streams) > 0 && f.Streams[0].Name == "" && f.Size() < 4096 {
			content, _ = readAll(t, v, f)
		}
		out[f.State.String()+" "+f.Path] = content
	}
	return out
}

func TestTables(t *testing.T) {
	if got := pathsOf(t, tableOnly(t, "unicode.mft.gz", 1024)); !has(got, "Привет") || !has(got, "Привет/привет.txt") {
		t.Errorf("%q", slices.Sorted(maps.Keys(got)))
	}
	got := pathsOf(t, tableOnly(t, "4k-large.mft.gz", 4096))
	for name, want := range map[string]string{"1.txt": "a75a25c964f50df4ea9398d8ccf6afbd", "2.txt": "d6fbed685c98416fb7388dad7503811c"} {
		var p []byte
		for _, state := range []string{"live ", "orphan "} {
			if q, ok := got[state+name]; ok {
				p = q
			}
		}
		if fmt.Sprintf("%x", md5.Sum(p)) != want {
			t.Errorf("%s: %d bytes", name, len(p))
		}
		if name == "1.txt" && len(bytes.ReplaceAll(p, []byte("ABC"), nil)) > 0 {
			t.Error("1.txt holds something else")
		}
	}
	for _, name := range []string{"orphan", "deleted", "slack", "compressed_sparse", "mapping_pairs_1"} {
		v := tableOnly(t, name+".mft.gz", 1024)
		n := 0
		for f, err := range v.Files(t.Context()) {
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			n++
			for _, s := range f.Streams {
				if s.Encoding == "" && !slices.Equal(block.Normalize(s.Runs, s.Size), s.Runs) {
					t.Errorf("%s: %q: %v", name, f.Path, s.Runs)
				}
			}
			if strings.Contains(codes(f), "runs.broken") {
				t.Errorf("%s: %q: %v", name, f.Path, f.Findings)
			}
		}
		if n < 2 {
			t.Errorf("%s: %d files", name, n)
		}
	}
}

func has(m map[string][]byte, path string) bool {
	for _, state := range []string{"live ", "orphan "} {
		if _, ok := m[state+path]; ok {
			return true
		}
	}
	return false
}
