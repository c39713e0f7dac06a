// Package macho judges programs, libraries and objects of macOS and iOS (Mach-O), of one machine or of several (fat).
//
// The end is the last byte that a load command reaches: segments, sections' relocations, symbols, their names, the
// signature; of a fat file the last byte of its parts. Load commands must fill their space exactly. There is no
// checksum but that of the signature, which is not judged: Consistent is the most that is said.
//
// Layout: magic(4) machine(8) kind(4) commands(4) size of the commands(4) flags(4), of 64 bits 4 more; commands:
// kind(4) size(4) and fields; what they name. Of several machines: CA FE BA BE, parts(4), per part: machine(8)
// place(4) size(4) alignment(4), with the high byte first.
//
// Followed: mach-o/loader.h and mach-o/fat.h of macOS 14.
package macho
