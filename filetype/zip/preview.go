package zip

import (
	"bytes"
	"context"
	"html"
	"io"
	"strings"

	"github.com/klauspost/compress/flate"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/internal/exif"
	"salvor/filetype/internal/window"
)

const (
	// maxTail is how far from the end the end record is looked for, in bytes.
	maxTail = 64<<10 + endSize
	// maxMain is how much of a document's main part is unpacked, in bytes.
	maxMain = 256 << 10
)

// mainPart are the parts that hold what a reader of a document reads first, by their names, with the tags that end a
// line.
var mainPart = []struct{ name, line string }{
	{"word/document.xml", "</w:p>"}, {"content.xml", "</text:p>"}, {"ppt/slides/slide1.xml", "</a:p>"}, {"xl/sharedStrings.xml", "</si>"},
}

// lister lists the members of one archive.
type lister struct {
	w    *window.Window
	p    filetype.Preview
	kind kind
	main int    // place in mainPart, -1 for none
	part header // of the main part
	at   int64  // its local header
	book string // the first text of a book
}

// preview lists the members by the directory, or, where there is none, by their own headers; of documents it gives the
// title and the first text.
func preview(ctx context.Context, src block.Source) (filetype.Preview, error) {
	l := &lister{w: window.New(ctx, src, bufferSize), main: -1}
	p, err := l.w.Upto(0, localSize)
	if err != nil && !window.Missing(err) {
		return filetype.Preview{}, err
	}
	if !startsArchive(p) {
		return filetype.Preview{}, filetype.ErrNot
	}
	if !l.directory() {
		l.p.Members, l.p.More = nil, 0
		l.members()
	}
	l.document()
	if err := ctx.Err(); err != nil {
		return filetype.Preview{}, err
	}
	return l.p, nil
}

// directory lists the members by the directory; it reports whether there is one.
func (l *lister) directory() bool {
	size := l.w.Size()
	n := min(size, maxTail)
	tail, err := l.w.Bytes(size-n, int(n))
	if err != nil {
		return false
	}
	i := bytes.LastIndex(tail, []byte("PK\x05\x06"))
	if i < 0 || len(tail)-i < endSize {
		return false
	}
	at := size - n + int64(i)
	length, off := int64(uint32At(tail, i+12)), int64(uint32At(tail, i+16))
	if off == 0xFFFFFFFF || length == 0xFFFFFFFF || off+length > at {
		return false
	}
	off = at - length // what stands before the archive does not matter here
	listed := false
	for off < at {
		p, err := l.w.Upto(off, 46)
		if len(p) < 46 || uint32At(p, 0) != sigCentral {
			return listed && err == nil
		}
		_, n, _ := parseCentral(off, p[:46])
		if p, err = l.w.Bytes(off, n); err != nil {
			return listed
		}
		h, _, err := parseCentral(off, p)
		if err != nil {
			return listed
		}
		l.add(&h, h.offset)
		listed = true
		off += int64(n)
	}
	return listed || length == 0
}

// members lists the members by their own headers, as far as each says where it ends.
func (l *lister) members() {
	for off := int64(0); ; {
		p, err := l.w.Upto(off, localSize)
		if err != nil && len(p) < localSize || uint32At(p, 0) != sigLocal {
			return
		}
		_, n, _ := parseLocal(off, p[:localSize])
		if p, err = l.w.Bytes(off, n); err != nil {
			return
		}
		h, _, err := parseLocal(off, p)
		if err != nil {
			return
		}
		l.add(&h, off)
		if h.flags&8 != 0 && h.csize == 0 {
			return
		}
		off += int64(n) + h.csize
	}
}

