// Package fat reads FAT12, FAT16 and FAT32 volumes with long names (VFAT): live files, deleted ones, and
// what is left of damaged ones.
//
// It promises:
//
//   - The number of clusters decides between FAT12 and FAT16, and the absence of a 16-bit FAT size between
//     those and FAT32, as drivers do it; the type that a boot sector writes out is only a hint.
//
//   - A FAT32 volume whose boot sector is broken opens by its backup. [Locate] gives the true start of a
//     volume whichever of the two was found.
//
//   - Both copies of the FAT are compared, entry by entry. Where they differ, the one that makes a file's
//     chain fit its size is taken, and the file and the volume say so.
//
//   - Clusters that two files claim are told on both, and [block.Guessed], and neither file is Sound.
//
//   - Of a deleted file only the first cluster is known; it is [block.Data] while it is free and no one else
//     claims it. The rest is [block.Guessed], and [block.Foreign] where live data stands now. Deleted files
//     are never Sound.
//
//   - Chains that no directory names are Orphan files below "lost+found-chains"; directories among them
//     are walked.
//
//   - A broken entry is an error in the walk and hides nothing; a broken long name costs only that name.
//
//   - Without a boot sector and its backup, the layout is worked out from both FATs and the directories, where
//     these agree. Such a volume of FAT16 or FAT32 is found without a partition table too; where exactly it began is
//     not known then.
//
//   - Clusters that two live files claim are Foreign to the one that was written for the last time before the other,
//     whose chain fits, was made; where the times do not say so they are Guessed for both. Neither is Sound.
//
//   - Directories in clusters that no live file has, as a quick format leaves them, are found by their entries for
//     themselves. They are Rebuilt, below "lost+found-directories", and so is what they name. Further clusters of
//     them are joined to them where a long name goes over the border and its checksum fits, and else by their looks,
//     which is told of each entry in them.
//
//   - The code page of short names is the one that the long names beside them agree with; without any it is a
//     guess. Either is told.
//
// It never takes a byte from an unreadable FAT entry for a guess, and keeps no FAT in memory: FATs are read through a
// cache of bounded size, and what is remembered of clusters is a few bits each, only where they are in use.
//
// The layout, in sectors of the size that the boot sector names (512 to 4096 bytes):
//
//	reserved     0: boot sector; FAT32: 1: FSInfo, 6: backup of the boot sector
//	FAT 1, FAT 2 12, 16 or 32 (28 used) bits for each cluster: 0 free, next cluster, bad, or end of chain
//	root         FAT12/16: a fixed number of 32-byte entries; FAT32: a chain like any directory's
//	data         clusters, numbered from 2
//
// A directory is a list of 32-byte entries. A file has one short entry (8+3 bytes in a code page, times,
// attributes, first cluster, size), with the entries of its long name before it, last part first, each with
// a checksum of the short name. Deleting sets the first byte of each to 0xE5 and frees the chain.
//
// Choices where the format says nothing: bytes of 0x80 and above in short names without evidence are code
// page 437, since a volume does not name its code page. Times are the writer's local time, so Times.Local is set. Permissions
// are 0644 and 0755, or 0444 and 0555 with the read-only attribute. Where the read-only, hidden or system
// attribute is set, the attribute byte is kept as the extended attribute "user.DOSATTRIB" in the text form
// that Samba gives it ("0x23"). IDs are "d" and the byte offset of the short entry ("d0x4820"), "c" and the
// first cluster for chains without an entry ("c0x1a"), and "root".
//
// Followed: Microsoft, "FAT: General Overview of On-Disk Format", version 1.03, 6 December 2000, with the
// correction that the fine creation time counts hundredths of a second; ECMA-107, 2nd edition, June 1995;
// and for what these leave open (case flags of short names, the dirty flag of the boot sector, directories
// whose end mark is followed by more) the behaviour of the Windows and Linux drivers.
package fat
