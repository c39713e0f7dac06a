// Package mp3 judges sound of MPEG-1 and MPEG-2 (MP3, MP2, MP1) with its tags.
//
// It promises that every frame lies where the one before ends and is of the same kind; that the check over the side
// information of frames that carry one was computed; that as many frames are there as the Xing, Info or VBRI header
// announces; and that the check over all frames (LAME) was computed, where there is one. Tags before and behind the
// frames belong to the file. A file without any such header tells no length: it looks whole only when the source, or a
// fill, follows its last frame, or a tag does.
//
// The best verdict is Consistent: the checks have 16 bits, and most files have none.
//
//	[ID3v2] frames [APE tag] [ID3v1, 128 bytes]
//	frame: FF Ex, 2 more bytes of header, [CRC-16], side information, sound; the header gives the length
//
// Sound is carved where an ID3v2 tag begins, or where a frame begins that leans on none before it, followed by others of
// its kind. The row mpa takes files that begin in the middle of a stream too; these are not carved.
//
// Followed: ISO/IEC 11172-3:1993, ISO/IEC 13818-3:1998, ID3 2.2.0 to 2.4.0, MP3 Info Tag revision 1 (LAME).
package mp3
