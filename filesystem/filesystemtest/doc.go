// Package filesystemtest is the conformance suite of file system readers: each kind's test calls [Run]
// with its images and with the truth about them.
//
// It checks equality with the truth, the laws that every reader keeps (parents before children, normalized
// runs inside the volume, an origin that agrees with them, an end soon after a cancel, io/fs), and what a
// reader must stand: unreadable ranges, which are errors and never zeros, and random damage, under which
// it neither fails nor hangs and still finds what was not hit.
package filesystemtest
