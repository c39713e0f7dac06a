// Package mpeg judges MPEG films: transport streams (TS, and M2TS of cameras and discs) and program streams (MPG, VOB).
//
// Of a transport stream it promises that every packet begins with its mark where the one before ends; that the table of programs was read and
// its CRC-32 computed; and that packets which are missing by their counters are told, as they are after bad reception. Of a
// program stream it promises that packs and packets follow each other by their lengths, with their marker bits set, up to the end
// code where there is one. Neither tells its length: without an end code a film looks whole only when the source, or a fill, follows.
//
// The best verdict is Consistent: pictures and sound carry no checksum. Films are carved where they begin with their tables (TS) or with a
// system header (PS); the row mpeg takes those that begin anywhere, and is not carved.
//
//	TS: packets of 188 bytes (M2TS: 4 more in front): 47, flags and PID(2), counter(1), [adaptation field], payload
//	PS: 00 00 01 BA clock ..., 00 00 01 id length(2) data, ..., 00 00 01 B9
//
// Followed: ISO/IEC 13818-1:2019, ISO/IEC 11172-1:1993.
package mpeg
