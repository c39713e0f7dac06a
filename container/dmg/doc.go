// Package dmg reads Apple's disk images (UDIF), as .dmg files hold them.
//
// It follows "Mac OS disk image types" of the libmodi project, working document of 2021: Apple has published none.
//
//	data       chunks of the disk, packed each by itself
//	list       an XML property list, or a resource fork: a table ("mish") for each part of the disk, of chunks with
//	           their kind, place on the disk and place in the file
//	trailer    "koly", 512 bytes: where the list and the data stand, how many sectors the disk has
//
// Read are chunks that are raw, zero, not used, and packed with zlib, bzip2, LZFSE, LZMA (in xz) and ADC. Images of
// several files (.dmgpart) and encrypted ones are named and not read. An uncompressed image (UDRW) is the disk itself,
// and needs no reader.
//
// What no chunk speaks of is unreadable, since tables may be lost. The CRC-32 of each table is compared by Verify; it is
// taken over its chunks without those that are not used.
//
// The tests make their images by the document; dmg2img and 7-Zip read them in the same way. They were not checked
// against the maker's tool, which runs on macOS only.
package dmg
