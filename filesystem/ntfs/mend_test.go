package ntfs

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filesystem/filesystemtest"
	"salvor/internal/need"
)

// TestMend destroys boot sectors and first records and gives them back: ntfsfix says of the volume what it said before.
func TestMend(t *testing.T) {
	ntfsfix := need.Tool(t, "ntfsfix")
	for _, image := range images {
		whole := readImage(t, image.name+".img.gz")
		b, err := readBoot(block.Bytes(whole), 0)
		if err != nil {
			t.Fatal(err)
		}
		table, mirror, end := b.mft*b.clusterSize, b.mirror*b.clusterSize, b.size()-b.sectorSize
		wrecks := []filesystemtest.Wreck{
			{Name: "nothing", Do: func([]byte) {}, Same: true},
			{Name: "boot sector", Do: func(p []byte) { clear(p[:512]) }, Same: true},
			{Name: "backup", Do: func(p []byte) { clear(p[end : end+512]) }, Same: true},
			{Name: "both boot sectors", Do: func(p []byte) { clear(p[:512]); clear(p[end : end+512]) }},
			{Name: "record 0", Do: func(p []byte) { clear(p[table : table+b.recordSize]) }, Same: true},
			{Name: "records 0 to 3 and boot sector", Do: func(p []byte) { clear(p[:512]); clear(p[table : table+4*b.recordSize]) }, Same: true},
			{Name: "mirror", Do: func(p []byte) { clear(p[mirror : mirror+4*b.recordSize]) }, Same: true},
			{Name: "torn record", Do: func(p []byte) { p[mirror+b.recordSize-1] ^= 0x55 }, Same: true},
		}
		t.Run(image.name, func(t *testing.T) {
			filesystemtest.MendRun(t, Kind(), whole, wrecks, func(t testing.TB, image []byte) string { return checked(t, ntfsfix, image) })
		})
	}
}

var pathInOutput = regexp.MustCompile(`/\S*volume`)

// checked returns what ntfsfix says of a volume, without changing it.
func checked(t testing.TB, ntfsfix string, image []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "volume")
	if err := os.WriteFile(path, image, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(ntfsfix, "-n", path).CombinedOutput()
	text := pathInOutput.ReplaceAllString(string(out), "VOLUME")
	if err != nil {
		text += err.Error()
	}
	return text
}

// TestMendStart notes where the volume begins on its medium, and that its serial number is another one.
func TestMendStart(t *testing.T) {
	p := readImage(t, "plain.img.gz")
	b, err := readBoot(block.Bytes(p), 0)
	if err != nil {
		t.Fatal(err)
	}
	clear(p[:512])
	clear(p[b.size()-512 : b.size()])
	got, list := filesystemtest.Mended(t, Kind(), p, 1<<20)
	if le.Uint32(got[28:]) != 2048 || le.Uint64(got[72:]) == 0 || !strings.Contains(strings.Join(list.Notes, " "), "serial") {
		t.Errorf("hidden sectors %d, serial %x, notes %q", le.Uint32(got[28:]), le.Uint64(got[72:]), list.Notes)
	}
}
