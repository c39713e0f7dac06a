// Package compare says how far an update got: it aligns what a package would write with what stands on a device, block
// by block.
//
// It promises:
//
//   - Class [New] is given to bytes only that equal the package and do not equal the old content, as far as that is
//     known; bytes that are the same in both, and bytes that erasing leaves as well, say nothing.
//   - The [Bracket] goes from the last byte that is provably new to the first one that provably is not. A medium that
//     was written in order was left inside of it.
//   - What could not be read says nothing, and is told.
//   - Another region is [Unchanged] only where a [Proof] says so. Where no byte of the package was found the words are
//     "no trace", with the length of the shortest piece that would have been found.
//
// It never writes, and never guesses which of two slots is meant where both fit equally: both are told.
//
// How it aligns. Places in the content of the package are chosen by the bytes that stand there, so that the same places
// are chosen wherever those bytes stand (content-defined sampling): a word of 8 bytes whose product with a constant has
// enough leading zeros. Each gets a hash over 64 bytes. The regions are read once, front to back, and each place found
// there votes for the distance between both. Memory is bounded by [maxAnchors], whatever the sizes. Then each part is
// compared with its region byte by byte, in units of 512 bytes.
package compare
