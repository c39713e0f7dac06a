// Package beside says what the files that lie beside a package tell of it: lists of sums, and detached signatures of the
// package or of such a list.
//
// It promises that only files of names which [Names] gives are asked for, that a list counts only where it names the
// package, and that a signature over a list is passed only when the package has the sum that the list says.
//
// # Layout
//
//	NAME.sig, NAME.minisig                    signature of usign, signify or minisign
//	NAME.asc, NAME.gpg, NAME.sig              detached signature of OpenPGP
//	NAME.sha256, NAME.sha512, NAME.sha1, NAME.md5, each also with "sum" behind
//	                                          a sum, with or without the name
//	sha256sums, SHA256SUMS, sha512sums, ...   lists: "SUM  NAME", "SUM *NAME" or "SHA256 (NAME) = SUM"
//	profiles.json                             OpenWrt's description of a build: "profiles", each with "images" (name, sha256)
//	                                          and "supported_devices"; "version_number", "version_code"
//	LIST.sig, LIST.minisig, LIST.asc, .gpg    signature over a list; SHA256.sig of signify has the list in it
//
// # Sources
//
// Followed: sha256sum(1) of GNU coreutils 9.1 with and without --tag, signify(1) of OpenBSD 7.2, minisign(1) 0.11, the
// folders of downloads.openwrt.org (sha256sums with sha256sums.sig by usign), scripts/json_overview_image_info.py of OpenWrt
// 23.05.
package beside
