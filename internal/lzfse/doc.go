// Package lzfse decodes Apple's LZFSE and LZVN, as HFS+ and APFS store compressed files and as disk images hold
// compressed blocks.
//
// It promises that decoding writes only into the buffer it was given, ends after work in proportion to input and
// output, and answers with a [*cursor.CorruptError] for what cannot be: an opcode that is not defined, a distance
// before the beginning, a table of frequencies that does not add up, an end inside a block. It never
// encodes, and neither format has a check of its content: a wrong byte may decode.
//
// An LZFSE stream is a row of blocks, each with four letters of magic and the number of bytes that it decodes to:
//
//	bvx-  raw bytes
//	bvxn  LZVN opcodes
//	bvx2  finite state entropy: literals, and triples of (literals to copy, length of match, distance)
//	bvx1  the same with its tables of frequencies stored plainly
//	bvx$  end of the stream
//
// Followed: the reference implementation that Apple published in 2016 (github.com/lzfse/lzfse, version 1.0),
// which is the only description of the format.
package lzfse
