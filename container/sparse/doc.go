// Package sparse reads Android's sparse images, as fastboot takes them.
//
// It follows libsparse/sparse_format.h of the Android Open Source Project, version 1.0 of the format.
//
//	header  0xed26ff3a, version, sizes of headers and blocks, number of blocks and chunks, CRC-32 of the whole or 0
//	chunk   type, number of blocks, size: raw blocks; one value for all of them; nothing that matters; a CRC-32
//
// What does not matter reads as zeros, as simg2img leaves it. Of a chunk that cannot be, all behind it is unreadable,
// since nothing tells where the next one begins. Where CRC-32s are stored, they are compared.
//
// The list of chunks is not kept: only the place of each hundredth.
package sparse
