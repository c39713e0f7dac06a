// Package filetype says what is known of a kind of file: a [Format] in a table, which recognises it, finds
// where it ends, and judges whether it is whole. Each family of formats has a folder of its own below.
//
// A [Table] holds the rows and identifies a whole file by them, with the rules that hold for every format;
// a [Stream] reads a source forward for those that judge it; [Stopped] says what follows from a source that
// ends or cannot be read. Every format is held to the suite in filetypetest.
//
// A format promises that no file with a wrong byte in a place that a reader uses is ever Proven; that the
// work and memory for a hostile file are bounded; and that whatever is not whole comes with the byte at
// which that was seen. It never writes, never opens anything but the source it was given, and never trusts
// the name of a file.
package filetype
