// Package leveldb judges the logs of LevelDB and of the many programs that keep their data in it (browsers, chat
// programs): the write-ahead log and the manifest.
//
// The CRC-32C of every record is computed. A log has no signature and no end of its own, so that it is never carved,
// and a log that lost whole records at its end cannot be told from a shorter one: Consistent is the most that is said.
// A last record that was not finished is told as missing.
//
// Layout, in blocks of 32 KiB: CRC-32C(4) of what follows, masked; length(2); type(1): full, first, middle, last;
// content. Fewer than seven bytes at the end of a block are zeros.
//
// Followed: doc/log_format.md of LevelDB 1.23.
package leveldb
