// Package apm reads Apple partition maps, as they stand on disks and discs of the Macintosh and on hybrid discs.
//
// It promises to return the map with every entry that still carries its signature, also when the driver record in
// the first block is gone or some entries are broken, and to name the size of a block that the entries themselves
// show. It never reads more than [MaxEntries] entries, and it never takes a map for valid whose entries contradict
// the number that they give.
//
// All numbers have the high byte first and count blocks of 512 to 4096 bytes:
//
//	block 0       "ER", size of a block (2), number of blocks (4), drivers
//	block 1 .. n  "PM", 0 (2), n (4), first block (4), number of blocks (4), name (32), type (32),
//	              first block and number of blocks of the data, status (4), ...
//
// A disc may hold one map for blocks of 512 bytes and another one for blocks of 2048; both are returned.
//
// Followed: Inside Macintosh: Devices (1994), chapter 3, and Technical Note TN2166's remarks on the map.
package apm
