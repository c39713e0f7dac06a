// Package pe judges programs, libraries and drivers of Windows and UEFI (PE, PE32+).
//
// The end is the last byte that a section, the table of symbols or the signature (Authenticode) reaches. What an
// installer appends behind that has no structure of its own and is told as bytes that follow. The checksum in the
// header adds up 16 bits at a time and is not kept by most linkers: Consistent is the most that is said. Nothing is run.
//
// Layout: "MZ", at 60 the place(4) of "PE", zeros(2), machine(2), sections(2), time(4), symbols(8), size of the
// optional header(2), flags(2); the optional header with its directories, of which the fifth names the signature;
// sections of 40 bytes each. Numbers have the low byte first.
//
// Followed: PE Format, Microsoft, revision of 2024.
package pe
