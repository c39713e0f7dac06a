package exfat

import (
	"context"
	"os"
	"testing"
	"testing/fstest"

	"salvor/block"
	"salvor/filesystem"
	"salvor/filesystem/filesystemtest"
	"salvor/internal/need"
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
			if need.CI() && !testing.Short() {
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
func codes(f *filesystem.File) string { return filesystemtest.Codes("exfat", f.Findings) }

// volumeCodes lists those of a volume.
func volumeCodes(v filesystem.FileSystem) string {
	return filesystemtest.Codes("exfat", v.Info().Findings)
}
