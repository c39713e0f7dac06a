// Package pgp checks detached OpenPGP signatures (X.asc, X.sig, SHA256SUMS.gpg), and text that is signed in its own file, with
// given public keys.
//
// It promises that a signature is Passed only when a key that was given made it over all bytes of what it covers, when its
// owner's own signatures let that key sign, when the key was not taken back, and when it had not ended at the time of
// signing. A signature that names a key which is not among the given ones is never called false.
//
// It asks no key server, follows no web of trust, and reads no encrypted messages. The packets are read, and the mathematics
// are done, by github.com/ProtonMail/go-crypto; what is judged by them stands here, since a package is told why a
// signature does not count.
//
// # Sources
//
// Followed: RFC 9580 (OpenPGP) and RFC 4880. gpg 2.2.40 makes the keys and signatures of the tests.
package pgp
