// Package damage tells what a file is that no format takes: a page of a server saved under the name of the image, an image
// whose bytes are exchanged, one behind filling, nothing but filling, or bytes of which nothing can be told.
//
// It promises that it judges only the file that was opened, never a part of a package, but for parts that are filling; that
// an exchange of bytes is told only when a strong check of the format fits in the other order; and that bytes without any
// order are called what they are, and nothing else: encrypted ones cannot be told from packed ones.
//
// # Layout
//
// None: it looks at up to 1 MiB at the start. An exchange of 2, of 4, and of the halves of 4 bytes is tried.
//
// # Sources
//
// Followed: the WHATWG's MIME Sniffing Standard for what a page begins with; Git LFS's specification, docs/spec.md, for
// its pointers; openssl-enc(1) of OpenSSL 3.0 for its mark.
package damage
