// Package cab opens Microsoft's cabinets, and reads those with a meaning for fwupd: firmware with a description
// (metainfo.xml) and signatures (.jcat).
//
// It promises:
//
//   - The sum of every block of data is computed; blocks that are packed by MSZIP are unpacked, and must give as many bytes as
//     they say. Sizes and places of files, folders and blocks are held against each other.
//   - Sums of the payload in the description and in the .jcat are computed over the payload that comes out.
//   - Signatures (PKCS #7, OpenPGP, Ed25519) are held against the given keys, each over the file that it is of, or over a sum
//     of it where the .jcat says so.
//   - Devices (GUIDs), the versions that must be installed before, and what else is required are told.
//   - Times, attributes and names that nothing refers to are unused bytes.
//
// Quantum and LZX are named and not unpacked; neither are files that go on in another cabinet.
//
// # Layout
//
// All numbers are little-endian.
//
//	header:  "MSCF", 0, size of the cabinet, 0, place of the files, 0, version 3.1, folders, files, flags, set, number in it;
//	         [sizes of reserved room, reserved room], [names of the cabinets before and behind]
//	folder:  place of its first block, blocks (16 bits), packing (16 bits), reserved room
//	file:    size, place in the folder, folder (16 bits), date, time, attributes, name that ends with a 0
//	block:   sum (0 for none), bytes here and unpacked (16 bits each), reserved room, data: for MSZIP "CK" and a deflate stream
//	         which goes on from the 32 KiB before
//	.jcat:   gzip of JSON: for each file sums and signatures
//
// # Sources
//
// Followed: [MS-CAB] and the MSZIP format of [MS-MCI]; AppStream 1.0 and fwupd 2.0 for metainfo.xml; libjcat 0.2. gcab,
// fwupdtool and jcat-tool make the files of the tests.
package cab
