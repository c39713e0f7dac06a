package lp

import (
	"bytes"
	"compress/gzip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"salvor/volume/volumetest"
)

// TestFixture holds testdata/super.img.gz to what it was made of; SALVOR_UPDATE=1 makes it: two ext4 volumes, one in one
// piece, one in two that stand the other way round.
func TestFixture(t *testing.T) {
	if os.Getenv("SALVOR_UPDATE") == "1" {
		makeFixture(t)
	}
	want := " 1:2048+8192=system_a 2:18432+8192=vendor_a[18432+2048 data][10240+6144 data]"
	got := volumetest.Describe(volumetest.Read(t, Scheme(), volumetest.Fixture(t, "super.img")))
	if got != "lp.slot0@12288/512 valid"+want+"; lp.slot0.backup@77824/512 valid"+want {
		t.Errorf("got %s", got)
	}
}

func makeFixture(t *testing.T) {
	dir := t.TempDir()
	volume := func(label string) []byte {
		tree := filepath.Join(dir, label)
		if err := os.Mkdir(tree, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(tree, label+".txt"), bytes.Repeat([]byte(label+"\n"), 40000), 0o644); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, label+".img")
		if out, err := exec.Command("mke2fs", "-q", "-t", "ext4", "-b", "4096", "-O", "^has_journal", "-L", label, "-U", "clear", "-d", tree, path, "4M").CombinedOutput(); err != nil {
			t.Fatalf("%v %s", err, out)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	img := super(16<<20, encode([]wanted{
		{"system_a", 1, []piece{{2048, 8192}}},
		{"vendor_a", 1, []piece{{18432, 2048}, {10240, 6144}}},
	}))
	copy(img[2048*512:], volume("system"))
	vendor := volume("vendor")
	copy(img[18432*512:], vendor[:2048*512])
	copy(img[10240*512:], vendor[2048*512:])
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	_, _ = z.Write(img)
	_ = z.Close()
	if err := os.WriteFile("testdata/super.img.gz", b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
