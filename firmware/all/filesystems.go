package all

import (
	"slices"

	"salvor/firmware"
	"salvor/firmware/cramfs"
	"salvor/firmware/disk"
	"salvor/firmware/diskfs"
	"salvor/firmware/erofs"
	"salvor/firmware/extimg"
	"salvor/firmware/jffs2"
	"salvor/firmware/romfs"
	"salvor/firmware/squashfs"
	"salvor/firmware/ubi"
	"salvor/firmware/ubifs"
)

// fileSystems are images of file systems, of flash and of disks, which packages with a meaning of their own may be made
// of: they are asked behind those.
func fileSystems() []firmware.Format {
	return slices.Concat(
		[]firmware.Format{ubi.Format(), ubifs.Format(), squashfs.Format(), cramfs.Format(), romfs.Format(), jffs2.Format(), erofs.Format(), extimg.Format()},
		diskfs.Formats(),
		[]firmware.Format{disk.Format()}, // behind FAT, which ends its first sector with the same two bytes
	)
}
