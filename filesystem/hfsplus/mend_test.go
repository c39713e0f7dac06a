package hfsplus

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/filesystem/filesystemtest"
	"salvor/internal/need"
)

// TestMend destroys volume headers and gives them back. No program of the maker runs here: 7-Zip lists what it listed
// before.
func TestMend(t *testing.T) {
	for _, name := range []string{"kernel.img.gz", "xorriso.img.gz", "hfsplus.img.gz"} {
		whole := filesystemtest.Testdata(t, name)
		end := -1
		for at := len(whole)/512*512 - headerAt; at > len(whole)-1<<20 && end < 0; at -= 512 {
			if _, err := parseHeader(whole[at:at+headerSize], int64(at)); err == nil {
				end = at
			}
		}
		if end < 0 {
			t.Fatalf("%s: no copy of the header", name)
		}
		wrecks := []filesystemtest.Wreck{
			{Name: "nothing", Do: func([]byte) {}, Same: true},
			{Name: "header", Do: func(p []byte) { clear(p[headerAt : headerAt+headerSize]) }},
			{Name: "first three blocks of 512", Do: func(p []byte) { clear(p[:1536]) }},
			{Name: "rubbish", Do: func(p []byte) {
				for i := range p[headerAt : headerAt+headerSize] {
					p[headerAt+i] ^= byte(i*3 + 1)
				}
			}},
			{Name: "copy", Do: func(p []byte) { clear(p[end : end+headerSize]) }},
		}
		t.Run(name, func(t *testing.T) {
			filesystemtest.MendRun(t, Kind(), whole, wrecks, func(t testing.TB, image []byte) string { return listed7z(t, image) })
		})
		// The counts come from the catalogue, not from the copy, which is as old as the last change of the size.
		p := bytes.Clone(whole)
		for _, at := range []int{filesAt, foldersAt, freeAt} {
			be.PutUint32(p[end+at:], 0)
		}
		clear(p[headerAt : headerAt+headerSize])
		got, _ := filesystemtest.Mended(t, Kind(), p, 0)
		for _, at := range []int{filesAt, foldersAt, freeAt} {
			if is, want := be.Uint32(got[headerAt+at:]), be.Uint32(whole[headerAt+at:]); is != want {
				t.Errorf("%s: the field at %d is %d, was %d", name, at, is, want)
			}
		}
		if is, was := be.Uint32(got[headerAt+nextAt:]), be.Uint32(whole[headerAt+nextAt:]); is > was || is < idFirstUser {
			t.Errorf("%s: the next number is %d, was %d", name, is, was)
		}
	}
}

// listed7z returns the names and sizes that 7-Zip sees.
func listed7z(t testing.TB, image []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "volume")
	if err := os.WriteFile(path, image, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := need.Command(t, "7zz", "l", "-ba", "-thfs", path).Output()
	if err != nil {
		return err.Error()
	}
	return string(out)
}

// TestMendGrown makes no header of a copy that is older than the trees, and none where both are gone.
func TestMendGrown(t *testing.T) {
	whole := filesystemtest.Testdata(t, "kernel.img.gz")
	h, err := parseHeader(whole[headerAt:], headerAt)
	if err != nil {
		t.Fatal(err)
	}
	end := int64(len(whole)) - headerAt
	p := bytes.Clone(whole)
	be.PutUint64(p[end+272:], uint64(h.catalog.size/2))
	clear(p[headerAt : headerAt+headerSize])
	_, list := filesystemtest.Mended(t, Kind(), p, 0)
	if len(list.Patches) > 0 || !strings.Contains(strings.Join(list.Notes, ""), "older") {
		t.Errorf("%d patches, notes %q", len(list.Patches), list.Notes)
	}
	clear(p[end : end+headerSize])
	_, list = filesystemtest.Mended(t, Kind(), p, 0)
	if len(list.Patches) > 0 || !strings.Contains(strings.Join(list.Notes, ""), "both gone") {
		t.Errorf("%d patches, notes %q", len(list.Patches), list.Notes)
	}
}
