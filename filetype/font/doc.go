// Package font judges fonts: TrueType and OpenType, and the packed forms for pages, WOFF and WOFF2.
//
// The checksum of every table is computed (of WOFF after unpacking), and that of the whole font. They add up words and
// leave out what stands between tables, so that Consistent is the most that is said. The end is the last byte of the
// last table, filled up to four; of WOFF and WOFF2 the length in the header. WOFF2 is not unpacked. The name is the
// font's full name.
//
// Layout: version(4) tables(2) hints for a search(6); per table: tag(4) checksum(4) place(4) size(4); tables, each
// filled up to four bytes. WOFF has a header of 44 bytes and packed tables. Numbers have the high byte first.
//
// Followed: OpenType 1.9.1; WOFF File Format 1.0; WOFF File Format 2.0.
package font
