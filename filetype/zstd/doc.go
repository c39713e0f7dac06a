// Package zstd judges Zstandard files: every frame followed block by block to its end, unpacked, and held to the
// checksum of its content where it has one.
//
// The checksum (32 bits of XXH64) covers the content and not the packed form, which has freedom: Consistent is the most
// that is said, with what passed. The end is exact. Frames that readers skip belong to the file when they follow a
// frame. Windows above maxWindow and content above maxContent are not unpacked.
//
// Layout: 28 B5 2F FD, descriptor, [window], [dictionary], [content size], blocks (header of 3 bytes: last, type, size),
// [checksum]. Followed: RFC 8878.
package zstd
