// Package dfu reads files for USB's Device Firmware Upgrade: the suffix of 16 bytes that names the device, and ST's DfuSe
// files with their targets and elements.
//
// It promises that the suffix's sum is computed over everything before it, and that the devices which the file is for are
// told as claims.
//
// # Layout
//
//	suffix, at the end of the file, little-endian:
//	-16 device release, -14 product ID, -12 vendor ID, -10 version of the format (0x0100, DfuSe 0x011A),
//	-8  "UFD", -5 its own length (16), -4 CRC-32 of all bytes before, without the last inversion
//
//	DfuSe, at the start: "DfuSe", version 1, size without the suffix, number of targets; each target: "Target", alternate
//	setting, 4 bytes that say whether it is named, name of 255 bytes, size, number of elements; each element: address,
//	size, data
//
// # Sources
//
// Followed: USB Device Firmware Upgrade Specification 1.1 (2004), appendix B; ST UM0391, DfuSe File Format Specification,
// revision 1. dfu-suffix of dfu-util 0.11 makes and judges the suffixes; DfuSe files are made by the tests from the
// specification, and not checked against the maker's tool.
package dfu
