// Package fwtool reads the trailers that OpenWrt puts behind its images: metadata, which say what the image is for, and
// a signature.
//
// It promises that the checksum of each trailer is computed over everything before it, that the devices are those which
// sysupgrade would take, and that a signature is passed only when a chain of certificates leads from it to a given key.
// What stands before the trailers is opened by what it is.
//
// # Layout
//
//	image
//	8 zero bytes (version, flags), metadata as JSON, trailer of type 1
//	signature: a chain of ucert, or a signature of usign alone, trailer of type 0
//
//	trailer, big-endian: 0 "FWx0", 4 CRC-32 of all bytes before the trailer, without the last inversion, 8 type,
//	9 three zeros, 12 size of data and trailer, bytes
//
//	ucert: blobs, each with attributes: 0 a signature of usign as text, 1 what is signed, a table "ucert" with certtype,
//	validfrom, expiresat, pubkey. A blob without a second attribute is the signature over the image and its metadata.
//	Attributes: 4 bytes big-endian, of them 7 bits type from bit 24, 24 bits length with these four; filled to 4 bytes. In
//	tables each has a name: length in 2 bytes, the name, a zero, filled to 4 bytes.
//
// # Sources
//
// Followed: fwtool.c and fwimage.h of OpenWrt's fwtool (2024), ucert.c of OpenWrt's ucert (2020), blob.h and blobmsg.h of
// libubox, package/base-files/files/lib/upgrade/fwtool.sh and include/image-commands.mk of OpenWrt 23.05. Images are made
// by the tests from these, and not checked against the maker's tools.
package fwtool
