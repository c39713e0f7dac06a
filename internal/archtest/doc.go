// Package archtest holds the house rules as an ordinary test: which room may import which, who may touch the
// operating system, who may log, where a module of others may be used, and what no room does at all.
//
// It promises that a package without a place in the order fails the test, so that no room can be added
// without saying where it stands; and that each rule is itself tested on a house that breaks it.
//
// It reads `go list` for every system that the program is built for, since files of one system are
// invisible on another, and the syntax of all files.
package archtest
