// Package super reads images of Android's super partition, in which the logical partitions stand: each is opened as a part.
//
// It promises that the sums of geometry and metadata are checked, of every copy; that a partition which reaches behind the
// end of the image is told as cut off; and that the content of partitions, for which super has no sum, is left to what they
// are: Verified Boot covers it.
//
// # Layout
//
// The format itself is read by package volume/lp, whose description has it: at 4096 and 8192 the geometry, from 12288 the
// metadata of each slot, twice, and behind them the partitions.
//
// # Sources
//
// Followed: Android Open Source Project, fs_mgr/liblp/include/liblp/metadata_format.h. The fixture is that of volume/lp, made
// from the description: not checked against lpmake, which no Debian package has.
package super
