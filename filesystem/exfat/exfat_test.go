package exfat

import (
	"bufio"
	"compress/gzip"
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"salvor/block"
	"salvor/filesystem"
	"salvor/filesystem/filesystemtest"
)

// images are those that testdata/make.sh makes, with the label that each must show.
var images = []struct{ name, label string }{
	{"small", "Überall 写真"}, {"usual", "USUAL"}, {"large", ""}, {"formatted", "NEW"},
}

func openTest(src block.Source) (filesystem.FileSystem, error) {
	return Open(context.Background(), src)
}

func TestConformance(t *testing.T) {
	for _, image := range images {
		t.Run(image.name, func(t *testing.T) {
			t.Parallel()
			dir := os.DirFS("testdata")
			src := filesystemtest.Image(t, dir, image.name+".img.gz")
			truth := filesystemtest.TruthFile(t, dir, image.name+".json")
			rounds := 100
			if os.Getenv("SALVOR_CI") == "1" && !testing.Short() {
				rounds = map[string]int{"small": 1500, "usual": 500, "large": 200, "formatted": 7800}[image.name] // 10,000 in all
			}
			filesystemtest.Run(t, openTest, src, truth, filesystemtest.Options{Rounds: rounds, Seed: 7, MinFound: 0.97, Checked: true})
		})
	}
}

func TestTree(t *testing.T) {
	tree, err := filesystem.Tree(mustOpen(t, readImage(t, "usual.img.gz")), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(tree, "DCIM/100CANON/IMG_0001.JPG", "🎉 party 🎂 2023.txt", "many/entry number 60.txt"); err != nil {
		t.Error(err)
	}
}

func TestInfo(t *testing.T) {
	for _, image := range images {
		v := mustOpen(t, readImage(t, image.name+".img.gz"))
		if _, err := v.Used(t.Context()); err != nil {
			t.Fatal(err)
		}
		info := v.Info()
		if info.Kind != "exfat" || info.Label != image.label || len(info.UUID) != 9 {
			t.Errorf("%s: kind %q, label %q, UUID %q", image.name, info.Kind, info.Label, info.UUID)
		}
		if info.State != filesystem.Clean || len(info.Findings) > 0 {
			t.Errorf("%s: %v, findings %v", image.name, info.State, info.Findings)
		}
	}
}

// readImage reads a gzip-compressed image of testdata.
func readImage(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(bufio.NewReader(f))
	if err != nil {
		t.Fatal(err)
	}
	p, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func mustOpen(t testing.TB, p []byte) *volume {
	t.Helper()
	fsys, err := Open(context.Background(), block.Bytes(p))
	if err != nil {
		t.Fatal(err)
	}
	return fsys.(*volume)
}

// files lists a volume: its files, by state and path, and the errors of the walk.
func files(t testing.TB, v filesystem.FileSystem) (map[string]*filesystem.File, []error) {
	t.Helper()
	out := map[string]*filesystem.File{}
	var errs []error
	for f, err := range v.Files(context.Background()) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out[f.State.String()+" "+f.Path] = f
	}
	return out, errs
}

// readAll reads a file whole.
func readAll(t testing.TB, v filesystem.FileSystem, f *filesystem.File) ([]byte, error) {
	t.Helper()
	src, err := v.Open(f, "")
	if err != nil {
		t.Fatal(err)
	}
	return io.ReadAll(block.Reader(src))
}

// codes lists the findings of a file by their codes, without the room.
func codes(f *filesystem.File) string {
	var out []string
	for _, x := range f.Findings {
		out = append(out, strings.TrimPrefix(x.Code, "exfat."))
	}
	return strings.Join(out, " ")
}

// volumeCodes lists those of a volume.
func volumeCodes(v filesystem.FileSystem) string {
	return codes(&filesystem.File{Findings: v.Info().Findings})
}
