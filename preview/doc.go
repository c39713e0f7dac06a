// Package preview shows a person what is in a file: what its format says of itself, the text in it, the bytes
// around a damaged place, and a small picture.
//
// It promises that a hostile file costs no more than the limits of this package in time, pixels and bytes, and ends in
// an answer whatever it does: a reader that fails or does not come to its end leaves what is known without it. It
// reads only what it shows needs. All texts that it gives are the file's own words: whoever prints them escapes what a
// terminal or a page would interpret.
//
// It never writes, and never decides what a file is worth: that is a verdict's business.
package preview
