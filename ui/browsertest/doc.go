// Package browsertest drives the graphical mode in a real browser, Debian's Chromium, as a person does: by clicks and
// keys. It holds tests only.
//
// The program runs as a process of its own, with an empty home folder; a browser comes in by the printed link. Every
// test holds at its end that no page asked anything of another computer, that no script threw, that no dialog opened
// and that no policy was broken (see page.watch).
//
//	main_test.go     the program and the browser, begun and ended   screens_test.go   the table of all screens
//	page_test.go     what a person does on a page, and sees         world_test.go     the computer that screens are seen on
//	journey_test.go  from Start to a verified Save                  medium_test.go    slow disks, formatted images
//	kill_test.go     kill -9 in the middle of a copy                hostile_test.go   names and contents that try to be more
//	attack_test.go   pages and programs of others                   two_test.go       two browsers on one case
//	million_test.go  a million rows                                 axe_test.go       accessibility by axe-core, and the layout
//	elevate_test.go  rights that an administrator gives             pictures_test.go  docs/screens
//	whydrop_test.go  logs that are dropped
//
// A new screen is a row in screens_test.go: it is then held to accessibility, narrow windows and right-to-left writing,
// and has its picture made by
//
//	go test ./ui/browsertest -run Pictures -update-screens
//
// Without a Chromium the tests are skipped, and those of accessibility without axe-core, whose axe.min.js SALVOR_AXE
// names; under SALVOR_CI=1 they fail instead.
package browsertest
