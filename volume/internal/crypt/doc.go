// Package crypt decrypts the sectors of encrypted volumes, and derives the keys for that.
//
// It promises that a [Source] gives plain bytes only where the encrypted ones were read: a sector of which a byte
// cannot be read is unreadable as far as the mode of the cipher needs that byte. It never encrypts, never writes,
// and never puts a key or a passphrase into an error.
//
// The names of ciphers, modes and initial vectors are those of Linux' dm-crypt: "aes-xts-plain64",
// "aes-cbc-essiv:sha256", "serpent-xts-plain64". Beside these there are BitLocker's "aes-cbc-eboiv" and
// "aes-cbc-elephant".
//
// Followed: IEEE 1619-2007 (XTS), the documentation of dm-crypt in Linux 6.1, RFC 8018 (PBKDF2), the LUKS1
// specification 1.2.3 for the anti-forensic splitter, Ferguson's "AES-CBC + Elephant diffuser" (2006), the
// submission of Serpent to the AES contest (1998), and ISO/IEC 10118-3:2004 for Whirlpool.
package crypt
