package ntfs

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"salvor/block"
	"salvor/filesystem"
	"salvor/filesystem/filesystemtest"
	"salvor/internal/need"
)

// images are those that testdata/make/make.py makes, with the size of their clusters.
var images = []struct {
	name    string
	cluster int64
	record  int64
}{
	{"plain", 4096, 1024}, {"cluster512", 512, 1024}, {"cluster64k", 65536, 1024}, {"sector4096", 4096, 4096},
}

func openTest(src block.Source) (filesystem.FileSystem, error) {
	return Open(context.Background(), src)
}

func TestConformance(t *testing.T) {
	rounds := 100
	if need.CI() {
		rounds = 2500 // of each image, 10,000 together
	}
	for _, image := range images {
		t.Run(image.name, func(t *testing.T) {
			t.Parallel()
			dir := os.DirFS("testdata")
			src := filesystemtest.Image(t, dir, image.name+".img.gz")
			truth := filesystemtest.TruthFile(t, dir, image.name+".json")
			filesystemtest.Run(t, openTest, src, truth, filesystemtest.Options{Rounds: rounds, Seed: 11})
		})
	}
}

func TestTree(t *testing.T) {
	tree, err := filesystem.Tree(mustOpen(t, readImage(t, "plain.img.gz")), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(tree, "hello.txt", "docs/deep/er/file.bin", "packed/text.txt", "names/🎉 party"); err != nil {
		t.Error(err)
	}
}

func TestInfo(t *testing.T) {
	for _, image := range images {
		p := readImage(t, image.name+".img.gz")
		v := mustOpen(t, p)
		info := v.Info()
		if info.Kind != "ntfs" || info.Label != "Test Volume" || len(info.UUID) != 16 || info.BlockSize != image.cluster ||
			info.Size > int64(len(p)) || info.Size < int64(len(p))-image.cluster || v.b.recordSize != image.record {
			t.Errorf("%s: %+v, records of %d bytes", image.name, info, v.b.recordSize)
		}
		if info.State != filesystem.Clean || len(info.Findings) > 0 {
			t.Errorf("%s: %v, findings %v", image.name, info.State, info.Findings)
		}
	}
}

// Everything in a healthy volume is sound, and nothing else is.
func TestSound(t *testing.T) {
	for _, image := range images {
		for f, err := range mustOpen(t, readImage(t, image.name+".img.gz")).Files(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if f.Sound != (f.State == filesystem.Live) {
				t.Errorf("%s: %v %q: sound is %v, %s", image.name, f.State, f.Path, f.Sound, codes(f))
			}
		}
	}
}

func TestStreams(t *testing.T) {
	for _, image := range images {
		got, _ := files(t, mustOpen(t, readImage(t, image.name+".img.gz")))
		for path, want := range map[string]string{"hello.txt": " big Zone.Identifier", "docs/hard link.txt": " big Zone.Identifier", "docs": "of a folder", "empty.bin": "", "link": ""} {
			f := got["live "+path]
			if f == nil {
				t.Errorf("%s: no %q", image.name, path)
				continue
			}
			var names []string
			for _, s := range f.Streams {
				names = append(names, s.Name)
			}
			if strings.Join(names, " ") != want {
				t.Errorf("%s: %q has the streams %q, expected %q", image.name, path, names, want)
			}
		}
		v := mustOpen(t, readImage(t, image.name+".img.gz"))
		src, err := v.Open(got["live hello.txt"], "Zone.Identifier")
		if err != nil {
			t.Fatal(err)
		}
		if p, err := io.ReadAll(block.Reader(src)); err != nil || string(p) != "[ZoneTransfer]\r\nZoneId=3\r\n" {
			t.Errorf("%s: %q, %v", image.name, p, err)
		}
	}
}

// The content of a small file stands in its record, of which the last two bytes of each 512 stand elsewhere.
func TestPlacesInRecord(t *testing.T) {
	p := readImage(t, "plain.img.gz")
	v := mustOpen(t, p)
	got, _ := files(t, v)
	f := got["live docs/in the record.txt"]
	want, err := readAll(t, v, f)
	if err != nil || len(f.Streams[0].Runs) != 3 && len(f.Streams[0].Runs) != 2 {
		t.Fatalf("%v, %v", f.Streams[0].Runs, err)
	}
	var joined []byte
	for _, r := range f.Streams[0].Runs {
		joined = append(joined, p[r.Physical:r.Physical+r.Length]...)
	}
	if !bytes.Equal(joined, want) || bytes.Contains(joined, []byte{0}) {
		t.Error("the runs do not lead to the content")
	}
}

// What the tests of volumes share.
var (
	readImage = filesystemtest.Testdata
	files     = filesystemtest.Files
	readAll   = filesystemtest.Content
)

func mustOpen(t testing.TB, p []byte) *volume {
	t.Helper()
	fsys, err := Open(context.Background(), block.Bytes(p))
	if err != nil {
		t.Fatal(err)
	}
	return fsys.(*volume)
}

// codes lists the findings of a file by their codes, without the room.
func codes(f *filesystem.File) string { return filesystemtest.Codes("ntfs", f.Findings) }
