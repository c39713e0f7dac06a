// Package elf judges programs, libraries, objects and core dumps in ELF, of 32 and 64 bits and of either byte order.
//
// The end is exact: the last byte that a header table, a section or a segment reaches, and the signature that Linux
// appends to kernel modules. Tables must have entries of the right size, sections and segments must lie where the
// tables say. There is no checksum: Consistent is the most that is said. Nothing is run.
//
// Layout: 7F "ELF", class(1) byte order(1) version(1) and more, 16 in all; kind, machine, places and counts of the
// program headers and the section headers; what they name, in any order.
//
// Followed: System V ABI, Object Files (gABI 4.1 and the draft of 2013); Linux, scripts/sign-file.c.
package elf
