// Package markup judges XML, SVG and HTML.
//
// XML is followed as a stream: tags are nested and closed, attributes quoted, comments, CDATA and processing
// instructions ended, and no control byte stands anywhere; the file ends behind the tag that closes its root, with one
// line end. HTML may leave nearly every tag out; it is text that begins as a page does and ends with </html>, with one
// line end. A page that opens html and never closes it is cut. Neither has a checksum: Consistent is the most that is
// said. Entities, schemas and links are never followed, nothing is loaded.
//
// XML in UTF-16 is left to package text. In UTF-8, which XML is unless it says otherwise, broken characters are
// contradictions.
//
// Followed: Extensible Markup Language (XML) 1.0, fifth edition; HTML Living Standard of 2024; SVG 1.1.
package markup
