package rescue

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/block/probe"
	"salvor/internal/need"
	"salvor/layers"
)

// wreck is a random layout that is destroyed, with what must and what may be found on it.
type wreck struct {
	image []byte
	must  []placed
	may   []placed
}

// drop moves volume i from what must to what may be found.
func (d *wreck) drop(i int) {
	d.may = append(d.may, d.must[i])
	d.must = slices.Delete(d.must, i, i+1)
}

// dropOver does so for the volumes that stand on e.
func (d *wreck) dropOver(e block.Extent) {
	for i := len(d.must) - 1; i >= 0; i-- {
		if d.must[i].extent().Overlaps(e) {
			d.drop(i)
		}
	}
}

func (p placed) extent() block.Extent { return block.Extent{Offset: p.offset, Length: p.size} }

func (p placed) String() string {
	return fmt.Sprintf("%s %q at 0x%x+0x%x", p.kind, p.label, p.offset, p.size)
}

// lay writes a table with sfdisk and volumes onto a new disk: pairs of slots of equal size among them, as devices
// have.
func lay(t *testing.T, rnd *rand.Rand, dir string, images []placed) *wreck {
	t.Helper()
	scheme := []string{"gpt", "gpt", "dos"}[rnd.IntN(3)]
	var list []placed
	at := int64(1 << 20)
	for range 2 + rnd.IntN(3) {
		p := images[rnd.IntN(len(images))]
		copies := 1
		if rnd.IntN(4) == 0 && len(p.image) < 20<<20 && len(list) < 3 && p.kind != "luks" {
			copies = 2 // a pair of slots
		}
		for range copies {
			if len(list) == 4 {
				break
			}
			if !p.open {
				at += int64(rnd.IntN(3)) << 20
			}
			p.offset = at
			list = append(list, p)
			at += (p.size + mebi - 1) / mebi * mebi
		}
	}
	total := at + 2<<20
	d := &wreck{image: make([]byte, total), must: list}
	sfdisk(t, dir, scheme, d)
	for _, p := range list {
		copy(d.image[p.offset:], p.image)
	}
	return d
}

// sfdisk writes a table for d.must.
func sfdisk(t *testing.T, dir, scheme string, d *wreck) {
	t.Helper()
	var table strings.Builder
	fmt.Fprintf(&table, "label: %s\n", scheme)
	for _, p := range d.must {
		fmt.Fprintf(&table, "start=%d, size=%d\n", p.offset/512, (p.size+mebi-1)/mebi*mebi/512)
	}
	path := filepath.Join(dir, "table.img")
	must(t, os.WriteFile(path, nil, 0o600))
	must(t, os.Truncate(path, int64(len(d.image))))
	input := filepath.Join(dir, "table.txt")
	must(t, os.WriteFile(input, []byte(table.String()), 0o600))
	command(t, "sh", "-c", "sfdisk -q --no-reread --no-tell-kernel "+path+" <"+input)
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	ends := func(at int64) {
		_, err := f.ReadAt(d.image[at:at+mebi], at)
		must(t, err)
	}
	ends(0)
	ends(int64(len(d.image)) - mebi)
}

