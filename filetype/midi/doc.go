// Package midi judges Standard MIDI Files.
//
// It promises that the header announces as many tracks as follow, and that every event of every track was followed from its time to
// its last byte, to an end mark that stands at the end of the track. The end is that of the last track.
//
// The best verdict is Consistent: a MIDI file carries no checksum.
//
//	"MThd" 6(4) format(2) tracks(2) division(2), for each track "MTrk" size(4) events
//	event: time (1 to 4 bytes of 7 bits), a message, or FF kind length data, or F0 length data
//
// Followed: Standard MIDI Files 1.0 (MIDI Manufacturers Association, RP-001, 1996).
package midi
