// Package mcuboot reads images for the boot loader MCUboot: one image, or a whole slot with the trailer by which a swap is
// asked for.
//
// It promises:
//
//   - The hash (SHA-256, SHA-384 or SHA-512) is computed over header, payload and protected entries, as the boot loader does.
//   - Signatures are held against the given keys: RSA-PSS, ECDSA, Ed25519 over the hash, and "pure" Ed25519 over the image
//     itself. The hash of a key says which key is meant.
//   - Every entry is held against the shape that its type has; what must be erased behind the image is.
//   - A signature that no key was given for proves no bytes: such an image is whole only as far as its hash reaches.
//
// It never decrypts: the hash of an encrypted image is over what comes out, and cannot be told. Compressed images are named,
// not unpacked.
//
// # Layout
//
// All numbers are little-endian.
//
//	header:   magic 0x96f3b83d, load address, size of the header (16 bits), of the protected entries (16 bits), of the payload,
//	          flags, version (major, minor, 16 bits revision, 32 bits build), 0; filling up to the size of the header
//	payload
//	entries:  0x6908, length with these 4 bytes; entries: type (16 bits), length (16 bits), value. They are covered by the hash
//	          0x6907, the same; hash, hash of the key, signature
//	filling with 0xFF
//	trailer:  states of a swap, [keys,] size of the swap, swap info, copy done, image ok, each as long as the largest write
//	          (8 bytes, or what the magic says), magic of 16 bytes at the end of the slot
//
// # Sources
//
// Followed: the design document of MCUboot and its image.h, as far as versions that were at hand go; the numbers of the newest entries
// (pure signatures, UUIDs, compression) are not held against its text. The images of the tests
// are made by test code from the specification: not checked against the maker's tool. openssl makes the signatures.
package mcuboot
