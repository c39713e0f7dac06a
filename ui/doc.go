// Package ui is the graphical mode: the program's own pages, for people who have never opened a terminal.
//
// It promises that it listens on the loopback addresses only; that no page asks anything of another computer; that the
// essential path (look, files, save) needs no script; that a job goes on when its page is closed, and goes on where it
// was when the program is started again.
//
// Pages stand on 127.0.0.1, behind a cookie that the opened link gives. What was recovered is hostile: it stands on
// localhost, where that cookie is never sent, under paths that cannot be guessed, and as something that a browser runs
// nothing of. A browser names no path: it gives back tickets of places that the server itself offered.
//
// It never reads a device by itself, never writes to a source, and never takes a request for another host's.
//
//	server.go    listening, the order of the checks, stopping      screens: start.go look.go cases.go jobs.go
//	guard.go     cookie, Host, Origin, CSRF, headers                 files.go file.go save.go firmware.go
//	content.go   recovered files, on the other origin              words.go, words/LANGUAGE  the strings, a folder a language
//	job.go       jobs and their progress                           pages/, static/          templates, style, scripts
package ui
