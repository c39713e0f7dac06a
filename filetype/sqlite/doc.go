// Package sqlite judges SQLite 3 databases.
//
// A database is a row of pages of one size; page 1 begins with a header of 100 bytes and holds the schema,
// which names the root pages of all b-trees:
//
//	page 1: header | b-tree of the schema
//	page n: b-tree page | overflow page | freelist trunk or leaf | pointer map | the lock-byte page
//
// Every page is read. All b-trees are walked from the schema, with their overflow chains, and so are the
// freelist and, in auto-vacuum databases, the pointer map: each page must be used exactly once; cells,
// free blocks and fragments must fill the content area of a page; rows must stand in order and records
// must have the length that their header says; all leaves of a tree stand at one depth. So the damage
// that is found is that of structure. A value that changed inside a record is not seen: SQLite keeps no
// checksum, and Consistent is the most that is said.
//
// It does not use SQLite, since the file may be damaged or hostile; it does not read values other than
// the schema's, does not interpret SQL but for WITHOUT ROWID, and does not apply a journal or a
// write-ahead log, which are files of their own. Databases that are encrypted as a whole have no header and
// are not recognised.
//
// The end comes from the page count in the header where that is valid, else from the last page in use.
//
// Followed: "Database File Format", sqlite.org/fileformat2.html, as of SQLite 3.40.
package sqlite
