// Package jpeg judges JPEG pictures: it walks the segments and decodes the entropy-coded data of every
// scan to the last coefficient, without building the picture.
//
// It promises to find the end of the picture (the EOI that belongs to it, not one inside a thumbnail), the
// byte at which the data contradicts itself, and how much of the picture is good before that. Baseline,
// extended sequential and progressive pictures with Huffman coding are decoded, with 8 and 12 bits, one to
// four components, restart intervals and a late number of lines (DNL). Arithmetic-coded, lossless and
// hierarchical pictures are recognised and their end is found, their data is not checked. Where an index
// of a multi-picture file (MPF) names further pictures, they are judged too and belong to the file.
//
// The best verdict is Consistent: a JPEG carries no checksum, and about one in three flipped bits changes
// the picture without any contradiction. Memory is bounded: sequential pictures need none, progressive ones
// one bit for each coefficient, allocated only after the data itself has proven that the blocks are there.
//
// Layout: FF D8, then segments FF marker length(2, with itself) data; behind SOS the entropy-coded data, in
// which FF is followed by 00 or is a marker; FF D9. Exif, with its thumbnail, is data of an APP1 segment.
//
// Followed: ITU-T T.81 (09/92), ITU-T T.871 (JFIF), CIPA DC-008 (Exif 2.32), CIPA DC-007 (MPF).
package jpeg
