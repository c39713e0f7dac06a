// Package sun reads the disk labels of Sun's computers, and the tables of slices that Solaris keeps inside of a
// partition on PCs.
//
// It promises to return a label with Valid set only when its checksum agrees (a table of slices on a PC has none: its
// sanity number and its own bounds must), and to return a broken one with findings.
//
// A label of a SPARC is the first sector, with the high byte first; slices begin at a cylinder:
//
//	0    text (128)            436  heads (2), sectors of a track (2)
//	128  version, name (8)     444  8 slices: first cylinder (4), sectors (4)
//	140  slices (2), for each  508  0xDABE, and a word that makes the sum of all words 0
//	     tag (2), flags (2)
//	188  sanity 0x600DDEEE
//
// On a PC, sector 1 of the partition, with the low byte first:
//
//	12   sanity 0x600DDEEE     28   bytes of a sector (2), number of slices (2)
//	20   name (8)              72   16 slices: tag (2), flags (2), first sector (4), sectors (4)
//
// Followed: the Solaris header files sys/dklabel.h and sys/vtoc.h as documented in the prtvtoc(1M) and fmthard(1M)
// manuals.
package sun
