// Package imaging reads a medium once, in the best order it knows, and hands every readable byte to the
// copy, to the hashes and to the observers.
//
// It promises:
//
//   - The source is only read. Each readable byte is given to every observer exactly once over the life of
//     a case, in whatever order; a run that was ended goes on with what its [Map] does not call finished.
//   - The map of a [Snapshot] never calls finished what is not written, synced, hashed and observed. An end
//     at any moment loses at most what was read since the last checkpoint.
//   - What cannot be read stands in the map as such. Nothing is written to the copy in its place.
//   - Memory is bounded by the reads in flight and by the number of separate ranges in the map.
//
// It never reads a sector by itself more often than its [Plan] says, knows no parser, opens no file, and never decides
// what is worth reading: that is for the [Guide].
//
// # The copy
//
// A failing medium answers one request at a time, and a request that fails may hold it for seconds, while good data
// come at full speed: time is spent on failures, and so are the last days of the medium. So the number of
// reads that fail is what the order of reading is built around, in the phases that GNU ddrescue has made known:
//
//  1. Copying, by large reads. Pass 1 goes forward; behind an error it passes over a stretch that doubles until good
//     data were found for as long as the stretch, and does the same where reading is slow. Pass 2 goes backward and
//     reads what was passed over from its good side to the first error. Passes 3 and 4 take what was slow. What is
//     left then lies between failures.
//  2. Copying, pass 5, searches that for islands: one sector in the middle of each gap, of the largest gaps first;
//     where it is good, sectors are read outward from it to the next failure.
//  3. Trimming reads failed blocks sector by sector from both edges to the first bad sector.
//  4. Scraping reads the rest, sector by sector.
//  5. Retrying reads bad sectors again, if that is asked for.
//
// It differs from GNU ddrescue where fewer reads fail, for these reasons:
//
//   - Each sector that stays bad costs one read by itself, whatever the order. Every failure beyond that is waste,
//     and only reads of several sectors waste. So behind an error, and in all of pass 5, reads begin with
//     one sector: when it fails, that read was owed anyway. A search for islands by single sectors costs nothing.
//   - A read may be larger again when many sectors were good in a row: the chance that the next fails is about one
//     by the distance to the last error, and a read of several pays when the time it saves is more than that chance
//     times the time of a failure. Both times are measured while reading.
//   - Among good data the size of a read follows how far errors are apart: of n sectors between two errors, about the
//     square root of n. A larger one would leave more to be read sector by sector, a smaller one cost more requests.
//   - Large gaps between failures are searched first, then edges are trimmed, then small gaps are searched. This is the
//     order of good bytes for each failure, so that most of the data is safe early.
//   - When 24 reads fail in a row, a place is read that was good. If that fails too, no one is there: what failed
//     in the last half minute is not called bad, and the source is waited for.
//   - What a [Guide] wants first is read without what can wait. Failed blocks are trimmed only from the side of good
//     data; what stands near a failure that an earlier set met is come to from its other side, or left; and a gap between
//     failures is read sector by sector where most gaps so far held errors, since each large read that fails costs a
//     failure more. All of it follows when the rest of what is wanted is safe.
//
// What the source itself names unreadable is not tried. A range that timed out is left as failed for the next run,
// since each try may cost that time again.
//
// # The map file
//
// The map is that of GNU ddrescue, by the manual of version 1.27, chapter "Mapfile structure", so that either
// program goes on where the other stopped:
//
//	# Mapfile. Created by ...
//	# current_pos  current_status  current_pass
//	0x00120000     ?               1
//	#      pos        size  status
//	0x00000000  0x00117000  +
//	0x00117000  0x00000200  -
//
// The state of a block is one of ? (not tried), * (failed, not trimmed), / (failed, not scraped), - (bad
// sectors) and + (finished). Reading also takes files of older versions: without the pass, without the
// whole status line, with a last block of size -1, and numbers in decimal, hexadecimal or octal.
//
// # The sums file
//
// One line for each stretch of bytes that was read, which never crosses a multiple of 1 MiB; a chunk without
// failures is one line:
//
//	# offset length sha256
//	0x0000000000 0x00100000 30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58
//	0x0000100000 0x00001000 ad7facb2586fc6e966c004d7d1d16b024f5805ff7cb47c7a85dabd8b48892ca7
//	0x0000101000 0x00000200 -
//
// A dash instead of the hash names bytes that could not be read. A chunk that was read in pieces has a line for each at
// first; when the run comes to its end, lines for the longest stretches replace them, made from the copy, so that the
// same medium gives the same lines in whatever order it was read. The file only grows: a later line replaces an
// earlier one where they overlap, so that no checkpoint writes more than what is new. Each addition begins
// with an empty line, which ends a line that a power failure cut; such a line is told and passed over.
//
// # The hash of the whole
//
// A hash over all bytes of a medium has no meaning when some could not be read, and cannot be computed when they
// are read out of order or in several runs. So what names a copy is the list hash ([ListHash]): the SHA-256
// of the lines of the sums file in order of offset, those without hash included, comments left out. It can be
// made again from the copy at any time. Where nothing is missing, the ordinary hash over all bytes is given
// too ([Result.SHA256]).
package imaging
