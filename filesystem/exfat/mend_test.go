package exfat

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"salvor/block"
	"salvor/filesystem/filesystemtest"
)

// TestMend destroys boot regions and gives them back: fsck.exfat says of the volume what it said before, and the same
// files come out.
func TestMend(t *testing.T) {
	fsck := tool(t, "fsck.exfat")
	wrecks := []struct {
		name string
		do   func(p []byte, region int64)
		same bool // byte for byte
	}{
		{"nothing", func([]byte, int64) {}, true},
		{"boot sector", func(p []byte, _ int64) { clear(p[:512]) }, true},
		{"main region", func(p []byte, r int64) { clear(p[:r]) }, true},
		{"backup region", func(p []byte, r int64) { clear(p[r : 2*r]) }, true},
		{"backup with rubbish", func(p []byte, r int64) {
			for i := range p[r : 2*r] {
				p[r+int64(i)] = byte(i * 5)
			}
		}, true},
		{"checksum", func(p []byte, r int64) { p[r-1] ^= 1; p[2*r-1] ^= 1 }, false},
		{"both regions", func(p []byte, r int64) { clear(p[:2*r]) }, false},
	}
	for _, image := range images {
		whole := readImage(t, image.name+".img.gz")
		f, err := findBoot(block.Bytes(whole))
		if err != nil {
			t.Fatal(err)
		}
		before, files := checked(t, fsck, whole), listing(t, whole)
		for _, w := range wrecks {
			t.Run(image.name+"/"+w.name, func(t *testing.T) {
				p := bytes.Clone(whole)
				w.do(p, regionSectors*f.b.sectorSize)
				got, list := filesystemtest.Mended(t, Kind(), p, 0)
				if (len(list.Patches) == 0) != bytes.Equal(p, whole) {
					t.Errorf("%d patches, %q", len(list.Patches), list.Notes)
				}
				if want := bytes.Clone(whole); w.same {
					for _, region := range []int64{0, regionSectors * f.b.sectorSize} {
						for _, at := range []int64{106, 107, percentAt} { // which differ between the regions of any driver
							want[region+at] = got[region+at]
						}
					}
					if !bytes.Equal(got, want) {
						t.Error("the volume is not what it was")
					}
				}
				if after := checked(t, fsck, got); after != before {
					t.Errorf("fsck.exfat says:\n%s\nbefore:\n%s", after, before)
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
	var out bytes.Buffer
	for f, err := range mustOpen(t, image).Files(t.Context()) {
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

var pathInOutput = regexp.MustCompile(`(?m)^/.*volume`)

// checked returns what fsck.exfat says of a volume.
func checked(t *testing.T, fsck string, image []byte) string {
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
