// Package pubkey holds a signature against public keys and says what came of it, in the words that all firmware formats
// share.
//
// It promises:
//
//   - A signature is Passed only when one of the given keys made it over the very digest or message that the caller
//     names; [firmware.Signature.Key] is then that key's name.
//   - Without a key of the right kind the answer is Cannot, with the reason. It is Failed when keys of the right kind
//     were given, or the very key that the signature names, and none made it.
//   - Weak algorithms are named whether or not the signature fits: MD5, SHA-1, RSA below 2048 bits.
//
// It never panics on hostile keys or signatures, and judges no certificate: that is for whoever knows its chain.
//
// # Layout
//
//	RSA      as long as the modulus; padding of PKCS #1 version 1.5, or PSS with any length of salt
//	ECDSA    ASN.1 SEQUENCE { r INTEGER, s INTEGER }, or r and s one after the other, each as long as the curve's order
//	Ed25519  64 bytes over the message itself
//
// # Sources
//
// Followed: RFC 8017 (PKCS #1 2.2), FIPS 186-5, RFC 8032, RFC 5480 for ECDSA in ASN.1.
package pubkey
