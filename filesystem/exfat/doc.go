// Package exfat reads exFAT volumes, TexFAT included: live files, deleted ones, and what is left of damaged or
// newly formatted volumes.
//
// It promises:
//
//   - Every structure that has a checksum is checked: both boot regions, the up-case table, each entry set, each
//     hash of a name. One that fails lowers trust and hides nothing.
//   - A volume without its boot region opens by the backup, and without both by what the FAT, the up-case
//     table and the root directory imply, as far as they lie where formatters put them.
//   - A live file is Sound when its set, its clusters, the FAT, and the allocation bitmap agree, and the boot
//     sector is covered by a checksum. Deleted files are never Sound.
//   - A deleted file in one piece has its exact clusters: [block.Data] while they are free, [block.Foreign] where
//     live data stands or a later deleted file stood, [block.Guessed] where that cannot be decided. A deleted
//     file in pieces has what the FAT still holds of its chain, when all of that is free, else a guess.
//   - The two bitmaps of TexFAT are compared. Where the one in use cannot be read the other serves, and it takes its
//     place when only it knows its own clusters and those of the root directory. Clusters of deleted files that are
//     free by the first and taken by the other are Guessed.
//   - Clusters that two live files claim are Foreign to the one that contradicts itself or was written
//     earlier, and Guessed for both when nothing decides. Neither is Sound.
//   - Bytes behind the valid length are [block.Zero]: by definition of the format they read as zeros, whatever
//     stands in their clusters, so that a verdict counts them as known. Where something else stands there, or
//     where a file of size 0 has clusters, its writer never closed it: the allocated bytes are listed once
//     more, as a Rebuilt file of the same path, all of them Guessed.
//   - Allocated clusters that no set names are Orphan files below "lost+found-allocated"; directories among them
//     are walked.
//   - Directories in clusters that no live file has, as a format leaves them, are found by the checksums of their
//     sets. They are Rebuilt, below "lost+found-directories", and so is what they name.
//
// It never takes a byte of an unreadable structure for a guess, and keeps neither the FAT nor the bitmap in
// memory: both are read through caches of bounded size, and what is remembered of clusters is a few bits
// each, only where they are in use.
//
// The layout, in sectors of 512 to 4096 bytes:
//
//	0   boot region: boot sector, 8 extended boot sectors, parameters, reserved, checksum
//	12  backup of the boot region
//	n   FAT, with TexFAT a second one: 32 bits for each cluster, only for files in pieces
//	m   clusters of 512 bytes to 32 MiB, numbered from 2: allocation bitmap, up-case table, root directory, files
//
// A directory is a list of 32-byte entries. A file is a set of them: a file entry (attributes, times, a checksum
// over the set), a stream entry (size, valid size, first cluster, whether the FAT is needed, a hash of the name) and
// entries of 15 UTF-16 units of the name. Deleting clears the highest bit of each entry's type, and the bits of the
// clusters in the bitmap.
//
// Choices where the format says nothing: permissions are 0644 and 0755, or 0444 and 0555 with the read-only
// attribute. Where the read-only, hidden or system attribute is set, the attributes are kept as the extended
// attribute "user.DOSATTRIB" in the text form that Samba gives it; entries of makers as "user.exfat.vendor." and
// their GUID. Times with an offset from UTC are given in that zone; where one lacks it, Times.Local is set. IDs are "d" and the
// byte offset of the first entry of a set ("d0x4820"), with "-open" behind for the second listing of an
// unclosed file, "c" and the first cluster for what has no entry ("c0x1a"), and "root".
//
// Followed: Microsoft, "exFAT file system specification", 27 August 2019; and the behaviour of the Windows and Linux drivers and of exfat-fuse where they differ.
package exfat
