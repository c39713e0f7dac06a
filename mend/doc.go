// Package mend holds what gives boot structures and tables back: patches, which say what bytes should stand where, what
// stands there now and by which evidence, and the encoders of partition tables.
//
// It promises:
//
//   - A patch changes nothing. [Apply] gives a source that reads as if the patches were made; whoever wants
//     them in a file writes that file anew.
//   - Each patch keeps the bytes that it replaces, and says where they could not be read, so that an undo
//     file leads back to the very bytes from before.
//   - [Combine] refuses patches that contradict each other.
//
// It never decides what is right: file systems say what their structures should be (filesystem.Kind.Mend), layers
// say what volumes there are.
//
// # Layout of an undo file
//
// Text, one JSON object a line. The first has the format's name and version, the size of the image and the SHA-256
// of it as it was before and as it is after mending; each further one a patch: its structure, its place, old and new
// bytes in base64, where the new ones come from. A range that could not be read has no old bytes.
//
// # Sources
//
// GPT: UEFI Specification 2.10, chapter 5. MBR: the same, section 5.2.1, and for logical partitions the chain of extended
// boot records as Linux' block/partitions/msdos.c reads it.
package mend
