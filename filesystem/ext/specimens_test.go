package ext

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filesystem"
	"salvor/internal/need"
)

// TestSpecimens reads volumes that no one here made.
func TestSpecimens(t *testing.T) {
	for _, c := range []struct {
		name, kind, label, uuid string
		size                    int64 // by the volume's own word
	}{
		{"util-linux-ext2", "ext2", "test-ext2", "22f0eac3-5c89-4ec1-9076-60799119aaea", 100 << 10},
		{"util-linux-ext3", "ext3", "test-ext3", "35f66dab-477e-4090-a872-95ee0e493ad6", 2 << 20},
		{"util-linux-ext4", "ext4", "test-ext4", "ada110f6-bd6d-49db-955d-342c27627b61", 64 << 20}, // cut to 8 MiB
	} {
		t.Run(c.name, func(t *testing.T) {
			p := readImage(t, c.name)
			fsys, err := openTest(block.Bytes(p))
			if err != nil {
				t.Fatal(err)
			}
			info := fsys.Info()
			if info.Kind != c.kind || info.Label != c.label || info.UUID != c.uuid || info.Size != c.size {
				t.Errorf("%s %q %s of %d bytes, expected %s %q %s of %d", info.Kind, info.Label, info.UUID, info.Size, c.kind, c.label, c.uuid, c.size)
			}
			want := filesystem.Clean
			if int64(len(p)) < c.size {
				want = filesystem.Damaged
			}
			if info.State != want {
				t.Errorf("%v: %v", info.State, info.Findings)
			}
			found := ""
			for f, err := range fsys.Files(t.Context()) {
				if err != nil {
					t.Error(err)
					continue
				}
				if !f.Sound || f.State != filesystem.Live {
					t.Errorf("%q is %v, sound %v: %v", f.Path, f.State, f.Sound, f.Findings)
				}
				found += "/" + f.Path + "\n"
			}
			if !strings.Contains(found, "/lost+found\n") {
				t.Errorf("found %q, expected the folder that mke2fs makes", found)
			}
			located := 0
			for _, hit := range hits(p) {
				candidates, err := Kind().Locate(context.Background(), block.Bytes(p), hit)
				if err != nil {
					t.Fatal(err)
				}
				for _, x := range candidates {
					located++
					if x.Extent != (block.Extent{Length: c.size}) || x.UUID != c.uuid || x.Confirmed <= x.Refuted {
						t.Errorf("a hit at %d gave %+v", hit.Offset, x)
					}
				}
			}
			if located == 0 {
				t.Error("no landmark leads to the volume")
			}
			againstBlkid(t, p, info)
		})
	}
}

// TestNamesOfKinds compares what each image is called with what blkid says of it.
func TestNamesOfKinds(t *testing.T) {
	for _, image := range images {
		p := image.read(t)
		fsys, err := openTest(block.Bytes(p))
		if err != nil {
			t.Fatalf("%s: %v", image.name, err)
		}
		againstBlkid(t, p, fsys.Info())
	}
}

func againstBlkid(t *testing.T, p []byte, info filesystem.Info) {
	t.Helper()
	tool := need.Tool(t, "blkid")
	path := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(path, p, 0o600); err != nil {
		t.Fatal(err)
	}
	for tag, found := range map[string]string{"TYPE": info.Kind, "LABEL": info.Label, "UUID": info.UUID} {
		out, err := exec.Command(tool, "-p", "-o", "value", "-s", tag, path).Output()
		if err != nil {
			t.Fatalf("blkid: %v", err)
		}
		if want := strings.TrimSpace(string(out)); found != want {
			t.Errorf("%s is %q, blkid says %q", tag, found, want)
		}
	}
}
