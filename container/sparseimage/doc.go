// Package sparseimage reads Apple's sparse disk images, as .sparseimage files hold them.
//
// It follows "Mac OS disk image types" of the libmodi project, working document of 2021: Apple has published none.
//
//	header  4096 bytes: "sprs", sectors in a band, sectors of the disk; for each band of the file the number of the band
//	        of the disk that it holds, from 1 on, 0 for none
//	bands   behind each other
//
// A band of the disk that no band of the file holds reads as zeros. The header has room for 1008 bands; how the format
// goes on behind them is not documented, so that on larger disks what the header does not name is unreadable.
// Encrypted images are recognised by the reader of .dmg files, and sparse bundles are folders, which are no sources.
//
// The tests make their images by the document. They were not checked against the maker's tool, which runs on macOS only.
package sparseimage
