// Package fdt reads flattened device trees: the tables by which a kernel or a boot loader knows its board, and the
// container of U-Boot's FIT images.
//
// It promises:
//
//   - Values are read only up to a bound; a longer one, such as an image in a FIT, is told by its place.
//   - A tree that breaks off gives all nodes and properties in front of the break, together with the error that names
//     the place.
//   - Nothing outside of the blocks that the header names is ever read as part of them.
//   - The number of nodes and properties, the depth, the lengths of names and the bytes kept are bounded.
//
// It knows no meaning of any node.
//
// # Layout
//
//	0   magic d0 0d fe ed
//	4   size of all, bytes
//	8   offset of the structure block, 12 of the strings block, 16 of the memory reservation block
//	20  version, 24 last compatible version, 28 the processor that boots
//	32  size of the strings block, 36 of the structure block (since version 17)
//	    memory reservations: address and size of 8 bytes each, until both are 0
//	    structure: tokens of 4 bytes. 1 begins a node, with its name, ended by 0 and filled up to 4; 2 ends it; 3 is a
//	    property: length, offset of its name in the strings, value, filled up to 4; 4 is nothing; 9 is the end
//
// All numbers are big-endian.
//
// # Sources
//
// Followed: Devicetree Specification 0.4, chapter 5 "Flattened Devicetree (DTB) Format", versions 16 and 17; dtc 1.6 makes
// the fixtures and fdtget judges them.
package fdt
