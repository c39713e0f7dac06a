// Package romfs checks romfs images.
//
// It promises that the sum of the first 512 bytes and that of each file's header with its name are computed, that a header
// is read once whatever the lists say, and that the content of files, which no sum covers, never counts as covered.
//
// # Layout
//
//	0   "-rom1fs-", 8 size, 12 a number that makes the sum of the first 512 bytes zero, 16 name, filled up to 16 bytes
//	    headers of files: next (its low four bits: kind, executable), 4 information, 8 size, 12 a number that makes the
//	    sum of the header and the name zero, 16 name, filled up to 16 bytes, then the content, filled up to 16 bytes
//
// All numbers are big-endian words of four bytes, and so are sums.
//
// # Sources
//
// Followed: Linux 6.1, Documentation/filesystems/romfs.rst; genromfs 0.5.2 makes the images of the tests.
package romfs
