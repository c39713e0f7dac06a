// Package jffs2 checks JFFS2 images, in both byte orders.
//
// It promises that the CRC-32s of the header, the fields, the data and the name of each node are computed; that behind a
// broken node the next one is found; that names whose newest entry leads to a file without any node are told, which is how
// an image that was cut off between two nodes shows; and that only nodes and free bytes count as covered.
// The last node never does: nothing in an image says how long it is, and one that was cut off between two files is an image
// too. It is therefore never OK alone. Nodes that were
// marked obsolete on the device are checked and never count as covered: one flipped bit marks a node. The mark DE AD C0 DE, behind which OpenWrt makes a new file system, is
// recognised where only free bytes follow it.
//
// The size of the erase blocks stands nowhere: it is told from the marks that begin erased blocks, where an image has them.
//
// # Layout
//
// Nodes at multiples of four bytes, in the byte order of the device; between them 0xFF:
//
//	0   0x1985, 2 type, 4 length, 8 CRC-32 of these eight bytes
//
//	0xE001  entry: 12 directory, 16 version, 20 inode, 28 length of the name, 32 CRC-32 of the 32 bytes before it,
//	        36 CRC-32 of the name, 40 name
//	0xE002  inode: 12 number, 16 version, 28 size, 44 offset, 48 length packed, 52 length, 60 CRC-32 of the data,
//	        64 CRC-32 of the 60 bytes before the sums, 68 data
//	0x2003  a block that was erased, 0x2004 padding
//	0x2006  summary: 24 CRC-32 of what follows, 28 CRC-32 of the 24 bytes before the sums
//	0xE008  attribute: 24 CRC-32 of the data, 28 CRC-32 of the 28 bytes before it; 0xE009 reference: 24 CRC-32
//
// CRC-32s begin with zero and are not turned at the end.
//
// # Sources
//
// Followed: Linux 6.1, include/uapi/linux/jffs2.h, fs/jffs2/scan.c, summary.h and xattr.c; mkfs.jffs2 and sumtool of
// mtd-utils 2.1.5 make the images of the tests. The mark of OpenWrt: fstools, libfstools/rootdisk.c and mtd's jffs2.c.
package jffs2
