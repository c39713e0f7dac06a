// Package asparse reads Android's sparse images as packages: the list of chunks, every CRC-32, and the image that comes
// out of the chunks, which is opened as a part.
//
// It promises that the list is walked to its end and gives as many blocks as the header says, that the CRC-32s of the
// header and of chunks are recomputed over the whole image from its beginning, as the format has it, and that a file that
// was cut off is told by the place where its chunks were to end. An image without a CRC-32, which is what most tools
// write, says nothing of its content: it is then never called whole.
//
// # Layout
//
// The format itself is read by package container/sparse, whose description has it:
//
//	header  28 bytes: magic 3a ff 26 ed, version, sizes, blocks, chunks, CRC-32 of the whole image or 0
//	chunks  12 bytes each and their data: raw, one value, nothing, or the CRC-32 of all before
//
// # Sources
//
// Followed: libsparse/sparse_format.h and sparse.cpp of the Android Open Source Project, version 1.0 of the format.
// img2simg and simg2img (29.0.6) make the fixtures and judge what comes out; images with a CRC-32, which img2simg does
// not write, are made by test code from the description: simg2img reads them, and compares no CRC-32.
package asparse
