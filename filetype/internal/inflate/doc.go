// Package inflate reads a deflate stream (RFC 1951) to its exact end and says whether its bytes are the
// only ones that could stand there.
//
// The libraries inflate well, and answer neither question. A sum over the inflated bytes proves those, not
// the compressed ones: other bits can mean the same content (what fills up the last byte, a copy from
// farther back). A stream is called Forced when no such freedom was used: bits that fill up are zero, codes
// are complete, and every copy is taken from the nearest place, as zlib does at its levels 4 to 9. A
// flipped bit in a forced stream changes the content or the freedom, and is seen.
//
// It promises bounded memory (about 300 KiB), to ask the context with each chunk, never to read behind the
// end of the stream, and to name the byte at which a broken stream breaks. It never keeps the content.
package inflate
