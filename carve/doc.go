// Package carve takes files out of raw bytes, where no file system names them.
//
// It promises:
//
//   - What it gives begins at a signature, was read to its end by its format's own structure, and is judged by
//     that format. What only looks like a beginning is counted as a chance match and dropped.
//   - No file reaches into space that is known to belong to another ([Options.Skip]).
//   - Headers inside a file that is whole are part of that file: a thumbnail, a member of an archive, a picture
//     in a document are not given a second time.
//   - The same medium gives the same files in the same order, by offset, however many workers there are.
//
// [Run] gives files that stand in one stretch. [Join] puts together what breaks: first by leaving out what belongs to
// other files, then by following the data from just before the break at each place behind it. It accepts what a format
// proves, and what it calls Consistent when the format tells good data from bad to the end of the file; never a file of which a
// piece could end elsewhere as well. The package never raises a verdict, names no file, and saves nothing.
//
// # What is given
//
// Proven, Consistent and Encrypted files whole. Damaged and Partial ones up to the last good byte, when that part
// is substantial: at least 4 KiB, or at least 512 bytes that are a tenth of the size that the structure announces.
// Inside of such a file no second one of the same format is begun, since the members of a broken archive
// would each look like one; other formats are.
//
// # Plain text
//
// Text has no signature. [Text] looks for it in free space only, in sectors of ASCII, UTF-8, Latin-1 or UTF-16. It begins at a sector
// whose predecessor is not text, or where a beginning that cannot be mistaken (of a mail, of XML, of JSON) stands in the
// middle of a line. It ends in a sector that is filled up with zeros (or 0xFF, as erased flash is), exactly before an empty
// one, or with a line whose sector is filled up with other data. Then a format without signature must accept it as Consistent, and
// it must be varied and have words. It must have 512 bytes; 64 do when it is JSON, whose syntax is evidence enough. Of 4 KiB
// and more, text that breaks off is given as Partial. What stays below that is left out and counted ([Stats.Chance]).
package carve
