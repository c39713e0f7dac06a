// Package ole2 judges compound files: the documents of Office before 2007 (doc, xls, ppt), Windows installers (msi),
// saved mails (msg), Visio, Publisher, thumbnail caches.
//
// All tables are followed: the list of FAT sectors (DIFAT), the FAT, the small FAT, the directory with its tree, and
// the chain of every stream. Each sector is used once; each stream is as long as its entry says; the file ends behind
// the last sector that the FAT does not call free. There is no checksum in the format, so that Consistent is the most
// that is said. The kind of document comes from what the root holds, its title and author from the stream of summary
// information.
//
// It never interprets macros, and never follows a link out of the file. What it keeps in memory is the FAT (4 bytes a
// sector, at most maxSectors) and the directory (at most maxEntries).
//
// Layout, numbers little-endian, sector n at (n+1)*size:
//
//	header(512): D0 CF 11 E0 A1 B1 1A E1, ... sizes, first sectors of the tables, 109 places of FAT sectors
//	sectors: FAT | DIFAT | small FAT | directory (128 bytes an entry) | streams; small streams inside the root's stream
//
// Followed: [MS-CFB] 11.0, [MS-OLEPS] 9.0, [MS-DOC] 12.0, [MS-XLS] 11.0, [MS-PPT] 10.0, [MS-OXMSG] 14.0.
package ole2
