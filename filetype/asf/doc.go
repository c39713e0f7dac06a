// Package asf judges ASF files: WMV films and WMA sound.
//
// It promises that the objects lie behind one another, that the data object holds as many packets as the header announces, each of which begins as a
// packet must, and that every byte was read. The end is that of the last object that follows (an index).
//
// The best verdict is Consistent: an ASF carries no checksum.
//
//	header object: id(16) size(8) n(4) 1 2, n objects: file properties, stream properties, content description, ...
//	data object: id(16) size(8) file(16) packets(8) 0101, packets of one size; [index objects]
//
// Followed: Advanced Systems Format Specification 01.20.06 (Microsoft, 2012).
package asf
