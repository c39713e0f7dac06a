// Package uf2 reads UF2 files, which boards that show up as a disk take: blocks of 512 bytes, each with its number and the
// address of its data.
//
// It promises that every block is looked at, that missing and doubled numbers are told, and that the data comes out by
// addresses, one part for each family of chips and run of addresses. The format has no sum over a block; where the flag
// for one is set, its MD5 is told as not checked, since it covers bytes of the device.
//
// # Layout
//
// A block, little-endian: 0A324655, 9E5D5157, flags, address, size of the data, number of the block, number of blocks,
// family (or size of the file), 476 bytes of data, 0AB16F30. Flags: 1 not for the main flash, 0x1000 a container of
// files, 0x2000 the family is there, 0x4000 an MD5 is there, 0x8000 extensions are there.
//
// # Sources
//
// Followed: Microsoft, UF2 specification (github.com/microsoft/uf2, README.md and utils/uf2families.json as of 2024). Files
// are made by the tests from it, and not checked against the maker's tool.
package uf2
