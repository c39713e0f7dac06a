// Package ota reads the packages of Android devices: the zip that a recovery or update_engine installs (with a payload, or
// with lists of blocks), the zips with images that fastboot writes, and Samsung's tar with an MD5 behind it.
//
// It promises:
//
//   - The CRC-32 of every member is computed, and each member is opened: payload, images, zips inside of the zip.
//   - The signature over the whole file is checked against the certificate that it carries, which says that the file is
//     whole, and against those that were given, which alone says that it is genuine.
//   - payload.bin is held against payload_properties.txt, images against the vbmeta image beside them, members against
//     the places that the metadata names.
//   - What the package asks of a device is told as claims: models, the build that it is made from, dates, boot loaders.
//   - A file that was cut off is walked from its beginning, and is told by the member that it ends in.
//
// # Layout
//
//	META-INF/com/android/metadata              lines of key=value; metadata.pb has the same in protocol buffers
//	META-INF/com/google/android/updater-script asserts, and which member goes where
//	payload.bin, payload_properties.txt        of A/B devices
//	system.transfer_list, system.new.dat(.br)  of others: which blocks are written, and with what
//	android-info.txt, *.img                    for fastboot
//	last 6 bytes of the comment of the zip     place of the signature from the end, ff ff, size of the comment; 2 bytes
//	                                           each, little-endian. The signature is CMS over all in front of the
//	                                           size of the comment
//
// Samsung: a tar of images, then the MD5 of all before in hexadecimal, two spaces, the name of the tar, a newline.
//
// # Sources
//
// Followed: Android Open Source Project, bootable/recovery (install/verifier.cpp, updater/blockimg.cpp: transfer lists of
// versions 1 to 4), build/tools/releasetools (ota_metadata.proto, ota_from_target_files.py), system/core/fastboot
// (android-info.txt). Zips are made by zip and by Go's archive/zip, signatures by OpenSSL; Samsung's by md5sum and tar.
package ota
