// Package hfsplus reads HFS+ and HFSX volumes, alone or inside of an HFS wrapper: live files, hard links and both
// forks of each, compressed files, extended attributes; what of deleted files the catalogue and the journal still
// hold; and volumes whose header or trees are damaged.
//
// It promises:
//
//   - The catalogue is read by its leaves, which are gone over once in the order of the file; index nodes are not
//     needed, so that a broken one costs nothing. Where the chain of leaves is whole, exactly those in it are
//     live; else all that the tree's own map calls used.
//   - A volume whose header is broken opens by the copy at its end, and one without both by the nodes of its trees,
//     found by their looks (Open reads up to 1 GiB for that, 64 MiB where there is none).
//   - A journal that was not carried out is, in memory only; its other transactions give older records.
//   - What stands in a folder whose record is gone is an Orphan below "lost+found-" and the number and name of the
//     folder.
//   - The blocks of a deleted file that the volume's map calls used are [block.Foreign]; Deleted files are never
//     Sound. A live file whose blocks that map calls free is not Sound either.
//   - A broken record is an error in the walk and hides no other.
//
// It never follows a journal to another device, never reads a volume of the older HFS, and does not tell
// two live files that claim the same blocks: who judges files does, over all volumes.
//
// The format has no checksums but those of its journal: Sound says that nothing contradicts itself, not that every
// bit is right.
//
// The layout, in allocation blocks of the size that the header names, all numbers high byte first:
//
//	1024       volume header: sizes, and the first eight extents of each of the volume's own files
//	anywhere   allocation file, a bit for each block; extents overflow file, catalogue and attributes file, which are
//	           B-trees; journal info block and journal
//	end-1024   copy of the volume header
//
// A B-tree is a row of nodes: node 0 has the tree's header and its map of nodes; leaves are chained in order of
// keys. The catalogue has for each file and folder a record with the key (folder, name), and a thread with
// the key (its own number, no name) that leads back to that.
//
// Choices where the format says nothing: names are composed (NFC), except for letters that Apple's rules never
// decompose, and the slash that a name may hold is a colon, as every system shows it. The resource fork is the
// stream "rsrc"; Finder information is the attribute "com.apple.FinderInfo". IDs are "i" and the catalogue number of
// the record, which for a hard link is its own; "d" and the number for what was deleted.
//
// Followed: Apple, Technical Note TN1150, "HFS Plus Volume Format", 5 March 2004; for the journal, hard links of
// folders, and attributes XNU's bsd/hfs/hfs_format.h and bsd/vfs/vfs_journal.h (xnu-2782); for compressed files
// XNU's bsd/sys/decmpfs.h, and the units of their resource forks as 7-Zip's reader of HFS (26.02) takes them.
package hfsplus
