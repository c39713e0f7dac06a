// Package text judges what people and programs write as plain text: text in UTF-8, UTF-16 and the Western
// 8-bit code page, JSON and JSON lines, and tables of separated values (CSV).
//
// None of them has a signature or a checksum, so their best verdict is Consistent, they are never carved,
// and they are asked only about files that nothing else accepts. The package promises that bytes which are
// not text are never called text: control bytes, broken encodings and Western text without the neighbours
// that letters have are refused. A text that turns to zeros, as a file does whose last blocks were never
// written before the power went, is Damaged at the first zero. Everything is read as a stream, with memory
// for one chunk, whatever the size.
//
// It never trusts the name of a file, and never guesses an encoding that would need a dictionary.
//
// Followed: Unicode 15 (UTF-8, UTF-16), the WHATWG index of windows-1252, RFC 8259 (JSON), RFC 4180 (CSV).
package text
