// Package nordic reads update packages for the boot loaders of Nordic Semiconductor's nRF5 SDK: a zip with a manifest, and for
// each image an init packet.
//
// It promises:
//
//   - The CRC-32 of every member, the size and the SHA-256 of every image by its init packet, or the CRC-16 of an old one.
//   - The signature (ECDSA P-256) of the init packet, which covers the image by that hash, against the given keys.
//   - The hardware and the SoftDevices that it is for; a boot loader in it is said loudly.
//   - The directory of a zip has no sum of its own: such a package is never whole by its sums alone.
//
// # Layout
//
//	manifest.json: {"manifest": {"application" | "bootloader" | "softdevice" | "softdevice_bootloader": {"bin_file", "dat_file"}}}
//	init packet, protocol buffers: {1: command} or {2: {1: command, 2: kind of signature, 3: signature}}
//	command: {1: operation, 2: {1: version, 2: hardware, 3: SoftDevices, 4: type, 5 to 7: sizes of SoftDevice, boot loader and
//	    application, 8: {1: kind of hash, 2: hash}, 9: debug}}
//	old init packet: device, revision (16 bits each), version, number of SoftDevices (16 bits), those, CRC-16
//
// Hashes and both halves of a signature stand with their last byte first.
//
// # Sources
//
// Followed: dfu-cc.proto of nrfutil 6.1 and the init packets of nRF5 SDK 11 and 17. The packages of the tests are made by
// test code from the specification: not checked against the maker's tool. openssl signs.
package nordic
