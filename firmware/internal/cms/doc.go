// Package cms reads the signatures of the Cryptographic Message Syntax (PKCS #7), with which SWUpdate, RAUC and others
// sign packages: who signed, by which algorithm, whether the signature fits the content, and whether a chain of
// certificates leads to one that was given.
//
// It promises:
//
//   - A signature is Passed only when it fits the content and the signer's certificate is one of the given ones, has the
//     public key of one of them, or leads to one of them.
//   - Without a given certificate or key it is never Passed. That it fits the certificate which it brings along says that
//     nothing was changed by accident, and nothing of who made it: it is a check, not a signature that passed.
//   - A certificate that ended before the signature was made, and one that ended since, are told apart. Which of the two
//     a device minds depends on its clock and its configuration.
//   - Input is hostile: a message has at most [MaxSize] bytes and 32 levels before anything else reads it.
//
// It never decrypts, and asks no revocation list.
//
// # Layout
//
//	ContentInfo: type (SignedData, EnvelopedData, ...), [0] content
//	SignedData:  version, digests, type and content ([0], absent when it is detached), [0] certificates, [1] lists of
//	             revoked ones, signers
//	Signer:      version, issuer and serial number of the certificate, digest, [0] signed attributes (type of the content,
//	             its digest, time), algorithm, signature, [1] attributes that nothing signs
//
// With signed attributes the signature is over their DER encoding as a SET, else over the content.
//
// # Sources
//
// Followed: RFC 5652 (CMS), RFC 4055 (PSS), RFC 8419 (Ed25519); for what certificates may be used for: SWUpdate 2022.12 (purpose
// of S/MIME signing, or of code signing when it is told so) and RAUC 1.8 (check-purpose). openssl cms 3.0 makes the
// messages of the tests and judges them.
package cms
