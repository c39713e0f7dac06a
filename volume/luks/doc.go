// Package luks reads the headers of LUKS1 and LUKS2 volumes and opens them with a passphrase, a key file, the
// volume key, or a backup of the header beside one of these.
//
// It promises that a secret is called wrong only by a sound header; that every key slot is tried; that a LUKS2
// volume whose first header is gone is found by its second one; that what deriving a key costs is bounded, and a
// header that asks for more is refused with that reason; and that a key is used only after the digest of the
// header confirmed it. It never writes, and keeps no secret behind the call that got it.
//
// LUKS1, all numbers with their high byte first:
//
//	0      "LUKS" 0xBA 0xBE, version 1, names of cipher, mode and hash, first sector of the payload, length of
//	       the volume key, its digest (20 bytes), salt and iterations, UUID
//	208    8 key slots of 48 bytes: active or not, iterations, salt, first sector of the key material, stripes
//	...    key material: the volume key, split into stripes and encrypted with the key of the passphrase
//	...    payload; its sectors are counted from 0
//
// LUKS2:
//
//	0      header of 4096 bytes: magic, version 2, size with the JSON area, sequence number, label, checksum
//	       algorithm, salt, UUID, own offset, checksum over header and JSON area
//	4096   JSON: keyslots, tokens, segments, digests, config
//	size   the second copy, whose magic is "SKUL" 0xBA 0xBE; at 16 KiB to 4 MiB by the size of the first
//	...    key material, payload
//
// Followed: LUKS1 On-Disk Format Specification 1.2.3 (2018); LUKS2 On-Disk Format Specification 1.1.4 (2025), and
// its chapter on reencryption. Of a volume that is being reencrypted, each part is read with its own key; the
// part that was moved at the moment of the interruption is unreadable. Volumes with authenticated encryption
// (dm-integrity) and those that the drive itself encrypts (OPAL) are recognised, and not read.
package luks
