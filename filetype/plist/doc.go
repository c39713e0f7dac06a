// Package plist judges binary property lists of Apple systems. Those in XML are judged by package markup.
//
// A list ends with a trailer, and says at its beginning nothing of where that stands. So the objects are walked from
// the first one, with each size that references may have, until the table of their places and the trailer follow,
// which must say exactly what the walk found. References must point at objects. There is no checksum: Consistent is
// the most that is said.
//
// Layout: "bplist00", objects, places of the objects, trailer(32): zeros(6) size of a place(1) of a reference(1)
// objects(8) top object(8) place of the table(8). Numbers have the high byte first.
//
// Followed: CFBinaryPList.c of Apple's CF-1153.
package plist
