// Package lp reads the metadata of Android's dynamic partitions, which make logical partitions out of extents of
// a "super" partition.
//
// It promises to return the table of every slot, from its primary copy and from its backup, each with Valid set only
// when its checksums agree; to find the metadata by either copy of the geometry, or without both at the usual
// place; and to return a logical partition of several extents with Runs. It never joins slots and never decides which
// one the device would boot. Extents on other devices than the first are told and left out.
//
// All numbers have the low byte first; sectors are 512 bytes:
//
//	4096   geometry: magic, size, SHA-256, largest size of metadata, number of slots, size of a block
//	8192   the same again
//	12288  metadata of slot 0, slot 1, ..., then the backups of all of them
//
//	metadata: header (128 or 256 bytes): magic, version, sizes, SHA-256 of the header and of the tables;
//	tables of partitions (52 bytes), extents (24), groups (48), block devices (64)
//
// Followed: the description of the format in Android 14's system/core/fs_mgr/liblp and "Implementing dynamic
// partitions" (source.android.com).
package lp
