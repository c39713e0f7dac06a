// Package named recognises the file systems, members of sets and encrypted volumes that the program does
// not read: Btrfs, XFS, F2FS, APFS, SquashFS, UBI and UBIFS, JFFS2, EROFS, cramfs, romfs,
// ISO 9660, UDF, LUKS, BitLocker, Linux RAID, LVM, swap, ZFS, ReiserFS, Reiser4, JFS, HFS, minix.
//
// It promises to say where such a volume begins and ends by its own word, with its label and its identifier,
// and never to shift one: a backup structure gives the start that it names or that its neighbours prove. It
// never takes a magic number for a proof where the format has more: a checksum, a size, a second structure
// at the place that the first one names. It never opens anything; each candidate carries [Recognised].
//
// A candidate whose format does not say how long it is (LUKS, BitLocker of Windows Vista) has Locked set and
// ends behind its header.
//
// The layouts are told at each kind's file, with the document that was followed: the Linux kernel's headers
// and documentation (6.x), Apple's TN1150 and APFS Reference (2020),
// ECMA-119 and ECMA-167, the LUKS1 (1.2.3) and LUKS2 (1.1.1) on-disk formats, and the md(4), mkswap(8) and
// LVM2 documentation. Names and identifiers are those that blkid(8) shows, except that "crypto_LUKS",
// "BitLocker", "linux_raid_member", "LVM2_member", "zfs_member" are "luks", "bitlocker", "linux_raid",
// "lvm2", "zfs", and "squashfs3" is "squashfs".
package named
