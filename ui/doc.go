// Package ui is the graphical mode: the program's own pages, for people who have never opened a terminal.
//
// It promises that it listens on the loopback addresses only, where nothing else is asked for; that others come in by a
// password and over TLS alone; that no page asks anything of another computer; that the essential path (look, files, save)
// needs no script; that a job goes on when its page is closed, and goes on where it was when the program is started again.
//
// Pages stand on 127.0.0.1, behind a cookie that the opened link gives. What was recovered is hostile: it stands on
// localhost, where that cookie is never sent, under paths that cannot be guessed, and as something that a browser runs
// nothing of. A browser names no path: it gives back tickets of places that the server itself offered.
//
// Where others reach it ([Remote]), cookies again know no ports, so that contents stand on another host (ContentHost), or
// where there is none, on the pages' host without any authority: no answer there regards the cookie; paths are sealed and
// run out; answers are sandboxed, and thereby of no origin; nothing is served in place but media; what wants to run them is
// refused (Sec-Fetch-Dest); and the pages' policy names one folder for scripts instead of the whole host. The cookie begins
// with __Host-, so that no other host, below or above, can set it.
//
// It never reads a device by itself, never writes to a source, and never takes a request for another host's.
//
//	server.go    listening, the order of the checks, stopping      screens: start.go look.go cases.go journal.go
//	remote.go    other computers: password.go throttle.go login.go certificate.go
//	guard.go     cookie, Host, Origin, CSRF, headers                 files.go file.go save.go saving.go firmware.go
//	content.go   recovered files, on the other origin              words.go, words/LANGUAGE  the strings, a folder a language
//	secrets.go   what opens locked volumes, in memory only         unlock.go copy.go jobpage.go browse.go
//	upload.go    files that browsers send                         why.go whyshow.go diagnosis.go sentences.go
//	job.go       jobs and their progress                           pages/, static/          templates, style, scripts
package ui
