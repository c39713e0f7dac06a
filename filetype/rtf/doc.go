// Package rtf judges documents in Rich Text Format.
//
// A document is one group in braces; it ends with the brace that closes it. Groups, escapes and binary data of a
// stated length are followed; control bytes are contradictions. There is no checksum, so that Consistent is the most
// that is said. Title, author and time come from the information group. No field, object or link is interpreted.
//
// Followed: Rich Text Format Specification 1.9.1.
package rtf
