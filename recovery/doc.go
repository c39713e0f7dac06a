// Package recovery brings all that was found, whichever way, into one catalogue, says of each file what is
// known of its content, finds out which files are one, and saves them.
//
// # Promises
//
//   - A verdict is never better than what stands behind it. A file with a byte that is lost, someone else's
//     or unreadable is never Proven or Consistent; one whose place was guessed is Proven only where checks
//     cover the guess, and else Unknown until its content is found at that place a second time.
//   - What counts as saved is safe on disk, complete, with the hash that the catalogue has. Whenever saving is
//     stopped, by its caller, a kill, a loss of power or a full disk, doing it again goes on with the rest and
//     comes to the same tree.
//   - No name leads out of the folder that is saved to, no link does, and no file takes the place of another.
//     Every path that had to be changed is listed ([Catalog.MappedNames]).
//   - Bytes that could not be read keep their place in a saved file as zeros or as a hole, under partial/,
//     with a list beside it; they are never passed off as content.
//   - Memory grows with the work in flight and with the number of separate pieces of a medium, not with the
//     number or the size of files.
//
// It never writes to a source, and never writes outside of the given root and the catalogue. It does not
// restore owners, extended attributes but those of users, setuid, setgid and sticky bits, or writing by everyone, and never
// makes devices, pipes or sockets; they stay in the catalogue.
//
// # Order of use
//
// [Judge.File] makes entries of what a file system names, [Catalog.Put] keeps them. [Attribute] then says
// where the carver need not look, [Carved] makes entries of what it finds, and [JoinTwins] joins these with
// the named ones. [Save] writes the trees, [Verify] reads them again. Each may be done again at any time.
//
// # Decisions
//
// A file of 0 bytes is Unknown: nothing in it can be checked, and an update that was cut off leaves files
// of 0 bytes where there was content. A carved file that is saved is a duplicate when a whole saved file has
// the same hash; a named file is always saved, since its path is worth something. Findings of an entry count
// their offsets from the start of the file, not of the medium.
//
// # The catalogue
//
// catalog.db is a SQLite file (application id "SLVR", user_version 1), written through modernc.org/sqlite,
// which is pure Go. It keeps to a rollback journal, so that it works on FAT32, exFAT and network shares. Its
// tables:
//
//	entries    one row for each file; what filters and orders ask for in columns, the rest in one blob
//	chunks     what listings ask of 4096 entries in a row, column by column (chunk.go); made when all is found, and
//	           taken away by triggers where an entry changes. A catalogue without it is listed too, more slowly,
//	           or with what is made beside it ([Catalog.MakeAside])
//	taken      folders and lists of missing ranges that have a path in the case
//	mapped     entries that are saved under another path than their own
//	layers     what stands in what on each source
//	landmarks  where probes matched, with the names of the probes in probes
//	findings   by scope
//	steps      what of the main job is done
//
// The blob is a version byte and tagged sections of varints; see codec.go. An entry takes about 450 bytes,
// and 38 in chunks.
package recovery
