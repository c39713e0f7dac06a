package fat

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

// images are those that testdata/make.sh makes, with the kind and the label that each must show.
var images = []struct{ name, kind, label, uuid string }{
	{"floppy12", "fat12", "FLOPPY", "1234-5678"},
	{"fat16", "fat16", "FAT SIXTEEN", "1616-1616"},
	{"fat32", "fat32", "FAT32VOL", "3232-3232"},
	{"sector4096", "fat16", "", "4096-4096"},
	{"overwritten", "fat12", "", "0BAD-CAFE"},
	{"around", "fat12", "", "0A0B-0C0D"},
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
			rounds := 150
			if need.CI() && !testing.Short() { // 10,000 in all
				rounds = map[string]int{"floppy12": 1500, "fat16": 500, "fat32": 200, "sector4096": 300, "overwritten": 3750, "around": 3750}[image.name]
			}
			filesystemtest.Run(t, openTest, src, truth, filesystemtest.Options{Rounds: rounds, Seed: 7, MinFound: 0.95})
		})
	}
}

func TestTree(t *testing.T) {
	tree, err := filesystem.Tree(mustOpen(t, readImage(t, "fat16.img.gz")), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(tree, "DCIM/100CANON/IMG_0001.JPG", "🎉 party 🎂 2023.txt", "many/entry number 60.txt"); err != nil {
		t.Error(err)
	}
}

func TestInfo(t *testing.T) {
	for _, image := range images {
		fsys := mustOpen(t, readImage(t, image.name+".img.gz"))
		info := fsys.Info()
		if info.Kind != image.kind || info.Label != image.label || info.UUID != image.uuid {
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
func codes(f *filesystem.File) string { return filesystemtest.Codes("fat", f.Findings) }

// volumeCodes lists those of a volume.
func volumeCodes(v filesystem.FileSystem) string {
	return filesystemtest.Codes("fat", v.Info().Findings)
}
