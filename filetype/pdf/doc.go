// Package pdf judges PDF files.
//
// A file is a header, objects, a cross-reference that tells where each object stands, and an end mark; each
// later change appends objects, a cross-reference that refers to the one before, and another end mark:
//
//	%PDF-1.x
//	1 0 obj ... endobj          objects; a stream has its length in its dictionary
//	xref ... trailer << ... >>  or an object that holds the cross-reference as a stream
//	startxref place %%EOF
//
// The end is found from the start: it is the last end mark whose cross-reference stands where it says and
// behind which no further object follows. Then every object that the cross-references name must stand at its
// place; every stream must be followed by endstream where its length says; streams packed with Flate are
// inflated to their end and their Adler-32 compared; the catalogue and every page must be reachable.
// Every byte is read. Pictures in streams and drawing operators are not decoded, and the format carries no
// check over its whole: Consistent is the most that is said.
//
// Encrypted files: what can be opened with an empty password, as files that only forbid printing can, is
// judged by its structure like any other, with a finding. What needs a password is Encrypted.
//
// It never runs scripts, never follows links, and never opens embedded files.
//
// Followed: ISO 32000-1:2008, ISO 32000-2:2020 (encryption of revision 6).
package pdf
