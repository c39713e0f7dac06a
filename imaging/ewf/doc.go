// Package ewf writes the copy of a medium as an image in the Expert Witness format (EWF-E01), as EnCase 6 has it and
// libewf 20140813 writes and reads it.
//
// It promises:
//
//   - The bytes of the source come out of the image unchanged, and MD5 and SHA-1 over all of them stand in it.
//   - Ranges that could not be read are zeros there, as the format has no other way, and each of them is named in the
//     section that the format has for that, so that no reader takes them for zeros of the medium.
//   - No segment is larger than the options say. Memory is bounded by some MiB.
//
// It reads no such image, opens no file, and knows nothing of how the copy was made.
//
// # The layout
//
// Each segment begins with a head of 13 bytes, behind which sections follow one another:
//
//	0   8  "EVF" 0x09 0x0D 0x0A 0xFF 0x00
//	8   1  1
//	9   2  number of the segment, from 1
//	11  2  0
//
// A section begins with a descriptor of 76 bytes: type (16), place of the next section in the segment (8), size with
// the descriptor (8), zeros (40), Adler-32 of the 72 bytes before (4). All numbers have the low byte first.
//
//	first segment   header2 header2 header volume  (sectors table table2)...
//	those after     data                           (sectors table table2)...
//	at the end      next, or in the last one: error2 digest hash done
//
// The sectors section holds chunks of 32 KiB, each compressed by zlib, or as it is with its Adler-32 behind it when it
// does not get smaller. The table holds the place of each chunk against the start of the sectors section in 31 bits,
// and the highest bit for a compressed one. error2 names first sector and number of sectors of what could not be read,
// in 32 bits each.
//
// # What was followed
//
// Joachim Metz, "EWF specification", of libewf's documentation (version of 2023), and the output of ewfacquire
// 20140813 for what it leaves open. The tests let ewfverify, ewfinfo and ewfexport read what is written here.
package ewf
