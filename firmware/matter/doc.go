// Package matter reads software images of Matter's over-the-air updates.
//
// It promises:
//
//   - The digest of the payload is computed (SHA-256, also cut short, SHA-384, SHA-512, SHA-3), sizes are held against each other.
//   - Vendor, product, version and the versions that it may be installed over are told.
//   - The header has no sum, so that an image is never whole by its digest alone. Images carry no signature that Matter
//     defines: makers sign what is inside.
//
// # Layout
//
// All numbers are little-endian.
//
//	0x1BEEF11E, size of all (64 bits), size of the header (32 bits), header: a structure of Matter's TLV with the tags 0 vendor,
//	1 product, 2 version, 3 version in words, 4 size of the payload, 5 least and 6 most version to install it over, 7 address of
//	notes, 8 kind of digest, 9 digest; payload
//
// # Sources
//
// Followed: Matter Core Specification 1.4, 11.21 and annex A; the numbers of digests of IANA's registry "Named Information
// Hash Algorithm". Tags and
// numbers are not held against their text. The images of the tests are made by test code from the specification: not checked against the maker's tool.
package matter
