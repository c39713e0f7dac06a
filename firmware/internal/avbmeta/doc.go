// Package avbmeta reads the structures of Android Verified Boot: vbmeta images, their descriptors, and the footer that
// points to one at the end of a partition. It holds images against the descriptors.
//
// It promises that a digest is computed over the very bytes that the descriptor covers, salt first; that a hash tree is
// recomputed from the data and held against the stored one block by block; and that the Reed-Solomon bytes behind it are
// recomputed from both. Memory does not grow with the image.
//
// # Layout, big-endian
//
//	vbmeta   0 AVB0, 4 version of the library, 8 bytes, 12 and 20 sizes of the authentication and the auxiliary block,
//	         28 algorithm, 32 hash, 48 signature, 64 key, 80 key's metadata, 96 descriptors: offset and size each, in
//	         their block; 112 rollback index, 120 flags, 124 rollback index location, 128 release, 48 bytes; 256 bytes
//	         authentication block: hash and signature over header and auxiliary block
//	         auxiliary block: descriptors, key
//	key      bits, n0inv, modulus, r²
//	footer   AVBf, version, size of the original image, offset and size of the vbmeta image, reserved: the last 64 bytes
//
// A hash tree has one hash for each block of data, salt first, filled up to a power of two; the hashes fill blocks, whose
// hashes make the next level, until one block is left. The top level stands first. The Reed-Solomon code takes one byte
// of each of 255 minus roots stretches of the image, and makes roots bytes of them.
//
// # Sources
//
// Followed: Android Open Source Project, external/avb, libavb headers and README.md (1.3); Linux,
// Documentation/admin-guide/device-mapper/verity.rst, and libfec's interleaving.
package avbmeta
