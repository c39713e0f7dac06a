// Package ext reads ext2, ext3 and ext4 volumes: live files, what metadata and the journal still give of deleted
// ones and of older contents, and files that no directory names any more.
//
// It promises that every checksum the volume has is verified and told; that a broken superblock or group
// descriptor is replaced by its backups; that directories are read block by block in a row, so that a
// damaged hash tree costs nothing; that a broken entry, block or extent node is an error at its place and
// never hides what stands beside it; and that the runs of each file are the very places of its bytes, inline
// data in the inode included. A block of a deleted file that belongs to something else by now is
// [block.Foreign]; one whose owner is unclear is [block.Guessed].
//
// A journal that needs a replay is replayed in memory: reads of metadata are led to the copies in the log, and
// so are the runs of content that went through it. Such a volume is Dirty, with a finding. Everything else that the log still
// holds, transactions of long ago included, is its history. Records of inodes in it are joined by number and generation, directory blocks
// by the directory that their checksums or their first entries tell, and give deleted files with their names and older contents of files
// that are there. Their bytes are Data only where no later transaction, no bitmap and no other file says
// otherwise and no transaction since is missing; Foreign where something else stands there, else Guessed. None of them is Sound. A
// record or a directory block that is broken on the volume is taken from its newest copy ([filesystem.Rebuilt]). Where the start of a volume is gone,
// all that no file holds is searched for directory blocks and leaves of extent trees.
//
// It never decrypts (such files are Locked), never writes, and never trusts a count, a length or a link that it did not bound.
//
// # Layout
//
//	volume    = boot sector (1 KiB) | superblock (1 KiB) | ... groups of blocks_per_group blocks
//	group     = [superblock copy | group descriptors | reserved] block bitmap, inode bitmap, inode table, data
//	            (flex_bg moves the last four anywhere; meta_bg moves the descriptors into each meta group)
//	inode     = 128 bytes, extra_isize more, then attributes up to inode_size
//	i_block   = extent tree root | 12 direct + 3 indirect blocks | inline data | link target
//	directory = blocks of {inode, rec_len, name_len, type, name}; hash tree blocks look empty in a row
//
//	journal   = superblock | log: descriptor, copies of blocks, revoke, commit ... in a ring | fast commits
//
// A deleted entry stays in the slack of the record before it until it is overwritten; Linux since 5.13 wipes
// the name. A deleted inode keeps its fields, except that Linux empties its extents or block pointers and
// its size; e2fsprogs, old kernels, and other systems leave them.
//
// # Sources
//
// Linux 6.16, Documentation/filesystems/ext4 ("ext4 Data Structures and Algorithms", for the journal "Journal
// (jbd2)" and Documentation/filesystems/journalling), and lib/ext2fs/ext2_fs.h of e2fsprogs 1.47.0 for constants.
package ext