// destructions are what is done to a disk; each notes what cannot be found any more.
var destructions = []struct {
	name string
	do   func(t *testing.T, rnd *rand.Rand, dir string, d *wreck, images []placed)
}{
	{"nothing", func(*testing.T, *rand.Rand, string, *wreck, []placed) {}},
	{"first MiB", func(_ *testing.T, _ *rand.Rand, _ string, d *wreck, _ []placed) { clear(d.image[:mebi]) }},
	{"last MiB", func(_ *testing.T, _ *rand.Rand, _ string, d *wreck, _ []placed) { clear(d.image[len(d.image)-mebi:]) }},
	{"both tables", func(_ *testing.T, _ *rand.Rand, _ string, d *wreck, _ []placed) {
		clear(d.image[:mebi])
		clear(d.image[len(d.image)-mebi:])
	}},
	{"boot sectors and both tables", func(_ *testing.T, _ *rand.Rand, _ string, d *wreck, _ []placed) {
		clear(d.image[:mebi])
		clear(d.image[len(d.image)-mebi:])
		bootSectors(d)
	}},
	{"boot sectors", func(_ *testing.T, _ *rand.Rand, _ string, d *wreck, _ []placed) { bootSectors(d) }},
	{"random sectors", func(_ *testing.T, rnd *rand.Rand, _ string, d *wreck, _ []placed) {
		for range 64 {
			e := block.Extent{Offset: rnd.Int64N(int64(len(d.image)/512)) * 512, Length: 512}
			for i := range d.image[e.Offset:e.End()] {
				d.image[e.Offset+int64(i)] = byte(rnd.Uint32())
			}
			for i := len(d.must) - 1; i >= 0; i-- {
				// What hits a structure that has no copy takes the volume with it, or some of its proof.
				if p := d.must[i]; (block.Extent{Offset: p.offset, Length: max(p.head, 4096)}).Overlaps(e) {
					d.drop(i)
				}
			}
		}
	}},
	{"a new table and a quick format", newFormat},
	{"an update that stopped in the middle of a slot", halfUpdate},
	{"the same, and both tables", func(t *testing.T, rnd *rand.Rand, dir string, d *wreck, images []placed) {
		halfUpdate(t, rnd, dir, d, images)
		clear(d.image[:mebi])
		clear(d.image[len(d.image)-mebi:])
	}},
}

// bootSectors clears the first structure of each volume.
func bootSectors(d *wreck) {
	for i := len(d.must) - 1; i >= 0; i-- {
		p := d.must[i]
		n := int64(512)
		if strings.HasPrefix(p.kind, "ext") || p.kind == "hfsplus" || p.kind == "luks" {
			n = 4096
		}
		clear(d.image[p.offset : p.offset+n])
		if p.head > 0 {
			d.drop(i)
		}
	}
}

// newFormat writes another table and a new, empty file system over what was there.
func newFormat(t *testing.T, rnd *rand.Rand, dir string, d *wreck, images []placed) {
	var fit []placed
	for _, p := range images {
		if p.size < int64(len(d.image))-4<<20 && !p.open && (p.files || p.kind == "ntfs" || p.kind == "exfat") {
			fit = append(fit, p)
		}
	}
	if len(fit) == 0 {
		return
	}
	p := fit[rnd.IntN(len(fit))]
	p.offset = mebi + rnd.Int64N(max((int64(len(d.image))-4<<20-p.size)/mebi, 1))*mebi
	d.dropOver(p.extent())
	old := d.must
	d.must = []placed{p}
	sfdisk(t, dir, []string{"gpt", "dos"}[rnd.IntN(2)], d)
	d.must = append(old, p)
	// A quick format writes metadata and leaves the rest as it is.
	for at := 0; at < len(p.image); at += 4096 {
		if b := p.image[at:min(at+4096, len(p.image))]; at < 256<<10 || !allZero(b) {
			copy(d.image[int(p.offset)+at:], b)
		}
	}
}

func allZero(b []byte) bool { return !slices.ContainsFunc(b, func(c byte) bool { return c != 0 }) }

// halfUpdate overwrites the first half of a slot with an image that has a table and file systems inside of it.
func halfUpdate(_ *testing.T, rnd *rand.Rand, _ string, d *wreck, images []placed) {
	i := rnd.IntN(len(d.must))
	slot := d.must[i]
	half := d.image[slot.offset : slot.offset+slot.size/2]
	for j := range half {
		half[j] = byte(rnd.Uint32())
	}
	d.drop(i)
	// A table at its start, as disk images have.
	if len(half) > 512 {
		clear(half[440:512])
		half[446+4] = 0x83
		binary.LittleEndian.PutUint32(half[446+8:], 128)
		binary.LittleEndian.PutUint32(half[446+12:], 4096)
		half[510], half[511] = 0x55, 0xaa
		copy(half[512:], d.image[512:1024])
	}
	// And a file system in it, whole or cut off by the stop.
	inner := images[rnd.IntN(len(images))]
	inner.offset = slot.offset + 65536
	if room := int64(len(half)) - 65536; room > 4096 {
		copy(half[65536:], inner.image)
		d.may = append(d.may, inner)
	}
}

