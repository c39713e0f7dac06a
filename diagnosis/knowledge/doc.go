// Package knowledge loads the rules that failed updates are explained by: the files *.yaml of this folder, which
// are part of the program, and those of a folder that the user names.
//
// It promises that a base it returns is sound: no unknown keys, no ID twice, every cause known, every pattern
// compiled and with a literal to look for, at least two examples and two near misses for each rule. It never
// takes a file in part: what is wrong in any of them is told in one error, file and rule named.
//
// # A file
//
// One ecosystem, a program or a family of programs, in a file of its name. A name can be split over files
// as name.part.yaml; title and logs then stand in any one of them.
//
//	ecosystem: rauc
//	title: RAUC
//	speaks: ['rauc\[\d+\]:']       # lines that show that this program speaks here
//	names: ['(?i)\brauc']           # words by which logs and people call it, its files or its devices
//	logs: where the updater keeps its log and how to get it, a sentence or two
//	anywhere: true                 # its messages stand in lines of other programs, as those of libraries do
//	bystander: true                # it has no part in updates: on its lines only storage, room and power are causes
//	library: true                  # its words do not tell that anybody updates or fetches something: libraries, kernels, shells
//	codes:                         # tables of codes: how the program prints them, with a group "code"
//	  - {name: status, patterns: ['exit status (?P<code>\d+)'], mask: 0}
//	rules:
//	  - id: rauc.compatible        # begins with the ecosystem
//	    line: "Compatible mismatch: Expected '(?P<expected>[^']*)'"
//	    role: cause                # cause symptom summary success begin writing reboot retry event normal
//	    cause: device.wrong        # with cause and symptom only
//	    strength: 90               # of 100 times, how often that is the cause when this line is all there is
//	    also: {package.corrupted: 10}
//	    means: "The package is for {found}."
//	    source: "rauc 1.8 src/install.c"
//	    against: [rauc.installed]  # rules whose presence contradicts this one
//	    decide: "the question or measurement that would decide"
//	    match: [two examples, or more]
//	    miss: [two near misses, or more]
//	    passing: true              # the fault goes away by itself (an empty battery)
//	    never_retry: true          # trying again can destroy the device (rollback protection)
//	    first_boot: normal         # usual on a first boot: masked where no update and no boot was seen before
//
// In place of line:
//
//	said: 'blinks? three times'                     # tried on text that a person typed, and on nothing else
//	fact: {name: check.whole, is: "NO"}             # a name, or several with spaces between; is, not, matches (RE2), above, below; match and miss are values
//	order: [uboot.spl, "role:writing", {not: linux.boot}]
//	within: 200 lines                               # or 30 s; for order
//	code: {in: status, number: 9}                   # or name: a word, or both; in: a table of this file's codes
//
// An event of order is a rule's ID, a pattern of IDs (rauc.write*), or a role. "not" holds between its
// neighbours, or from the one before it to the end of the input. Examples of order are whole logs.
//
// A success ends what failed of its ecosystem before it, and speaks against what failed of others since its update
// began. A retry lowers what failed of its ecosystem before it in the same boot, when the log goes on behind it and
// nothing of the ecosystem fails again. An event is something that sequences ask for, and nothing else.
//
// # Lines
//
// A pattern is tried on one cleaned line: without escape sequences, control bytes and the line's end. What
// stands before a message (time, priority, host, program) is still there. A pattern that begins with ^ is tried
// at the beginning of the line, behind the time, behind host and priority, and behind the program's name.
// Behind a shell's "echo $?" stands the exit status of a command: rules see it as the line "exit status 22 of
// curl -O http://...". A success on such a line ends all that failed while the command ran.
// Lines of more than 4 KiB are tried in windows around what was found in them.
//
// # What a rule must not take
//
// Ordinary logs, and prose about errors. A pattern holds enough of the program's own sentence that words beside each
// other do not fit it by chance: tests read logs made of the words of logs in any order, and no cause may come of them.
// A rule's source names the file that was read, with its version or commit; where a program's source is not public, it
// says so. A lone hint in a log that goes on behind it, and in which nothing says that anything failed, is told and not
// graded.
//
// # Groups with a meaning
//
// These named groups are understood by the engine, in every rule:
//
//	expected_size, actual_size   bytes; fewer than expected tells a truncated file from a corrupted one
//	magic                        what stood in place of a header, 0x... or hex bytes: decoded as text (0x3c is <)
//	offset                       where a file or flash differs, for the comparison of both
//	code                         the code of a table
//
// # Changes
//
// Additions to the form, newest first:
//
//   - a row of a table may be known by its number and by its name.
//   - anywhere: a rule of an ecosystem without it weighs less on a line on which another ecosystem speaks.
//   - passing, never_retry, first_boot: see above.
//   - codes is a list of tables; a row of a table may be a number (also 0x...) or a name.
//   - name.part.yaml splits an ecosystem.
package knowledge
