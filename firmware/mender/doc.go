// Package mender reads Mender's artifacts, versions 2 and 3: a tar archive of a manifest with sums, a header, and payloads.
//
// It promises:
//
//   - Every SHA-256 of the manifest, and of the augmented one, is computed over the right bytes: files of the archive as they
//     stand there, files of payloads as they come out of their archives. A file that is missing fails, and so does one
//     of a payload that no manifest names.
//   - The signature is checked over the manifest, as RSA, ECDSA or Ed25519 with a given key.
//   - When each file of a packed payload fits its sum, the packed bytes need no check of their own: what is installed is what
//     came out.
//
// It never runs state scripts, and leaves deltas as they are.
//
// # Layout
//
//	tar archive, in this order:
//	    version             {"format":"mender","version":3}
//	    manifest            lines: SHA-256 in hex, two spaces, name
//	    manifest.sig        base64: signature over the SHA-256 of manifest; absent when it is not signed
//	    manifest-augment    as manifest, of what was added without a signature; may be absent
//	    header.tar[.gz|.xz|.zst]: header-info, scripts/NAME, headers/NNNN/type-info, headers/NNNN/meta-data
//	    header-augment.tar[...]
//	    data/NNNN.tar[...]  the files of payload NNNN, which manifests call data/NNNN/NAME
//
// # Sources
//
// Followed: mender-artifact 3.9, Documentation/artifact-format-v2.md and artifact-format-v3.md. Debian's mender-artifact 3.9
// makes and judges the artifacts of the tests. Signatures with Ed25519, which it cannot make, are made with openssl.
package mender