// TestDestroyedLayouts destroys disks with random layouts in all ways that an update that failed does: at least 99 of
// 100 volumes that left anything to be found by come out at their exact start and size, and nothing is accepted that
// never was a volume.
func TestDestroyedLayouts(t *testing.T) {
	images := allImages(t)
	tables, err := NewTables()
	must(t, err)
	n := layouts
	if need.CI() {
		n *= 8
	}
	dir := t.TempDir()
	rnd := rand.New(rand.NewPCG(2026, 1121))
	wanted, exact, wrong := map[string]int{}, map[string]int{}, 0
	for i := range n {
		d := lay(t, rnd, dir, images)
		destroy := destructions[i%len(destructions)]
		destroy.do(t, rnd, dir, d, images)
		missed, strange := d.search(t, tables)
		wanted[destroy.name] += len(d.must)
		exact[destroy.name] += len(d.must) - len(missed)
		wrong += len(strange)
		if len(missed)+len(strange) > 0 {
			t.Logf("layout %d, %s: missed %v, wrong %v; must %v, may %v", i, destroy.name, missed, strange, d.must, d.may)
		}
	}
	all, good := 0, 0
	for _, x := range destructions {
		all, good = all+wanted[x.name], good+exact[x.name]
		t.Logf("%-50s %d of %d", x.name, exact[x.name], wanted[x.name])
	}
	t.Logf("%d layouts: %d of %d volumes at their exact start and size, %d wrong ones", n, good, all, wrong)
	if good*100 < all*99 || wrong > 0 {
		t.Errorf("%d of %d volumes, %d wrong ones", good, all, wrong)
	}
}

// search returns the volumes that were not found at their exact place, and those that were accepted and never were.
func (d *wreck) search(t *testing.T, tables *Tables) (missed []placed, strange []string) {
	t.Helper()
	var hits []probe.Hit
	landmark := tables.isLandmark()
	s := tables.matcher.NewSweep(int64(len(d.image)), func(h probe.Hit) {
		if landmark(h) {
			hits = append(hits, h)
		}
	})
	s.Observe(block.Extent{Length: int64(len(d.image))}, d.image)
	tree, err := layers.Resolve(context.Background(), layers.Disk{Number: 1, Name: "disk", Source: block.Bytes(d.image)}, hits, tables.Layers)
	must(t, err)
	found := tree.Volumes()
	same := func(p placed, l *layers.Layer) bool {
		return l.Extent.Offset == p.offset && kindOf(l.Kind) == kindOf(p.kind) && (l.Extent.Length == p.size || p.open && l.Extent.Length >= p.size)
	}
	for _, p := range d.must {
		if !slices.ContainsFunc(found, func(l *layers.Layer) bool { return same(p, l) }) {
			missed = append(missed, p)
		}
	}
	for _, l := range found {
		was := func(p placed) bool {
			return l.Extent.Offset == p.offset && kindOf(l.Kind) == kindOf(p.kind)
		}
		if !slices.ContainsFunc(d.must, was) && !slices.ContainsFunc(d.may, was) {
			strange = append(strange, fmt.Sprintf("%s %q at %v, score %d", l.Kind, l.Label, l.Extent, l.Score))
		}
	}
	return missed, strange
}

// kindOf joins the kinds of one reader: what version an ext volume has depends on what can still be read of it.
func kindOf(kind string) string {
	for _, family := range []string{"ext", "fat", "hfs", "luks"} {
		if strings.HasPrefix(kind, family) {
			return family
		}
	}
	return kind
}
