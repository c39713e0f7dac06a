// Package filesystem says what a reader of a file system is: a [Kind] in a table, a [FileSystem] over a
// volume, [File]s with their places. Each kind has a folder of its own below this one.
//
// A reader promises to yield all that metadata still names, whatever its state; to let one bad entry never
// hide its siblings; to bound every length, chain and depth; and to say of each byte of a file where on the
// volume it stands. It never writes, never guesses without saying so ([block.Guessed]), and never gives
// bytes that it could not read or that belong to another file.
package filesystem
