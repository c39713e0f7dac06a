// Package match tries thousands of patterns on a text at once.
//
// Of each pattern (RE2, so that no text makes it slow) a literal is found that every match contains. One walk over
// the text looks for all literals together, by four bytes of each in a table of bits; a pattern is tried only on
// lines with one of its literals. Letters of either case are one in that search, so that patterns without case
// cost nothing extra. It promises to miss no match in a line of at most 4 KiB, and in a longer one none that
// is at most 1 KiB long, but of patterns that the receiver has enough of: these leave the table, so that a text that
// is full of them costs no more than others, and of each the last place is told. It never allocates by what stands in a text.
package match
