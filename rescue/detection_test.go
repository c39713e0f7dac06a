package rescue

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/block/probe"
	"salvor/layers"
)

// claimed are the names that blkid gives to what this program names too, with its own names for them. docs/kinds.md has
// the same list.
var claimed = map[string][]string{
	"apfs": {"apfs"}, "BitLocker": {"bitlocker"}, "btrfs": {"btrfs"}, "cramfs": {"cramfs"}, "crypto_LUKS": {"luks"}, "erofs": {"erofs"},
	"exfat": {"exfat"}, "ext2": {"ext2"}, "ext3": {"ext3"}, "ext4": {"ext4"}, "f2fs": {"f2fs"}, "hfs": {"hfs"}, "hfsplus": {"hfsplus"},
	"iso9660": {"iso9660"}, "jfs": {"jfs"}, "linux_raid_member": {"linux_raid", "md"}, "LVM2_member": {"lvm2", "lvm"}, "minix": {"minix"}, "ntfs": {"ntfs"},
	"reiser4": {"reiser4"}, "reiserfs": {"reiserfs"}, "romfs": {"romfs"}, "squashfs": {"squashfs"}, "squashfs3": {"squashfs"}, "swap": {"swap"},
	"swsuspend": {"swap"}, "ubi": {"ubi"}, "ubifs": {"ubifs"}, "udf": {"udf", "iso9660"}, "vfat": {"fat12", "fat16", "fat32"}, "xfs": {"xfs"}, "zfs_member": {"zfs"},
}

// odd are images in which two formats stand, or which are cut, with what is found of them.
var odd = map[string][]string{
	"erofs-minix-magic.img": {"erofs"}, // minix's magic number stands in it by chance
	"swap-luks.img":         {"swap", "luks"},
	"fat.img":               {"fat12", "fat16"},
	"cs_fvault2.img":        {"filevault"},  // newer ones than the blkid of Debian name it
	"ddf-raid.img":          {"linux_raid"}, // ddf_raid_member: its format is told beside the kind
	"isw-raid.img":          {"linux_raid"}, // isw_raid_member
}

// TestDetection names every image of util-linux's tests as blkid does, of the types that are claimed, and none otherwise.
func TestDetection(t *testing.T) {
	const dir = "../filesystem/named/testdata"
	text, err := os.ReadFile(filepath.Join(dir, "blkid.txt"))
	must(t, err)
	tables, err := NewTables()
	must(t, err)
	named, unclaimed := 0, 0
	for line := range strings.Lines(string(text)) {
		field := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		file, kind := field[0], field[1]
		image := gunzipped(t, filepath.Join(dir, file+".gz"))
		var got []string
		for _, v := range resolved(t, tables, image).Volumes() {
			if v.Extent.Offset == 0 {
				got = append(got, v.Kind)
			}
		}
		want, ok := claimed[kind]
		if o, is := odd[file]; is {
			want, ok = o, true
		}
		switch {
		case !ok && len(got) > 0:
			t.Errorf("%s: blkid says %q, which is not claimed, and %q was found", file, kind, got)
		case !ok:
			unclaimed++
		case len(got) == 0 || !slices.ContainsFunc(got, func(g string) bool { return slices.Contains(want, g) }):
			t.Errorf("%s: blkid says %q, found is %q", file, kind, got)
		default:
			named++
		}
	}
	t.Logf("%d images named as blkid names them, %d of types that are not claimed", named, unclaimed)
}

// TestTableDetection names the tables of util-linux's images.
func TestTableDetection(t *testing.T) {
	tables, err := NewTables()
	must(t, err)
	for file, want := range map[string]string{
		"bsd/testdata/bsd.img": "bsd", "sun/testdata/sun.img": "sun", "sgi/testdata/sgi.img": "sgi",
		"atari/testdata/atari-primary.img": "atari", "atari/testdata/atari-xgm.img": "atari", "apm/testdata/apm.img": "apm", "lp/testdata/super.img": "lp",
	} {
		tree := resolved(t, tables, gunzipped(t, "../volume/"+file+".gz"))
		got := ""
		for _, l := range tree.Children {
			if l.Table != nil && !l.Rival {
				got = l.Table.Scheme
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", file, got, want)
		}
	}
}

// resolved returns the layers of an image.
func resolved(t *testing.T, tables *Tables, image []byte) *layers.Layer {
	t.Helper()
	var hits []probe.Hit
	landmark := tables.isLandmark()
	s := tables.matcher.NewSweep(int64(len(image)), func(h probe.Hit) {
		if landmark(h) {
			hits = append(hits, h)
		}
	})
	s.Observe(block.Extent{Length: int64(len(image))}, image)
	tree, err := layers.Resolve(context.Background(), layers.Disk{Number: 1, Name: "disk", Source: block.Bytes(image)}, hits, tables.Layers)
	must(t, err)
	return tree
}
