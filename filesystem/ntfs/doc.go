// Package ntfs reads NTFS volumes: live files with all their streams, deleted ones, and what is left of damaged
// volumes.
//
// It promises:
//
//   - Every path of a file is given, hard links too, and no short name beside the long one it stands for.
//   - The place of each byte is exact, also of files that stand inside of a record of the master file table, where
//     the last two bytes of each 512 are kept elsewhere. What was allocated but never written reads as zeros.
//   - Update sequences are checked. Records and index blocks that fail are read for what they have, and nothing
//     that comes from them is Sound.
//   - A deleted file keeps its content as long as its record is left. Ranges that files in use, the volume's bitmap
//     or a later deleted file claim are [block.Foreign]; where it cannot be told which of two deleted files was
//     later, they are [block.Guessed]. Deleted files are never Sound.
//   - References carry the number of times that a record was used. A folder whose record belongs to another one by
//     now is not taken for the parent: the path is then below "lost+found-reused/" and the reference of what is
//     gone, or "lost+found-unknown/" where nothing is known of it.
//   - Names of deleted files come from their records, from what is left behind the entries of folders, from
//     $LogFile and from $UsnJrnl.
//   - What an older volume left in clusters that are free by now, as a quick format does, is searched for: its files
//     are given with their paths, as deleted, below "lost+found-older/". Where no index block confirms that it began
//     at the same place, their content is Guessed.
//   - A volume without a boot sector opens by its backup, one without both by the records of the master file
//     table, one whose table does not name itself any more by searching for its records. [Locate] gives the true
//     start of a volume whichever of these was found.
//
// It never replays the log: that would mix two states of a volume. It never writes, decrypts (EFS), or reads
// volume shadow copies, whose presence is told. The volume's own files ($MFT, $LogFile, $Extend and so on) are
// structures, not files, and are not given.
//
// The layout:
//
//	boot         first sector: size of sectors, clusters and records, cluster of the table and of its mirror;
//	             copy of it in the sector behind the last that it counts
//	table        $MFT, a file of records, 1 or 4 KiB each: header with update sequence, then attributes
//	  0 $MFT  1 $MFTMirr (copy of the first four)  2 $LogFile  3 $Volume  5 root folder  6 $Bitmap
//	  8 $BadClus  9 $Secure  11 $Extend ($UsnJrnl, $ObjId, ...)
//	attribute    type, name, and either a value or mapping pairs: lengths and differences of clusters
//	folder       $INDEX_ROOT and $INDEX_ALLOCATION named $I30: a B-tree of names with references to records
//
// Choices where the format says nothing: permissions are 0644 and 0755, or 0444 and 0555 with the read-only
// attribute. Security descriptors, attribute bits, object identifiers, short names and reparse points are kept as
// extended attributes under the names that NTFS-3G gives them ("system.ntfs_acl" and so on). The target of a
// symbolic link or junction is what Windows shows (the print name), else the stored one. IDs are "m", the number of
// the record, "-" and its sequence ("m56-2"), with "-2" and on behind for further paths,
// and "o" before those of an older volume.
//
// Followed: the layout as documented by the Linux NTFS project (NTFS Documentation, R. Russon and Y. Fledel) and in
// the headers of NTFS-3G 2022.10.3 (layout.h) for structures; [MS-FSCC] File System Control Codes, revision 57.0, for
// reparse points and records of the change journal; the public analyses of $LogFile by J. Schicht (LogFileParser)
// for its operations; [MS-XCA] for compression.
package ntfs
