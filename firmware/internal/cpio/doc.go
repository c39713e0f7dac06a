// Package cpio says where the members of a cpio archive stand, for formats that are one with a meaning.
//
// It promises that members lie in the archive one behind the other, that names, sizes and numbers of members are bounded, and
// that checks cover just what the archive itself settles: the frame of headers (magic, digits, sizes, the sum),
// the sum over the content of each file where there is one, filling, and the end. Owners, times and numbers of
// devices are told as [Archive.Unused].
//
// # Layout
//
//	0    "070701", or "070702" with sums over the content
//	6    13 numbers of 8 hex digits: inode, mode, owner, group, links, time, size of the content, device (2), device that
//	     it is (2), length of the name with its zero, sum of the bytes of the content (32 bits)
//	110  name, filled up to 4 bytes; content, filled up to 4 bytes
//
// The last member is called TRAILER!!!; behind it zeros fill the archive up to a block of 512 bytes or more.
//
// # Sources
//
// Followed: cpio(5) of libarchive 3.6 and Linux 6.1, Documentation/driver-api/early-userspace/buffer-format.rst. GNU cpio
// 2.13 makes the archives of the tests.
package cpio
