// Package rar judges RAR archives of versions 1.5 to 4 and 5.
//
// Every header is held to its checksum (16 bits before version 5, CRC-32 since), every stored member to its CRC-32, and
// packed ones are unpacked and held to theirs. An archive of version 5 whose members are all stored is covered byte by
// byte and can be Proven; packed content has freedom in its form, and headers of older versions too weak a sum, so that
// such archives are Consistent and say what passed. The archive ends behind its end block.
//
// Members that go on in other parts, and encrypted ones, are told and not checked. Recovery records are not used.
//
// Layout: "Rar!" 1A 07 01 00, then blocks: CRC-32(4), and as numbers of variable length size, kind, flags and fields,
// then content. Before version 5: "Rar!" 1A 07 00, then blocks: sum(2) kind(1) flags(2) size(2), fields, content.
//
// Followed: RAR 5.0 archive format, and technote.txt of RAR 3.93, both by RARLAB.
package rar
