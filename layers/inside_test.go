package layers

import (
	"strings"
	"testing"
)

// TestOlder names what a quick format left of the volume that stood in the same place before.
func TestOlder(t *testing.T) {
	old := made(t, 24, "mke2fs -q -t ext4 -b 1024 -L before -d SRC IMG")
	img := make([]byte, 32<<20)
	copy(img[mib:], old)
	// A quick format writes metadata and leaves the rest as it is; superblock 1 stands at 8 MiB.
	fresh := made(t, 24, "mkfs.vfat -F 16 -n AFTER IMG")
	for at := 0; at < len(fresh); at += 4096 {
		if b := fresh[at : at+4096]; at < 256<<10 || strings.Trim(string(b), "\x00") != "" {
			copy(img[mib+at:], b)
		}
	}
	writeMBR(img, 512, span{1, 24})
	l := resolve(t, img, realTables(), true)
	if got := volumes(l); got != "v1 fat16 1+24M" {
		t.Errorf("got %s\n%s", got, show(l))
	}
	has(t, l, "layers.volume.older")
	found := false
	l.Walk(func(n *Layer, _ int) bool {
		found = found || n.Rival && strings.HasPrefix(n.Kind, "ext") && n.Label == "before" && n.Extent.Offset == mib && n.Extent.Length == 24*mib
		return true
	})
	if !found {
		t.Errorf("the older volume is not shown\n%s", show(l))
	}
}

// TestImagesInFiles tells images of volumes that are files from volumes, also where the volume with the files lost against
// a newer one.
func TestImagesInFiles(t *testing.T) {
	outer := made(t, 24, "mke2fs -q -t ext2 -b 1024 SRC/image.txt 1M", "mke2fs -q -t ext4 -b 1024 -L outer -d SRC IMG")
	img := make([]byte, 40<<20)
	copy(img[mib:], outer)
	l := resolve(t, img, realTables(), true)
	if got := volumes(l); got != "v1 ext4 1+24M" {
		t.Errorf("got %s\n%s", got, show(l))
	}
	// With a table that names a newer volume across the end of the old one, the old one is a rival, and its files are
	// no volumes for that.
	copy(img[20*mib:], made(t, 16, "mkfs.vfat -F 16 -n NEWER IMG", "mcopy -s -i IMG SRC ::"))
	writeMBR(img, 512, span{20, 16})
	l = resolve(t, img, realTables(), true)
	if got := volumes(l); got != "v1 fat16 20+16M" {
		t.Errorf("got %s\n%s", got, show(l))
	}
	has(t, l, "layers.volume.older")
}

// TestOverlay keeps a slot whose first half was overwritten by an image with a volume of its own: the slots around it say that it
// is there.
func TestOverlay(t *testing.T) {
	img := make([]byte, 120<<20)
	slot := made(t, 32, "mke2fs -q -t ext4 -b 1024 -L slot -d SRC IMG")
	copy(img[mib:], slot)
	copy(img[33*mib:], slot)
	copy(img[65*mib:], made(t, 16, "mkfs.vfat -F 16 -n DATA IMG", "mcopy -s -i IMG SRC ::"))
	noise(img[33*mib:49*mib], 7)
	copy(img[34*mib:], made(t, 8, "mkfs.vfat -F 16 -s 1 -n UPDATE IMG", "mcopy -s -i IMG SRC ::"))
	l := resolve(t, img, realTables(), true)
	if got, want := volumes(l), "v1 ext4 1+32M; v2 ext4 33+32M damaged; v3 fat16 34+8M; v4 fat16 65+16M"; got != want {
		t.Errorf("got  %s\nwant %s\n%s", got, want, show(l))
	}
	has(t, l, "layers.volume.overlay")
}
