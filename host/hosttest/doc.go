// Package hosttest runs parts of a test as a user without rights, beside stand-ins for sudo and pkexec that give the
// rights of the test itself, which runs as an administrator.
//
// A stand-in takes no password and has no set-user-ID bit: it hands its arguments and its standard input to the test,
// which decides, and starts nothing but its own program.
package hosttest
