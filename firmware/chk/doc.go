// Package chk reads Netgear's .chk images: a header with the board and sums, then one or two parts.
//
// It promises that all four sums are computed: over the header, the first part, the second, and both.
//
// # Layout
//
//	0  2A 23 24 5E
//	4  length of the header, bytes
//	8  region (1 world wide, 2 North America), then seven numbers of the version
//	16 sum of the first part, 20 of the second; 24 length of the first, 28 of the second
//	32 sum of both parts
//	36 sum of the header, these four bytes as zeros
//	40 board, to the end of the header
//	   parts
//
// All numbers are big-endian. The sum is two additions of 32 bits, of the bytes and of the first addition after each
// byte, each folded to 16 bits.
//
// # Sources
//
// Followed: mkchkimg.c of OpenWrt's firmware-utils (2021). Images are made by the tests from it, and not checked against
// the maker's tool.
package chk
