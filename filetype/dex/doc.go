// Package dex judges programs of Android (DEX).
//
// The SHA-1 and the Adler-32 of the header are computed; they cover all but the magic and the version, which readers
// use, so that a file is at most Consistent, and says what passed. The end is the size in the header, and the map of
// the file must lie inside.
//
// Layout: "dex", a line end, version(3), zero, Adler-32(4) of what follows, SHA-1(20) of what follows, size(4), size
// of the header(4), byte order(4), link data(8), place of the map(4), a size and a place for each table. Numbers have
// the low byte first.
//
// Followed: Dalvik Executable format, Android 14.
package dex
