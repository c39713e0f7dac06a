// Package avb reads images of Android Verified Boot: a vbmeta image by itself, and a partition's image with a footer that
// points to one inside of it.
//
// It promises:
//
//   - The hash over header and descriptors is recomputed, and the signature is held against the key that the image carries,
//     which says that it is whole, and against the keys that were given, which alone says that it is genuine.
//   - An image with a footer is held against its own descriptor: its hash, or its hash tree with the Reed-Solomon code.
//   - What a vbmeta image says of partitions that are not at hand is told, with the digest that they must have.
//   - Verification that is switched off in the flags is said loudly: such an image lets a device start anything.
//
// # Layout
//
// The structures are those of package avbmeta. An image with a footer, in blocks of 4096 bytes:
//
//	original image, zeros, hash tree, Reed-Solomon code, vbmeta image, zeros, footer of 64 bytes at the very end
//
// # Sources
//
// Followed: Android Open Source Project, external/avb, README.md and libavb (1.3). Images are made by test code from the
// description, with trees and codes by veritysetup 2.6: not checked against avbtool, which no Debian package has.
package avb
