// Package mail judges mails (eml), mailboxes (mbox), address cards (vcf) and calendars (ics).
//
// All are text without a checksum: Consistent is the most that is said. Cards and calendars end with the line that
// closes what their first line opened; a mail of several parts ends with the line that closes them; a plain mail and a
// mailbox end with the file. Control bytes, and zeros where the file was never written, are contradictions.
//
// Parts are not decoded but for subject, sender and names. Nothing is loaded.
//
// Followed: RFC 5322, RFC 2045 to 2047, RFC 4155, RFC 6350 (vCard 4), vCard 2.1 and 3, RFC 5545 (iCalendar).
package mail
