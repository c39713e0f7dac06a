// Package filevault recognises volumes that macOS encrypted with FileVault 2 on CoreStorage (OS X 10.7 to 10.15).
//
// It promises to name a physical volume of CoreStorage by its header or by the copy of it in the volume's last sector,
// with its size and identifier. It opens none: there is no Open in what it returns. Newer systems encrypt inside of
// APFS, which is a matter of that file system.
//
//	0    checksum (CRC-32C) and its initial value, version, type of block, serial number
//	48   bytes per sector
//	64   size of the physical volume, bytes
//	88   "CS", checksum algorithm, sizes and places of the metadata
//	168  size of the key of the metadata, encryption method (2: AES-XTS)
//	304  identifiers of the physical volume and of the group of logical volumes
//
// Followed: J. Metz, FileVault Drive Encryption (FVDE) format specification (libfvde, 2022).
package filevault
