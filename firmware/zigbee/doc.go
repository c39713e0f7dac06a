// Package zigbee reads over-the-air update files of Zigbee's OTA cluster.
//
// It promises:
//
//   - The header's sizes and the list of elements are held against the file to its last byte.
//   - An element with the hash of all before it is computed (AES-128 by Matyas, Meyer and Oseas).
//   - Manufacturer, type, version and the hardware that it is for are told. Signatures are named: they are made with implicit
//     certificates (Certicom), whose root only devices have.
//   - Without that hash nothing proves what the file holds, and it is never whole.
//
// # Layout
//
// All numbers are little-endian.
//
//	header:  0x0BEEF11E, version 0x0100 (16 bits), size of the header (16 bits), fields, manufacturer, type (16 bits each), version
//	         of the file, version of the stack (16 bits), 32 bytes of text, size of all; [1 byte], [8 bytes], [least and most
//	         hardware, 16 bits each]
//	element: tag (16 bits), length (32 bits), value
//
// # Sources
//
// Followed: Zigbee Cluster Library 8, chapter 11; Zigbee 22.1 annex B.6 for the hash. What the hash covers is
// not held against their text. The files of the tests are made by test
// code from the specification: not checked against a maker's tool.
package zigbee
