// Package sevenzip judges 7z archives: the start header and the header by their CRC-32, the list of members, and every
// member unpacked and held to its CRC-32.
//
// A member that is stored is covered byte by byte, so that an archive of stored members can be Proven. The sums of
// packed members cover the content and not the packed form, unless the archive has sums of packed streams too; such an
// archive is Consistent and says what passed. The end is exact. An archive that is cut has lost its header, which
// stands last: its members cannot be told then.
//
// Unpacked are members packed by copy, LZMA, LZMA2, Deflate, BZip2, with the filters x86 (BCJ and BCJ2) and delta; others are
// told and leave the archive unchecked. Encrypted archives are told as locked.
//
// Layout, numbers little-endian:
//
//	"7z" BC AF 27 1C version(2) CRC-32 of the next 20 bytes | offset(8) size(8) CRC-32(4) of the header
//	packed streams | header, or the packed header and what is needed to unpack it
//
// Followed: 7zFormat.txt of the LZMA SDK 23.01.
package sevenzip
