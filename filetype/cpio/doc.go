// Package cpio judges cpio archives in the forms of SVR4 ("070701", and "070702" with sums) and of POSIX ("070707").
//
// Every header's fields must be digits and every name end with a zero; contents with sums are summed. The archive ends
// behind the member TRAILER!!! and the zeros that fill up a block of 512 bytes. The sum adds bytes and does not cover
// headers, the other forms have none: Consistent is the most that is said.
//
// Layout: per member a header in digits, the magic and 13 fields of 8 hexadecimal digits (SVR4) or the magic and 10
// fields of 6 or 11 octal ones (POSIX); name, zero; content. In the form of SVR4 name and content are each filled up
// to four bytes.
//
// Followed: cpio(5) of FreeBSD 14; initramfs buffer format of Linux.
package cpio
