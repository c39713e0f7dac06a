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
// It never retries what failed unless it is told to, knows no parser, opens no file, and never decides what
// is worth reading: that is for the [Guide].
//
// # The copy
//
// A plain pass from the start to the end, in chunks of 1 MiB at multiples of 1 MiB. Of a chunk that fails, what
// came before the failure is kept; the rest is read again in pieces of 64 KiB, and of those that fail, each
// sector once. Sectors that fail are bad. Ranges that the source itself names unreadable are not tried. A range
// that timed out is left as failed, and not taken apart, since each try may cost that time again. A source that
// is gone ends the run with nothing marked.
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
// A dash instead of the hash names bytes that could not be read. The file only grows: a later line replaces an
// earlier one where they overlap, so that no checkpoint writes more than what is new. Each addition begins
// with an empty line, which ends a line that a power failure cut; such a line is told and passed over.
//
// # The hash of the whole
//
// A hash over all bytes of a medium has no meaning when some could not be read, and cannot be computed when they
// are read out of order or in several runs. So what names a copy is the list hash ([ListHash]): the SHA-256
// of the lines of the sums file in order of offset, those without hash included, comments left out. It can be
// made again from the copy at any time. Where one run read the whole medium in order, the ordinary hash over all
// bytes is given too ([Result.SHA256]).
package imaging
