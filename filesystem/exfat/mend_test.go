package exfat

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"salvor/block"
	"salvor/filesystem/filesystemtest"
	"salvor/internal/need"
)

// TestMend destroys boot regions and gives them back: fsck.exfat says of the volume what it said before.
func TestMend(t *testing.T) {
	fsck := need.Tool(t, "fsck.exfat")
	for _, image := range images {
		whole := readImage(t, image.name+".img.gz")
		f, err := findBoot(block.Bytes(whole))
		if err != nil {
			t.Fatal(err)
		}
		r := regionSectors * f.b.sectorSize
		wrecks := []filesystemtest.Wreck{
			{Name: "nothing", Do: func([]byte) {}, Same: true},
			{Name: "boot sector", Do: func(p []byte) { clear(p[:512]) }, Same: true},
			{Name: "main region", Do: func(p []byte) { clear(p[:r]) }, Same: true},
			{Name: "backup region", Do: func(p []byte) { clear(p[r : 2*r]) }, Same: true},
			{Name: "backup with rubbish", Do: func(p []byte) {
				for i := range p[r : 2*r] {
					p[r+int64(i)] = byte(i * 5)
				}
			}, Same: true},
			{Name: "checksums", Do: func(p []byte) { p[r-1] ^= 1; p[2*r-1] ^= 1 }},
			{Name: "both regions", Do: func(p []byte) { clear(p[:2*r]) }},
		}
		// Flags and how full it is differ between the regions of any driver.
		free := []int64{106, 107, percentAt, r + 106, r + 107, r + percentAt}
		t.Run(image.name, func(t *testing.T) {
			filesystemtest.MendRun(t, Kind(), whole, wrecks, func(t testing.TB, image []byte) string { return checked(t, fsck, image) }, free...)
		})
	}
}

var pathInOutput = regexp.MustCompile(`(?m)^/.*volume`)

// checked returns what fsck.exfat says of a volume.
func checked(t testing.TB, fsck string, image []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "volume")
	if err := os.WriteFile(path, image, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(fsck, "-n", path).CombinedOutput()
	text := pathInOutput.ReplaceAllString(string(out), "VOLUME")
	if err != nil {
		text += err.Error()
	}
	return text
}

// TestMendStart notes where the volume begins on its medium.
func TestMendStart(t *testing.T) {
	p := readImage(t, "usual.img.gz")
	clear(p[:2*regionSectors*512])
	got, _ := filesystemtest.Mended(t, Kind(), p, 1<<20)
	b, err := readBoot(block.Bytes(got), 0)
	if err != nil || b.partition != 2048 {
		t.Errorf("%+v, %v", b, err)
	}
}
