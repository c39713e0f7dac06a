// Package swu reads SWUpdate's packages: a cpio archive whose first file, sw-description, says what the others are.
//
// It promises:
//
//   - Headers, sums of cpio, and every SHA-256 of sw-description are computed over the right bytes. A file that
//     sw-description names and that is not there fails.
//   - The signature of sw-description is checked as CMS, or as RSA with PKCS #1 or PSS by a given key. What it vouches
//     for is sw-description: the other files are vouched for by their sums in it, and one without a sum is told.
//   - Descriptions are read in both syntaxes, of libconfig and as JSON, with boards, sets, modes and links. Depth, number and
//     size of everything are bounded.
//
// It never runs the scripts, and never decrypts: what is encrypted is named, and its sum is checked as it stands there.
//
// # Layout
//
//	cpio archive (newc, or crc with a sum for each file), in this order:
//	    sw-description       text, see below
//	    sw-description.sig   CMS, detached, or a bare RSA signature over SHA-256; absent when it is not signed
//	    files                in any order; those that sw-description does not name are passed over
//
//	software = {
//	    version = "1.0"; hardware-compatibility: [ "1.0", "#RE:^1\.[12]$" ];
//	    images: ( { filename; device, volume or mtdname; offset; type; compressed; encrypted, ivt; sha256; ... }, ... );
//	    files: ( { filename; path; device; ... } );  scripts: ( ... );
//	    partitions: ( { name; size; device } );  bootenv: ( { name; value } );
//	    embedded-script = "...";
//	}
//
// each of them also in groups for a board, a set and a mode, where {ref = "#./name"} leads to another group.
//
// # Sources
//
// Followed: SWUpdate 2022.12 and its documentation of 2024.12 (sw-description, signed_images, encrypted_images), the manual of
// libconfig 1.7. GNU cpio, openssl and Debian's swupdate 2022.12 make and judge the packages of the tests.
package swu
