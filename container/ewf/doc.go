// Package ewf reads disk images of the Expert Witness Compression Format: E01 of EnCase, FTK Imager, linen and
// ewfacquire, and S01 of SMART, in any number of segment files.
//
// It follows "Expert Witness Compression Format (EWF)" of the libewf project, working document of 2026, and the
// format as its ASR Data white paper describes it.
//
//	segment file   "EVF\t\r\n\xff\0", 1, number of the segment, 0
//	section        type, place of the next one, size, Adler-32; then what the type says
//	volume, disk   chunks, sectors in a chunk, bytes in a sector, sectors; "data" repeats it in further segments
//	sectors        chunks behind each other: zlib streams, or bytes with their Adler-32
//	table, table2  where each chunk begins; the second is a copy of the first
//	error2         sectors that could not be read when the image was made
//	digest, hash   MD5 and SHA-1 of the whole disk
//	next, done     the end of a segment, of the image
//
// What is promised beyond the contract of a container:
//
//   - A chunk whose Adler-32 does not fit is unreadable. So are the sectors of error2, which the file holds as zeros.
//   - A lost table is replaced by its copy. Where sections are broken, the next one is looked for.
//   - A segment that is missing, or belongs to another image, makes its own bytes unreadable, and no others, as far as
//     the place of what follows can be told: from the beginning, or counted back from the end.
//   - Tables are read when they are needed; memory does not grow with the image.
//
// Ex01 and Lx01 (version 2), and L01, which holds files instead of a disk, are named and not read. So is what FTK
// Imager encrypts ("AD encryption").
package ewf
