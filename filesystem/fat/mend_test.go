package fat

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"salvor/block"
	"salvor/filesystem/filesystemtest"
	"salvor/internal/need"
)

// TestMend destroys volumes and gives their boot structures back: fsck.fat says of them what it said before.
func TestMend(t *testing.T) {
	fsck := need.Tool(t, "fsck.fat")
	for _, name := range []string{"fat32.img.gz", "fat16.img.gz", "floppy12.img.gz"} {
		image := readImage(t, name)
		b, _, err := findBoot(block.Bytes(image))
		if err != nil {
			t.Fatal(err)
		}
		fats := [2]block.Extent{{Offset: b.fatAt(0), Length: b.fatBytes()}, {Offset: b.fatAt(1), Length: b.fatBytes()}}
		lose := func(list ...block.Extent) func(p []byte) {
			return func(p []byte) {
				for _, e := range list {
					clear(p[e.Offset:e.End()])
				}
			}
		}
		wrecks := []filesystemtest.Wreck{
			{Name: "nothing", Do: lose(), Same: true},
			{Name: "boot area", Do: lose(block.Extent{Length: b.reserved * b.sectorSize})},
			{Name: "first FAT", Do: lose(fats[0]), Same: true},
			{Name: "second FAT", Do: lose(fats[1]), Same: true},
		}
		if b.width > 12 {
			wrecks = append(wrecks, filesystemtest.Wreck{Name: "boot area with rubbish", Do: func(p []byte) {
				for i := range p[:b.reserved*b.sectorSize] {
					p[i] = byte(i*7 + i>>8)
				}
			}})
		}
		if b.width == 32 { // there are two boot sectors
			wrecks = append(wrecks,
				filesystemtest.Wreck{Name: "boot sector", Do: lose(block.Extent{Length: 512}), Same: true},
				filesystemtest.Wreck{Name: "boot sector and FSInfo", Do: lose(block.Extent{Length: 1024})},
				filesystemtest.Wreck{Name: "backup", Do: lose(block.Extent{Offset: b.backupSector * 512, Length: 512}), Same: true},
				filesystemtest.Wreck{Name: "boot sector and first FAT", Do: lose(block.Extent{Length: 512}, fats[0]), Same: true})
		}
		t.Run(name, func(t *testing.T) {
			filesystemtest.MendRun(t, Kind(), image, wrecks, func(t testing.TB, image []byte) string { return checked(t, fsck, image) })
		})
	}
}

// checked returns what fsck.fat says of a volume, without its own version and the name of the file.
func checked(t testing.TB, fsck string, image []byte) string {
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
