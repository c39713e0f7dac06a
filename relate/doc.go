// Package relate knows which files belong together: a database and the journal of its newest changes, the volumes of an
// archive, a photo and the edits beside it, a playlist and what it plays.
//
// It promises to tell what is missing only where something that is there says so: a numbered part between two others, a
// companion without its file, a name that a list names. It reads no more than the bounds in this package of any file, is
// held in time by [guard], and never changes a file or its verdict: a file that lacks its companion is still what it is.
//
// # The rules
//
// They stand in one table, [Rules]: for people in docs/related.md. Names are compared without regard to case, since most of these
// files were made on systems that do not regard it either.
package relate
