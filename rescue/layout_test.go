package rescue

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"salvor/block"
	"salvor/block/probe"
	"salvor/internal/need"
	"salvor/layers"
)

// layouts is how many random disks are made; in the CI eight times as many.
const layouts = 25

// TestRandomLayouts makes disks with random tables, partitions, gaps and file systems, and wipes the tables of some. The same
// volumes come out, at the very same bytes, whatever is left of the tables; numbers follow places; nothing stands outside of
// what it stands in.
func TestRandomLayouts(t *testing.T) {
	images := volumeImages(t)
	tables, err := NewTables()
	must(t, err)
	dir := t.TempDir()
	n := layouts
	if need.CI() {
		n *= 8
	}
	count := 0
	one := func(rt *rapid.T) {
		if count++; count > n {
			return
		}
		scheme := rapid.SampledFrom([]string{"gpt", "dos", "none"}).Draw(rt, "scheme")
		parts := rapid.IntRange(1, 4).Draw(rt, "partitions")
		if scheme == "none" {
			parts = 1
		}
		wipe := rapid.SampledFrom([]string{"", "", "first", "all"}).Draw(rt, "wiped")
		var want []placed
		var table strings.Builder
		fmt.Fprintf(&table, "label: %s\n", scheme)
		at := int64(1 << 20)
		if scheme == "none" {
			at = 0
		}
		for i := range parts {
			at += int64(rapid.IntRange(0, 3).Draw(rt, "gap")) << 20
			if scheme == "none" {
				at = 0
			}
			p := rapid.SampledFrom(images).Draw(rt, "volume")
			if rapid.IntRange(0, 5).Draw(rt, "empty") == 0 && scheme != "none" {
				p = placed{} // a partition with nothing in it
			}
			size := max(int64(len(p.image)), 1<<20) + int64(rapid.IntRange(0, 1).Draw(rt, "slack"))<<20
			fmt.Fprintf(&table, "start=%d, size=%d", at/512, size/512)
			if scheme == "gpt" {
				fmt.Fprintf(&table, ", name=part%d", i)
			}
			table.WriteByte('\n')
			if p.kind != "" {
				p.offset = at
				want = append(want, p)
			}
			at += size
		}
		total := at + 2<<20
		disk := filepath.Join(dir, "disk.img")
		must(t, os.WriteFile(disk, make([]byte, total), 0o600))
		if scheme != "none" {
			cmd := exec.Command("sfdisk", "-q", "--no-reread", "--no-tell-kernel", disk)
			cmd.Stdin = strings.NewReader(table.String())
			if out, err := cmd.CombinedOutput(); err != nil {
				rt.Fatalf("sfdisk: %v %s\n%s", err, out, table.String())
			}
		}
		image, err := os.ReadFile(disk)
		must(t, err)
		for _, p := range want {
			copy(image[p.offset:], p.image)
		}
		if scheme != "none" && wipe != "" {
			clear(image[:34*512])
			if wipe == "all" {
				clear(image[total-34*512:])
			}
		}
		var hits []probe.Hit
		landmark := tables.isLandmark()
		s := tables.matcher.NewSweep(total, func(h probe.Hit) {
			if landmark(h) {
				hits = append(hits, h)
			}
		})
		s.Observe(block.Extent{Length: total}, image)
		tree, err := layers.Resolve(context.Background(), layers.Disk{Number: 1, Name: "disk", Source: block.Bytes(image)}, hits, tables.Layers)
		must(t, err)
		checkLayout(rt, tree, want, total)
	}
	// How many cases rapid makes is an option of the test binary.
	for count < n && !t.Failed() {
		rapid.Check(t, one)
	}
}

// checkLayout holds a tree against what was placed.
func checkLayout(rt *rapid.T, tree *layers.Layer, want []placed, size int64) {
	ids := map[string]bool{}
	tree.Walk(func(l *layers.Layer, _ int) bool {
		if ids[l.ID] {
			rt.Errorf("two layers are called %s", l.ID)
		}
		ids[l.ID] = true
		if l.Extent.Offset < 0 || l.Extent.End() > size {
			rt.Errorf("%s %s at %v lies outside of the disk", l.ID, l.Kind, l.Extent)
		}
		if p := l.Parent; p != nil && !l.Rival && l.State != layers.Damaged && l.Kind != "gpt" && p.Kind != "gpt" && p.Kind != "mbr" &&
			(l.Extent.Offset < p.Extent.Offset || l.Extent.End() > p.Extent.End()) {
			rt.Errorf("%s %s at %v lies outside of %s at %v", l.ID, l.Kind, l.Extent, p.ID, p.Extent)
		}
		return true
	})
	var got []string
	for i, v := range tree.Volumes() {
		if v.Volume != i+1 {
			rt.Errorf("volume %d has the number %d", i+1, v.Volume)
		}
		got = append(got, fmt.Sprintf("%s %q at %d", v.Kind, v.Label, v.Extent.Offset))
		if v.FS == nil {
			rt.Errorf("%s at %v cannot be read", v.Kind, v.Extent)
			continue
		}
		found := false
		for f, err := range v.FS.Files(context.Background()) {
			if err != nil {
				rt.Errorf("%s at %v: %v", v.Kind, v.Extent, err)
			} else if strings.EqualFold(f.Path, "folder/note.txt") {
				found = true
				for _, r := range f.Streams[0].Runs {
					if !(block.Extent{Length: v.Extent.Length}).Contains(r.PhysicalExtent()) {
						rt.Errorf("%s: a file of it stands at %v", v.ID, r.PhysicalExtent())
					}
				}
			}
		}
		if !found {
			rt.Errorf("%s at %v: its file is not listed", v.Kind, v.Extent)
		}
	}
	var wanted []string
	for _, p := range want {
		wanted = append(wanted, fmt.Sprintf("%s %q at %d", p.kind, p.label, p.offset))
	}
	if !slices.Equal(got, wanted) {
		rt.Errorf("found %q, want %q", got, wanted)
	}
}
