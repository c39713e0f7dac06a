// Package psd judges Photoshop documents, PSD and PSB.
//
// It promises that the five sections follow each other by their lengths, that the blocks of resources and of layers are where their lengths say, and that the
// merged picture has exactly the rows that the header announces, unpacked to their length where it is packed with PackBits. The end is
// that of the merged picture.
//
// The best verdict is Consistent: a PSD carries no checksum.
//
//	"8BPS" version(2: 1, PSB 2) 0(6) channels(2) height(4) width(4) depth(2) mode(2), all numbers with the high byte first
//	colours: length(4) data; resources: length(4), "8BIM" id(2) name length(4) data ...; layers: length(4, PSB 8) data
//	picture: packing(2: 0 none, 1 PackBits with the lengths of all rows first), rows of all channels
//
// Followed: Adobe Photoshop File Formats Specification (November 2019).
package psd
