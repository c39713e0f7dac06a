// Package cab judges cabinets of Windows.
//
// The list of files and folders is followed, and each block of data is held to its checksum, where it has one. The end
// is the size in the header, with the signature behind it. Headers carry no checksum and that of a block folds its
// words: Consistent is the most that is said. Content is not unpacked.
//
// Layout: "MSCF" 0(4) size(4) 0(4) place of the list of files(4) 0(4) version(2) folders(2) files(2) flags(2) set(2)
// number in the set(2); per folder: place of its first block(4) blocks(2) packing(2); per file: size(4) place in its
// folder(4) folder(2) date(2) time(2) attributes(2) name, zero; blocks: checksum(4) size packed(2) size unpacked(2)
// content. Numbers have the low byte first.
//
// Followed: [MS-CAB] 4.0; the place of a signature as osslsigncode writes it.
package cab
