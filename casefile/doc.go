// Package casefile is the case folder: which sources the case is about, who works in it, what was done and
// when, and the reports.
//
// It promises:
//
//   - One writer at a time ([Open] with [Writer]), any number of readers. A writer that was killed leaves a
//     lock that the next one on the same computer recognises and takes over.
//   - A folder that holds something else is never made into a case.
//   - Each file that it writes is either the old one or the new one after a loss of power. It needs no
//     links, no modes and no holes, so that a case may stand on FAT or on a network share.
//   - The journal only grows. Each line holds the hash of the line before; a change of a line, and the
//     removal of any but the last ones, is found ([VerifyJournal]). A line that a loss of power cut is kept
//     as evidence, apart from the journal.
//   - The reports show names as they are and never what they try to be: no script, no reference to a network,
//     every hidden character visible.
//
// It never touches what other rooms keep in the case (catalogue, images, saved files), and never opens a
// source.
//
// # Layout
//
//	case.json       what the case is about            case.json.new   the next one, while it is written
//	lock            who writes: pid, host, boot, start; not there when no one does
//	journal.jsonl   chain of custody                  journal.torn-*  lines that a loss of power cut
//	report.html, report.json
//	catalog.db, image/, files/, deleted/, older/, carved/, partial/, SHA256SUMS   of other rooms
package casefile
