// Package payload reads payload.bin, by which Android and ChromeOS update the other slot of a device: a manifest of
// operations, each with data and a hash, which make the new content of partitions, from nothing or from the old content.
//
// It promises:
//
//   - The hash of every operation's data is computed over those bytes; data without one is told as covered by none.
//   - A partition that needs no old content is put together from its operations, held against the size and hash that the
//     manifest gives of it, and opened as a part.
//   - Of a partition that is made from its old content, the manifest says what that must be, and [Payload.Apply] makes the
//     new bytes of one operation from it; what it cannot make is an [*UnsupportedError], never other bytes.
//   - The manifest itself is covered by a signature alone: without a key, or a file beside it that has its hash, nothing
//     says that it is whole.
//
// # Layout, big-endian
//
//	0   CrAU
//	4   version of the format, 8 bytes: 2
//	12  size of the manifest, 8 bytes; 20 size of the signatures of the metadata, 4 bytes
//	24  manifest, in protocol buffers: DeltaArchiveManifest
//	    signatures of the metadata, which is all before: Signatures
//	    data of operations, at offsets from here
//	    signatures of all before without those of the metadata, at an offset and with a size that the manifest has
//
// # Patches
//
//	BSDIFF40: sizes of control, difference and new file, 8 bytes each, sign and magnitude, little-endian; then control,
//	difference and extra bytes, each compressed with bzip2. BSDF2: the same behind 5 bytes of magic and one byte for the
//	compression of each: 0 none, 1 bzip2, 2 Brotli.
//
// # Sources
//
// Followed: Android Open Source Project, system/update_engine, update_metadata.proto (2023) and README.md; bsdiff 4.3 by
// Colin Percival and the bsdiff of the Android Open Source Project, for BSDF2. Patches are made and judged by bsdiff(1)
// 4.3. Payloads are made by test code from the description: not checked against the maker's tool.
package payload
