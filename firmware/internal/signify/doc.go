// Package signify reads the signatures of usign, signify and minisign and checks them with given keys.
//
// It promises that a signature is passed only when Ed25519 says so over all bytes of what it covers, with a key that was
// given; for minisign only when the trusted comment fits as well. A signature that names a key which is not among the
// given ones is never called false.
//
// # Layout
//
//	untrusted comment: any text
//	base64: "Ed" or "ED", key ID of 8 bytes, signature of 64 bytes
//
// minisign has two lines more, signify may have the signed text itself:
//
//	trusted comment: text
//	base64: signature of 64 bytes over the first signature and the text
//
// "ED" (minisign) is over the BLAKE2b-512 of the file instead of the file.
//
// # Sources
//
// Followed: signify(1) of OpenBSD 7.2; usign.c of OpenWrt's usign (2020); the page "File formats" of minisign's
// documentation for 0.11. signify-openbsd 31 and minisign 0.11 make the signatures of the tests; usign's have the same
// layout as signify's.
package signify
