// Package hexfile reads programs for microcontrollers as text: Intel HEX and Motorola S-records.
//
// It promises that the sum of every line is computed, that a file without its last line is told as cut off, and that the
// bytes come out at their addresses as one part for each run of them.
//
// # Layout
//
//	Intel HEX  :LLAAAATT data SS   length, address, type, data, two's complement of the sum of all bytes before;
//	                               types 0 data, 1 end, 2 and 4 upper bits of addresses, 3 and 5 start
//	S-record   STLL address data SS  type 0 heading, 1 to 3 data with addresses of 2 to 4 bytes, 5 and 6 count of
//	                               lines with data, 7 to 9 end; ones' complement of the sum behind the type
//
// # Sources
//
// Followed: Intel, Hexadecimal Object File Format Specification, revision A (1988); srec_motorola(5) and srec_intel(5) of
// SRecord 1.64 for the names of records. objcopy of binutils makes the fixtures.
package hexfile