// add takes a member whose local header stands at off.
func (l *lister) add(h *header, off int64) {
	h.name = bytes.Clone(h.name) // reading content would take it away
	name := string(h.name)
	if h.flags&(1<<11) == 0 && strings.ToValidUTF8(name, "") != name {
		name = exif.Latin(h.name)
	}
	l.kind.see(h.name)
	if l.kind.wants(h.name) && h.flags&1 == 0 {
		if content, ok := l.content(h, off, maxKept); ok {
			l.kind.keep(h.name, content)
		}
	}
	for i, m := range mainPart {
		if m.name == name && (l.main < 0 || i < l.main) {
			l.main, l.part, l.at = i, *h, off
		}
	}
	if strings.HasSuffix(name, "html") && len(l.book) < 64 && h.flags&1 == 0 {
		if content, ok := l.content(h, off, maxMain); ok {
			l.book = strings.TrimSpace(plainText(content, "</p>"))
		}
	}
	if len(l.p.Members) >= filetype.MaxMembers {
		l.p.More++
		return
	}
	m := filetype.Member{Name: exif.Text(name), Size: h.usize}
	if h.flags&1 != 0 {
		m.Note = "encrypted"
	} else if strings.HasSuffix(name, "/") {
		m.Note = "folder"
	}
	l.p.Members = append(l.p.Members, m)
}

// content returns up to limit bytes of a member's content.
func (l *lister) content(h *header, off, limit int64) ([]byte, bool) {
	fixed, err := l.w.Bytes(off, localSize)
	if err != nil || uint32At(fixed, 0) != sigLocal {
		return nil, false
	}
	_, n, _ := parseLocal(off, fixed)
	size := h.csize
	if size == 0 {
		size = l.w.Size() - off
	}
	var r io.Reader = l.w.Reader(block.Extent{Offset: off + int64(n), Length: size})
	switch h.method {
	case 0:
	case 8:
		r = flate.NewReader(r)
	default:
		return nil, false
	}
	out, _ := io.ReadAll(io.LimitReader(r, limit))
	return out, len(out) > 0
}

// document gives what a reader of a document sees first.
func (l *lister) document() {
	doc, hints := l.kind.document(), l.kind.hints()
	add := func(name, value string) {
		if value != "" {
			l.p.Facts = append(l.p.Facts, filetype.Fact{Name: name, Value: exif.Text(value)})
		}
	}
	add("Kind", doc.extension)
	add("Title", hints.Title)
	add("Author", hints.Author)
	text := l.book
	if doc.extension != "epub" {
		text = ""
	}
	if l.main >= 0 && l.part.flags&1 == 0 && doc.class == filetype.Document {
		part := l.part
		if content, ok := l.content(&part, l.at, maxMain); ok {
			text = plainText(content, mainPart[l.main].line)
		}
	}
	text = strings.TrimSpace(text)
	l.p.Text = strings.ToValidUTF8(text[:min(len(text), filetype.MaxPreviewText)], "")
}

// plainText returns the text of a piece of XML, with an end of line for each tag line.
func plainText(p []byte, line string) string {
	var b strings.Builder
	for len(p) > 0 && b.Len() < 2*filetype.MaxPreviewText {
		i := bytes.IndexByte(p, '<')
		if i < 0 {
			break
		}
		b.WriteString(html.UnescapeString(strings.Trim(string(p[:i]), "\r\n")))
		p = p[i:]
		for _, name := range []string{"script", "style", "title"} { // of pages
			if bytes.HasPrefix(p[1:], []byte(name)) {
				if j := bytes.Index(p, []byte("</"+name)); j > 0 {
					p = p[j:]
				}
			}
		}
		switch {
		case bytes.HasPrefix(p, []byte(line)), bytes.HasPrefix(p, []byte("</text:h>")), bytes.HasPrefix(p, []byte("</h1>")), bytes.HasPrefix(p, []byte("<w:br")):
			b.WriteByte('\n')
		case bytes.HasPrefix(p, []byte("<w:tab")), bytes.HasPrefix(p, []byte("</w:tc>")), bytes.HasPrefix(p, []byte("<text:tab")):
			b.WriteByte('\t')
		}
		if i = bytes.IndexByte(p, '>'); i < 0 {
			break
		}
		p = p[i+1:]
	}
	return b.String()
}
