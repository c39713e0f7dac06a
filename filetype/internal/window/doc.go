// Package window reads a [block.Source] piece by piece for the formats above it.
//
// It promises that a read costs one buffer of memory however large the source is, that the context is asked
// before each read of the source, and that the reason why bytes are not there is kept: the end of the source
// ([ErrEnd]), an unreadable range ([*block.UnreadableError]) or the end of the context. It never gives a
// zero for a byte that it could not read, and never judges what the bytes mean.
package window
