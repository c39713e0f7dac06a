package recovery_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/block/probe"
	"salvor/carve"
	"salvor/filesystem"
	"salvor/filesystem/fat"
	"salvor/filetype"
	"salvor/filetype/all"
	"salvor/internal/need"
	"salvor/recovery"
	"salvor/sweep"
)

func tool(t *testing.T, name string, args ...string) {
	t.Helper()
	cmd := need.Command(t, name, args...)
	cmd.Env = append(os.Environ(), "MTOOLS_SKIP_CHECK=1", "TZ=UTC")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

func picture(seed uint64) image.Image {
	r := rand.New(rand.NewPCG(seed, 0))
	m := image.NewRGBA(image.Rect(0, 0, 120, 90))
	for y := range 90 {
		for x := range 120 {
			m.Set(x, y, color.RGBA{byte(r.Uint32()), byte(x), byte(y), 255})
		}
	}
	return m
}

func pngFile(t *testing.T, seed uint64) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, picture(seed)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func jpegFile(t *testing.T, seed uint64) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, picture(seed), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The rooms together: a FAT volume with live and deleted files and one in free space comes out whole, each
// content once, and nothing false.
func TestRoomsTogether(t *testing.T) {
	dir := t.TempDir()
	img := filepath.Join(dir, "card.img")
	tool(t, "mformat", "-C", "-i", img, "-T", "65536", "-h", "16", "-s", "63", "-v", "CARD", "::")
	files := map[string][]byte{
		"live.png": pngFile(t, 1), "photo.jpg": jpegFile(t, 2), "gone.jpg": jpegFile(t, 3), "gone.png": pngFile(t, 4),
		"notes.txt": []byte(strings.Repeat("a line of plain text\n", 50)), "empty.dat": nil,
	}
	for name, content := range files {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, content, 0o600); err != nil {
			t.Fatal(err)
		}
		tool(t, "mcopy", "-m", "-i", img, p, "::"+name)
	}
	tool(t, "mdel", "-i", img, "::gone.jpg", "::gone.png")
	disk, err := os.ReadFile(img)
	if err != nil {
		t.Fatal(err)
	}
	loose, second := pngFile(t, 5), files["live.png"]
	copy(disk[20<<20:], loose)
	copy(disk[24<<20:], second)
	medium := block.Bytes(disk)

	ctx := t.Context()
	table, err := filetype.NewTable(all.Formats())
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	c, err := recovery.OpenCatalog(filepath.Join(home, "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var fsys filesystem.FileSystem
	if fsys, err = fat.Kind().Open(ctx, medium); err != nil {
		t.Fatal(err)
	}
	judge := &recovery.Judge{Table: table, Limit: time.Minute}
	for f, err := range fsys.Files(ctx) {
		if err != nil {
			t.Errorf("files: %v", err)
			continue
		}
		list, err := judge.File(ctx, 1, 1, fsys, f)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Put(ctx, list...); err != nil {
			t.Fatal(err)
		}
	}
	matcher, err := sweep.NewMatcher(table.Probes())
	if err != nil {
		t.Fatal(err)
	}
	var hits []probe.Hit
	matcher.NewSweep(medium.Size(), func(h probe.Hit) { hits = append(hits, h) }).Observe(block.Extent{Length: medium.Size()}, disk)
	if err := c.PutLandmarks(ctx, 1, hits); err != nil {
		t.Fatal(err)
	}
	owned, err := recovery.Attribute(ctx, c, 1)
	if err != nil {
		t.Fatal(err)
	}
	_, err = carve.Run(ctx, carve.Options{Source: medium, Table: table, Skip: owned.Skip,
		Hits: func(yield func(probe.Hit) bool) {
			for h, err := range c.Landmarks(ctx, 1) {
				if err != nil || !yield(h) {
					return
				}
			}
		},
		Emit: func(f carve.Found) error { return c.Put(ctx, recovery.Carved(1, f, medium)) }})
	if err != nil {
		t.Fatal(err)
	}
	joined, err := recovery.JoinTwins(ctx, c, 1)
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(home)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	result, err := recovery.Save(ctx, recovery.SaveOptions{Catalog: c, Root: root,
		Medium:  func(int) (block.Source, error) { return medium, nil },
		LabelOf: func(int) string { return fsys.Info().Label }, Query: recovery.Query{IncludeDirs: true}})
	if err != nil {
		t.Fatal(err)
	}
	if joined != 1 || result.Duplicates != 1 || result.Failed != 0 {
		t.Errorf("joined %d, %+v", joined, result)
	}

	saved := map[string]string{} // SHA-256 to path
	for e, err := range c.Select(ctx, recovery.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%-16s %-10s %-10v %-8s %s %v", e.ID, e.Format, e.Verdict, e.Save, e.SavedAs, e.Findings)
		if e.Save == recovery.Saved {
			saved[e.SHA256] += " " + e.SavedAs
		}
	}
	hash := func(p []byte) string { s := sha256.Sum256(p); return hex.EncodeToString(s[:]) }
	for name, want := range map[string]string{
		"live.png": "files/1-CARD/live.png", "photo.jpg": "files/1-CARD/photo.jpg", "notes.txt": "files/1-CARD/notes.txt", "empty.dat": "files/1-CARD/empty.dat",
	} {
		if got := strings.TrimSpace(saved[hash(files[name])]); got != want {
			t.Errorf("%s is saved as %q, want %q", name, got, want)
		}
	}
	for e, err := range c.Select(ctx, recovery.Query{Drawers: []string{"deleted"}}) {
		if err != nil || e.Verdict < filetype.Consistent {
			t.Errorf("%+v, %v", e, err) // the carved twin confirms the guess
		}
	}
	for _, name := range []string{"gone.jpg", "gone.png"} {
		got := strings.Fields(saved[hash(files[name])])
		if len(got) != 1 || !strings.HasPrefix(got[0], "deleted/1-CARD/") {
			t.Errorf("%s is saved as %q", name, got)
		}
	}
	if got := strings.TrimSpace(saved[hash(loose)]); got != fmt.Sprintf("carved/photo/png at 0x%x.png", 20<<20) {
		t.Errorf("the loose picture is saved as %q", got)
	}
	if len(saved) != 7 {
		t.Errorf("%d contents, want 7", len(saved))
	}
	twin, err := c.Get(ctx, recovery.CarvedID(1, 24<<20))
	if err != nil || twin.Save != recovery.Skipped || twin.DuplicateOf == "" {
		t.Errorf("%+v, %v", twin, err)
	}
	if v, err := recovery.Verify(ctx, c, root, nil); err != nil || !v.Whole() || v.ExtraCount != 0 {
		t.Errorf("%+v, %v", v, err)
	}
}
