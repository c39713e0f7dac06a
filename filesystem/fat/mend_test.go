package fat

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filesystem/filesystemtest"
)

// wreck names what is lost of a volume.
type wreck struct {
	name string
	do   func(p []byte, b *boot)
	// same says that the volume comes out byte for byte as it was.
	same bool
}

var wrecks = []wreck{
	{"nothing", func([]byte, *boot) {}, true},
	{"boot sector", func(p []byte, _ *boot) { clear(p[:512]) }, true},
	{"boot sector and FSInfo", func(p []byte, _ *boot) { clear(p[:1024]) }, false},
	{"backup", func(p []byte, b *boot) { clear(p[b.backupSector*512:][:512]) }, true},
	{"boot area", func(p []byte, b *boot) { clear(p[:b.reserved*b.sectorSize]) }, false},
	{"boot area with rubbish", func(p []byte, b *boot) {
		for i := range p[:b.reserved*b.sectorSize] {
			p[i] = byte(i*7 + i>>8)
		}
	}, false},
	{"first FAT", func(p []byte, b *boot) { clear(p[b.fatAt(0):][:b.fatBytes()]) }, true},
	{"second FAT", func(p []byte, b *boot) { clear(p[b.fatAt(1):][:b.fatBytes()]) }, true},
	{"boot sector and first FAT", func(p []byte, b *boot) { clear(p[:512]); clear(p[b.fatAt(0):][:b.fatBytes()]) }, true},
}

// TestMend destroys volumes and gives their boot structures back: fsck.fat says of them what it said before, and the
// same files come out.
func TestMend(t *testing.T) {
	fsck := tool(t, "fsck.fat")
	for _, name := range []string{"fat32.img.gz", "fat16.img.gz", "floppy12.img.gz"} {
		image := readImage(t, name)
		b, _, err := findBoot(block.Bytes(image))
		if err != nil {
			t.Fatal(err)
		}
		before := checked(t, fsck, image)
		files := listing(t, image)
		for _, w := range wrecks {
			if b.width != 32 && strings.Contains(w.name, "boot sector") || b.width != 32 && w.name == "backup" {
				continue // there is one copy of it
			}
			if b.width == 12 && w.name == "boot area with rubbish" {
				continue
			}
			t.Run(name+"/"+w.name, func(t *testing.T) {
				p := bytes.Clone(image)
				w.do(p, b)
				got, list := filesystemtest.Mended(t, Kind(), p, 0)
				if (len(list.Patches) == 0) != bytes.Equal(p, image) {
					t.Errorf("%d patches", len(list.Patches))
				}
				if same := bytes.Equal(got, image); w.same && !same {
					t.Errorf("the volume is not what it was: %v", list.Patches)
				}
				if after := checked(t, fsck, got); after != before {
					t.Errorf("fsck.fat says:\n%s\nbefore:\n%s", after, before)
				}
				if l := listing(t, got); l != files {
					t.Errorf("other files:\n%s\nwant:\n%s", l, files)
				}
			})
		}
	}
}

// listing returns the live files of a volume with their places.
func listing(t *testing.T, image []byte) string {
	t.Helper()
	v := mustOpen(t, image)
	var out strings.Builder
	for f, err := range v.Files(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if f.State.String() == "live" && len(f.Streams) > 0 {
			out.WriteString(f.Path + " ")
			for _, r := range f.Streams[0].Runs {
				out.WriteString(r.PhysicalExtent().String())
			}
			out.WriteString("\n")
		}
	}
	return out.String()
}

// checked returns what fsck.fat says of a volume, without its own version and the name of the file.
func checked(t *testing.T, fsck string, image []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "volume")
	if err := os.WriteFile(path, image, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(fsck, "-n", path).CombinedOutput()
	if err != nil {
		return string(out) + err.Error()
	}
	return "clean"
}

// TestMendWithoutFAT leaves a boot sector alone that nothing confirms.
func TestMendWithoutFAT(t *testing.T) {
	p := readImage(t, "fat32.img.gz")
	b, _, err := findBoot(block.Bytes(p))
	if err != nil {
		t.Fatal(err)
	}
	clear(p[b.fatAt(0):][:2*b.fatBytes()])
	_, list := filesystemtest.Mended(t, Kind(), p, 0)
	if len(list.Patches) != 0 || len(list.Notes) != 1 {
		t.Errorf("%d patches, notes %q", len(list.Patches), list.Notes)
	}
}
