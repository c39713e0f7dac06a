// Package seama reads SEAMA images (D-Link, Alpha Networks): what an image is, with a hash over it, and what it is for as
// lines of text.
//
// It promises that the MD5 of every image is computed. The lines of text have no check, so that a package of this format
// is called whole only but for them.
//
// # Layout
//
//	0  5E A3 A4 17
//	4  reserved, 2 bytes
//	6  length of the text, 2 bytes; filled to 4 bytes since 2010
//	8  length of the image, 4 bytes; 0 for a seal, behind whose text other images stand
//	12 MD5 of the image, 16 bytes, only where there is one
//	   text: lines that end with a zero, such as signature=wrgac05_dlob.hans_dir645 and dev=/dev/mtdblock/2
//	   image
//
// All numbers are big-endian.
//
// # Sources
//
// Followed: seama.c and seama.h 0.20 of Alpha Networks in OpenWrt's firmware-utils (2020). Images are made by the tests from
// these, and not checked against the maker's tool.
package seama
