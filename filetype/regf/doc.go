// Package regf judges registry hives of Windows.
//
// The checksum of the header is computed; the bins and the cells in them must fill the file without a gap; the root
// must be a key. The end is the size of the bins that the header says. The checksum folds the words of the header and
// covers no cell: Consistent is the most that is said. A hive whose two numbers of writing differ was being written,
// and its newest changes stand in the logs beside it.
//
// Layout: a header of 4096 bytes: "regf", two numbers of writing(4 each), time(8), at 36 the place of the root(4), at
// 40 the size of the bins(4), at 508 the checksum(4); bins: "hbin", place(4), size(4), 32 in all, then cells: size(4),
// negative when in use, content. Numbers have the low byte first.
//
// Followed: M. Suhanov, "Windows registry file format specification", 2021.
package regf
