// Package rauc reads RAUC's bundles: a squashfs image with a CMS signature behind it, in the forms plain, verity and crypt.
//
// It promises:
//
//   - plain: the digest in the signature is computed over the whole payload. verity and crypt: the manifest is the one that
//     is signed, every block of the payload is hashed, the tree of hashes is held against itself and its root against
//     the manifest, and where they do not fit, the block is named.
//   - SHA-256 and size of every image in the manifest are computed over the file in the squashfs. An index of casync is told: its
//     content lies elsewhere.
//   - An encrypted payload and an encrypted signature are named; nothing of them is guessed.
//   - A bundle that lost its end is told as one, as long as its squashfs can be read.
//
// It never runs hooks or handlers, and never decrypts.
//
// # Layout
//
//	squashfs image (crypt: encrypted), filled up to 4096 bytes
//	verity, crypt: tree of hashes, as of dm-verity version 1 without a superblock: blocks of 4096 bytes, the top first;
//	    each hash is SHA-256 over the salt and a block, 128 stand in a block
//	CMS message: plain: detached, over all before it; else with the manifest in it
//	8 bytes: length of the message, big-endian
//
//	[update]  compatible, version, description, build
//	[bundle]  format, verity-hash, verity-salt, verity-size, crypt-key
//	[image.SLOTCLASS] or [image.SLOTCLASS.VARIANT]  filename, sha256, size, hooks, adaptive, variant, type
//	[hooks]   filename, hooks;  [handler]  filename, args;  [meta.NAME]
//
// # Sources
//
// Followed: RAUC 1.8 and its documentation of 1.13 (reference, "Manifest"; advanced topics), Linux 6.1
// Documentation/admin-guide/device-mapper/verity.rst. Debian's rauc 1.8 makes and judges the bundles of the tests.
package rauc
