// Package uefi reads firmware of computers: UEFI capsules, firmware volumes, EFI programs, and images of the whole flash with
// Intel's descriptor.
//
// It promises:
//
//   - Volumes: the sum of the header, its map of blocks, the sum of each file's header, that of its data where it has one, the
//     sizes of sections, the CRC-32 of those which carry one, free space. Volumes in sections are opened, those that are packed
//     by LZMA too.
//   - Capsules: sizes, the items of firmware management capsules with the device (GUID) that each is for, signatures against
//     the given keys, versions.
//   - Intel's descriptor: the regions with their bounds, the sums of the network's settings, which belong to one unit.
//   - Programs: the hash in each signature (Authenticode) is computed over the program, and the signature held against the given
//     keys.
//   - Sums of 8 and 16 bits prove nothing by themselves, and most files of a volume have none: a volume is never whole by them
//     alone.
//   - It says loudly that all this replaces what starts the computer.
//
// It runs nothing, and reads neither variables nor what Intel's management engine holds.
//
// # Layout
//
// All numbers are little-endian. A GUID has its first three fields in that order too.
//
//	volume:   16 bytes 0, GUID of the file system, size (64 bits), "_FVH", attributes, size of the header, sum (16 bits),
//	          place of the second header, 0, revision 2, map of blocks: number, size, until 0, 0
//	file:     GUID, sum of the header, sum of the data (or 0xAA), type, attributes, size (24 bits), state; at each 8th byte
//	section:  size (24 bits), type, [GUID, place of the data, attributes]; at each 4th byte
//	capsule:  GUID, size of the header, flags, size; for firmware management: version 1, drivers, items, places of both
//	item:     version, GUID of the device, index, size of the image, size of the maker's code, [hardware, [flags]]; image:
//	          [counter (64 bits), certificate: length, 0x0200, 0x0EF1, GUID, CMS over image and counter], ["MSS1", size, version,
//	          lowest version]
//	program:  a PE file of a subsystem of EFI; certificates at its end: length, 0x0200, 2, CMS over the program's hash, which is
//	          over all but the checksum of the header, the place of the certificates, and themselves
//	descriptor: 16 bytes, 0x0FF0A55A, maps; regions: first and last block of 4 KiB, 16 bits each
//
// # Sources
//
// Followed: UEFI 2.10 (capsules), PI 1.8 volume 3 (volumes), EDK II's FmpPayloadHeader, the datasheets of Intel's 100 series
// for the descriptor, Windows Authenticode Portable Executable Signature Format 1.0. The volumes of the tests are those of EDK II in Debian's ovmf and qemu-efi-aarch64, judged by fwupdtool;
// fwupdtool makes a descriptor, sbsign signs programs. What none of these shows of the layouts is not held against the
// documents' text.
// Capsules are made by test code from the specification, signed by openssl: not checked against a maker's tool.
package uefi
