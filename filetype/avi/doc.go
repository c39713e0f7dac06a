// Package avi judges AVI films, with the extension for more than 2 GiB (OpenDML).
//
// It promises that every chunk of the film lies where the one before ends, belongs to a stream that the header
// announces, and stands where the index says that it does; that pictures of Motion JPEG begin as such; and that every
// byte was read. The end is that of the last "AVIX" part that follows directly. A film whose index was never written,
// as when a recording is interrupted, is Partial and good up to its last whole chunk.
//
// The best verdict is Consistent: an AVI carries no checksum, and its pictures are not decoded.
//
//	"RIFF" size(4) "AVI "
//	LIST hdrl: avih, for each stream LIST strl: strh strf [strn] [indx], [LIST odml: dmlh]
//	[LIST INFO] LIST movi: 00dc 01wb ..., [LIST rec: ...] [ix00]; [idx1: name(4) flags(4) offset(4) size(4) ...]
//	"RIFF" size(4) "AVIX" LIST movi ... further parts
//
// Followed: AVI RIFF File Reference (Microsoft, 2023), OpenDML AVI File Format Extensions 1.02 (1996).
package avi
