// Package pmt reads the partition management tables of MediaTek's older chips, which stand on flash and on eMMC
// where newer ones have a GPT.
//
// The format has no checksum. The package promises to take a table only when every entry has a printable name, fits
// the medium and does not overlap another, and to say that no check covers it. Valid is set when the table and
// its mirror agree, and never otherwise.
//
// All numbers have the low byte first and count bytes:
//
//	0   "3vTP" (table) or "3TPM" (mirror); older ones "2vTP"
//	4   entries, or 8: name (64), size (8), region (8), start (8), flags (8)
//
// An entry without a name ends the table.
//
// Followed: the structures that MediaTek's published kernel sources describe (drivers/mtd/mtkparts and pmt.h). Not
// checked against the maker's tool.
package pmt
