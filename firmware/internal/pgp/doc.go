// Package pgp checks detached OpenPGP signatures (X.asc, X.sig, SHA256SUMS.gpg), and text that is signed in its own file, with
// given public keys.
//
// It promises that a signature is Passed only when a key that was given made it over all bytes of what it covers, when its
// owner's own signatures let that key sign, when the key was not taken back, and when it had not ended at the time of
// signing. A signature that names a key which is not among the given ones is never called false.
//
// It reads version 4, as GnuPG writes it, with RSA, ECDSA over the NIST curves, and Ed25519; others are named and cannot be
// told. It asks no key server, follows no web of trust, and reads no encrypted messages. That a subkey
// has signed back to its owner is not asked for: the keys are given by whoever trusts them.
//
// # Layout
//
//	armoured: "-----BEGIN PGP SIGNATURE-----", headers, an empty line, base64 of the packets, "=" and base64 of a CRC-24,
//	    "-----END PGP SIGNATURE-----"
//	packet:    tag and length: 0x80 | tag<<2 | size of the length, or 0xC0 | tag and a length of 1, 2 or 5 bytes
//	signature: version, type, algorithm, hash; hashed and other subpackets, each with a length of 2 bytes; 2 bytes of the hash;
//	    numbers, each with its length in bits
//	key:       version, time, algorithm, numbers
//
// What is signed is followed by the signature up to its hashed subpackets, 04 FF, and the length of that. Text is signed with
// its lines ending in CR LF.
//
// # Sources
//
// Followed: RFC 9580 (OpenPGP) and RFC 4880. gpg 2.2.40 makes the keys and signatures of the tests.
package pgp
