// Package block holds the nouns that every room shares: read-only sources of bytes, the places of
// bytes on a medium, and the lists of places that make up a file.
//
// It promises:
//
//   - A [Source] can only be read. No type of this package has a method that writes to a medium.
//   - What could not be read is a [*UnreadableError] that says where and why. It is never replaced by
//     zeros, except by [Filled], which remembers each range that it made up.
//   - Every derived source ([Section], [Join]) can tell, through [Origin], where on its parent each of
//     its bytes stands, and through [UnreadableIn], which of its bytes are already known to be lost.
//
// It never retries, never bisects, never caches and never looks at what the bytes mean.
//
// All offsets and lengths are in bytes, int64, and never negative.
package block
