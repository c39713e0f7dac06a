// Package matroska judges Matroska and WebM films and sound.
//
// It promises that every element lies inside of the one that holds it, that clusters hold nothing but what a cluster may,
// that each block belongs to a track that is described, that the index (Cues) points at clusters, and that each CRC-32
// which is there was computed. A segment that does not tell its size, as that of a live stream or of an interrupted recording, ends
// where no further element of a segment follows.
//
// The best verdict is Consistent: the checks are optional, WebM has none, and the head of the file never has one.
//
//	EBML header, Segment: SeekHead, Info, Tracks, Cluster..., Cues, Tags; Void and CRC-32 anywhere
//	element: id (1 to 4 bytes) size (1 to 8 bytes, all ones: not told) data
//
// Followed: RFC 8794 (EBML), RFC 9559 (Matroska), WebM Container Guidelines (2017).
package matroska
