// Package zip judges ZIP archives and the documents that are ZIP archives inside: OOXML, OpenDocument, EPUB,
// JAR, APK and others.
//
// It finds the end of an archive from its start, without knowing the size of the file: it walks the local
// headers, inflates members whose size is only told behind them, and then reads the central directory and
// the end record:
//
//	local header | data [descriptor]   for each member
//	central directory                  one header for each member, naming its local header's place
//	[zip64 end record, its locator]    where a number does not fit
//	end record | comment
//
// Each stored or deflated member (bzip2 and zstd too) is read to its end and its CRC-32 computed; each
// field that stands in both headers is compared; each byte between the start and the end is accounted for.
//
// What Proven means here. It is given to documents only (OOXML, OpenDocument, EPUB, JAR, APK, ...), whose
// readers use names and content and nothing else of an archive. A plain archive is at most Consistent: its
// readers also use attributes, which no check covers whatever their value is. Further, each of these
// excludes Proven: a member that was not decoded, attributes that are not zero, an extra field that does
// not stand equally in both headers and is not mere padding, a comment, bytes between the members, bits
// that fill up a byte and are not zero. Bytes of compressed data that could be written otherwise with the
// same result, a distance into a run of equal bytes for instance, are Uncovered: no check covers them, and
// no reader could tell.
//
// It never unpacks an archive inside an archive, never gives out a member's bytes, and stops inflating a
// member at the size that it declares, or where it expands out of proportion.
//
// Followed: PKWARE APPNOTE.TXT 6.3.10 (ZIP), RFC 1951 (deflate), ISO/IEC 29500-2 and OpenDocument 1.3
// part 2 for how documents name themselves.
package zip
