// Package logs reads text of any kind into lines whose places in the input are known.
//
// It understands UTF-8, UTF-16 of either order, Latin-1, NULs, escape sequences, lines that end in LF, CR LF or
// CR, journald's export format and its JSON, and files packed by gzip, xz, Zstandard,
// bzip2, LZ4 or lzop, of which each takes the memory of its window beside. What it cannot understand it passes on as
// it is. It promises that each line's place is the place of its bytes in the input (in the unpacked bytes, where
// the input is packed), that memory does not grow with the input, and that a line of any length is read in
// windows which overlap. It never guesses a line: text that was not there is not in any block, but for the
// header of a journal's line and the mark where its boot changes.
//
// Text comes in blocks of whole lines. In most inputs a block is the bytes as they are, and nothing is copied:
//
//	input   |----- block -----|----- block -----|--
//	lines   |---|--|-----|----|--|--------|--|--|--
//
// A line longer than a block comes in several blocks, which overlap; each of them says which part is its own.
//
// Sources: systemd's JOURNAL_EXPORT_FORMATS.md (journald), RFC 3164 and RFC 5424 (headers), Android's
// liblog logprint.cpp (logcat's forms), ECMA-48 (escape sequences).
package logs
