// Package evtx judges event logs of Windows.
//
// The CRC-32 of the file's header, of each chunk's header and of each chunk's records is computed. The flags of the
// headers are covered by none, so that Consistent is the most that is said. The file ends behind its last chunk;
// space that was reserved behind it is not counted. A chunk that fails does not hide the others: how many are whole is
// told. Records are not decoded.
//
// Layout: a header of 4096 bytes: "ElfFile", zero, first and last chunk(8 each), next record(8), sizes, versions,
// chunks(2), and at 124 the CRC-32 of its first 120; chunks of 64 KiB: "ElfChnk", zero, numbers of records(8 each), at
// 48 the place of its free space(4), at 52 the CRC-32 of the records, at 124 that of the header, records from 512 on.
// Numbers have the low byte first.
//
// Followed: J. Metz, "Windows XML Event Log (EVTX) format", libevtx 2024.
package evtx
