// Package mp4 judges files of the ISO base media family: MP4, QuickTime, M4A, 3GP, HEIC, AVIF and others.
//
// Such a file is a row of boxes, each with a size and a type of four letters, some with boxes inside:
//
//	ftyp             the brands: what family member it is
//	moov             the index: for each track where each sample stands
//	mdat             the samples themselves
//	moof mdat ...    fragments, each with an index of its own
//	meta             of HEIC and AVIF: where each item of the picture stands
//
// The file ends behind the last box that follows on the one before. The index is compared with the rest:
// counts in the tables of a track agree; every sample lies inside an mdat; chunks overlap only when they
// are the same; samples of H.264 and HEVC consist of NAL units whose lengths sum up to the sample; what
// segment indices and random access boxes name is there. Every byte is read. Pictures and sound are not
// decoded, and the format has no checksum: Consistent is the most that is said.
//
// A recording that was interrupted has no index: it is Partial, and told as such; its samples are there.
//
// It never follows references to other files, and reads tables piece by piece, however long they are.
//
// Signatures. "ftyp" behind the size of the first box begins nearly every such file. Old QuickTime files
// begin with moov, mdat, wide, free, skip or pnot instead; these words are weak, so what begins with one is
// accepted only when a whole index follows.
//
// Followed: ISO/IEC 14496-12:2022, ISO/IEC 14496-15 (NAL units), ISO/IEC 23008-12 (HEIF), and the QuickTime
// File Format specification of 2012.
package mp4
