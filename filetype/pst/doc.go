// Package pst judges the mail stores of Outlook (PST, OST) in their Unicode form.
//
// The CRC of the header and of every page of both trees is computed, and that of every block that the tree of blocks
// names; the file ends where the header says. Maps of free space are not judged, and what nothing names is not looked
// at, so that Consistent is the most that is said. A block that fails does not hide the others: how many are whole is
// told. Mails are not decoded. The form of before 2003 (ANSI), and that with pages of 4 KiB, are recognised and not checked.
//
// Layout: a header that begins with "!BDN" CRC(4) "SM" version(2); pages of 512 bytes that end with kind(2)
// signature(2) CRC(4) number(8); blocks, filled up to 64 bytes, that end with size(2) signature(2) CRC(4) number(8).
// Numbers have the low byte first.
//
// Followed: [MS-PST] 10.0.
package pst
