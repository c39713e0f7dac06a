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
