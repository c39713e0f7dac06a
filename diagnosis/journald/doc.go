// Package journald reads journal files of systemd as text in journald's export format, which diagnosis/logs understands,
// and knows where in the file each entry's message stands.
//
// It promises that a broken object hides none of those behind it, that what it hands over are messages that stand in the
// file, that a compressed message is bounded, and that time and memory are bounded by the file's size. It never follows
// a chain of the file: objects are taken one behind the other, so that no loop can be made.
//
//	header   "LPKSHHRH", flags at 8 and 12, size of the header at 88, of the arena at 96, last object at 136
//	object   type u8, flags u8 (1 XZ, 2 LZ4, 4 ZSTD), size u64 at 8; each begins at a multiple of 8
//	data     payload "FIELD=value" at 64, in compact files at 72
//	entry    sequence number 16, real time 24, monotonic 32, boot 40, items from 64: offset and hash of data, 16 bytes
//	         each; in compact files 4 bytes
//
// The layout is that of systemd's docs/JOURNAL_FILE_FORMAT.md, and is held against files that systemd 252 wrote; data that is
// compressed by LZ4 or XZ was put together by test code and not checked against systemd.
package journald
