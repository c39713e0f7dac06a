// Package tiff judges TIFF pictures and the raw photos of cameras that are TIFF inside: CR2, NEF, ARW, DNG, PEF, ORF, RW2;
// and RAF, which is not.
//
// It promises that the end is behind the last thing that any directory names, and nothing else; that every directory, in
// chains, sub-directories, Exif and GPS, is read once; that strips and tiles have the sizes that the picture needs where that
// can be said; and that those packed with LZW, Deflate and PackBits were unpacked to exactly their size. JPEG strips must begin and
// end as such. What makers pack in ways of their own is not unpacked. A picture without data of its own is none.
//
// The best verdict is Consistent: a TIFF carries no checksum over its directories.
//
//	"II" or "MM", 42(2) offset of a directory(4); BigTIFF: 43(2) 8(2) 0(2) offset(8)
//	directory: n(2), n entries: tag(2) type(2) count(4) value or its offset(4); offset of the next directory(4)
//
// RAF: "FUJIFILMCCD-RAW ", at 84 the places and sizes (4 each, high byte first) of a JPEG picture, of a header and of the raw data.
//
// Followed: TIFF Revision 6.0 (1992), its Technical Note 2, BigTIFF (2004), DNG 1.7.1 (2023); for CR2, NEF, ARW, ORF, PEF, RW2 and RAF
// the public descriptions of the ExifTool tag names (2023). No maker's tool was at hand: raw photos are not checked against one.
package tiff
