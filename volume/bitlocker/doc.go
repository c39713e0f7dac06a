// Package bitlocker reads the headers of volumes that BitLocker encrypted, of Windows Vista to 11 and BitLocker To
// Go, and opens them with a recovery key, a password, a startup key (.BEK file), or, while protection is suspended,
// the clear key that stands in the metadata.
//
// It promises that a secret is called wrong only when a sound copy of the metadata says so; that a mistyped group
// of a recovery key is named without telling the key; that the newest of three copies of the metadata is used
// whose checksum fits; and that a volume whose boot sector is gone is found by any of these copies. It never
// writes, and keeps no secret behind the call that got it. Keys in a TPM or a smart card cannot be had here: such a
// volume needs its recovery key.
//
//	0       boot sector: "-FVE-FS-" in the place of the file system's name, or, To Go, that of a small FAT32
//	        volume; from Windows 7 on an identifier and the offsets of the three metadata blocks at 160 (To Go:
//	        424); Vista has the cluster of the first block in the place of the MFT mirror's
//	offset  metadata block, 64 KiB (Vista 16 KiB): "-FVE-FS-", size in units of 16 bytes, version, states, size of
//	        what is encrypted, offsets of all blocks, place of the relocated start of the volume
//	+64     size, volume GUID, counter, method; entries of a size, a type, a type of value and a version:
//	        2 a volume master key, locked by one protector, 3 the key of the data, locked by the master key,
//	        7 a description, 15 the place of the relocated start
//	+size   check: CRC-32 of the block, and a hash that is locked by the master key
//
// The plain volume has zeros in the place of the metadata blocks and of the relocated start. What stands behind the
// size that is encrypted is not encrypted yet, or not any more.
//
// Followed: J. Metz, BitLocker Drive Encryption (BDE) format specification (libbde, 2014); the descriptions of the
// structures in the documentation of dislocker 0.7 and of cryptsetup 2.6 (BITLK); N. Ferguson, AES-CBC + Elephant
// diffuser (2006); NIST SP 800-38C for AES-CCM.
package bitlocker
