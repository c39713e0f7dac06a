// Package fit reads U-Boot's FIT images: a flattened device tree that holds kernels, device trees, ramdisks and loaders
// with their hashes, and configurations that say which of them belong together for which board.
//
// It promises:
//
//   - Every hash of every image is computed, over the very bytes that the image's data are: inside of the tree, or
//     behind it.
//   - A signature of a configuration is checked over the regions of the tree that U-Boot checks it over, and makes
//     genuine only those images whose node and hash it covers, by a hash that is strong, and whose hash fits. What no
//     signature covers is told; mkimage covers kernel and device tree only where nothing else is asked for.
//   - Whether an image is for a board is told by the configurations: their own "compatible", or else the first one of
//     their device tree. The others of a device tree name the chip, which many boards have.
//
// Names, addresses and options in the tree have no sum of their own, so that only a FIT with a signature that was checked
// is told to be whole, when it covers all that matters: with several configurations the name of the one that is booted
// first is covered by nothing.
//
// # Layout
//
//	/                    description, timestamp
//	/images/NAME         description, type, arch, os, compression, load, entry; data, or data-size with data-offset (from
//	                     the end of the tree, filled up to 4) or data-position (from the start of the file)
//	  hash*              algo (crc32, md5, sha1, sha256, sha384, sha512), value
//	  signature*         algo (HASH,KEY), padding (pkcs-1.5, pss), key-name-hint, value: over the data
//	  cipher             the data are encrypted
//	/configurations      default
//	  NAME               kernel, fdt, ramdisk, firmware, loadables ...: names of images; compatible
//	    signature*       the same; hashed-nodes: the paths of the nodes that are signed, without their data properties;
//	                     hashed-strings: 0, and how much of the strings block is signed behind them
//	/signature/key-*     in a boot loader's own tree: rsa,modulus and rsa,exponent, or ecdsa,curve, ecdsa,x-point and
//	                     ecdsa,y-point; key-name-hint, required
//
// # Sources
//
// Followed: U-Boot 2023.01, doc/uImage.FIT/source_file_format.txt and signature.txt, boot/image-fit.c, boot/image-fit-sig.c,
// boot/fdt_region.c, tools/image-host.c. mkimage of the same version makes and signs the fixtures, dumpimage judges them.
package fit
