package markup

import (
	"bytes"
	"strings"

	"salvor/block/probe"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/exif"
)

// sector is what carved texts begin at: text inside of other files is not looked for.
const sector = 512

var (
	xmlKind  = exam.Kind{Format: "XML document", Walk: walkXML}
	svgKind  = exam.Kind{Format: "SVG picture", Walk: walkSVG}
	htmlKind = exam.Kind{Format: "HTML page", Buffer: 256 << 10, Walk: walkHTML}
)

// anyCase is a probe for an ASCII text in letters of either case.
func anyCase(id, text string) probe.Probe {
	mask := make([]byte, len(text))
	for i := range mask {
		mask[i] = 0xFF
		if c := text[i] | 0x20; c >= 'a' && c <= 'z' {
			mask[i] = 0xDF
		}
	}
	return probe.Probe{ID: id, Bytes: []byte(strings.ToUpper(text)), Mask: mask, Align: sector}
}

// Formats returns the rows of this package.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name: "svg", Class: filetype.Photo, Extensions: []string{"svg"},
		Signatures: []probe.Probe{{ID: "svg.root", Bytes: []byte("<svg"), Align: sector}},
		Ceiling:    filetype.Consistent, Carve: true, Examine: svgKind.Examine, Preview: svgKind.Preview,
	}, {
		Name: "xml", Class: filetype.Text, Extensions: []string{"xml", "xsd", "xsl", "kml", "gpx", "rss", "xmp", "fb2", "plist", "xhtml", "svg"},
		Signatures: []probe.Probe{{ID: "xml.declaration", Bytes: []byte("<?xml "), Align: sector},
			{ID: "xml.marked", Bytes: []byte("\xEF\xBB\xBF<?xml "), Align: sector}},
		Ceiling: filetype.Consistent, Carve: true, Examine: xmlKind.Examine, Preview: xmlKind.Preview,
	}, {
		Name: "html", Class: filetype.Text, Extensions: []string{"html", "htm"},
		Signatures: []probe.Probe{anyCase("html.doctype", "<!doctype html"), anyCase("html.root", "<html")},
		Ceiling:    filetype.Consistent, Carve: true, Examine: htmlKind.Examine, Preview: htmlKind.Preview,
	}}
}

func walkSVG(e *exam.Exam) error {
	p, err := e.Head(8)
	if err != nil {
		return err
	}
	if len(p) < 6 || string(p[:4]) != "<svg" || strings.IndexByte(" \t\r\n>", p[4]) < 0 {
		return filetype.ErrNot
	}
	return walkTree(e)
}

func walkXML(e *exam.Exam) error {
	p, err := e.Head(16)
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(bytes.TrimPrefix(p, []byte("\xEF\xBB\xBF")), []byte("<?xml ")) {
		return filetype.ErrNot
	}
	return walkTree(e)
}

// walkTree follows the document to the end of its root.
func walkTree(e *exam.Exam) error {
	x := &tree{e: e, s: filetype.NewStream(e.Context(), e.Source(), 0)}
	err := x.run()
	x.describe()
	if err != nil {
		if cerr := e.Context().Err(); cerr != nil {
			return cerr
		}
		return err
	}
	return e.Whole(filetype.Consistent, e.R.GoodUntil+lineEnd(x.s))
}

// lineEnd returns the size of the line end at which s stands, 0 for none.
func lineEnd(s *filetype.Stream) int64 {
	p, _ := s.Peek(2)
	switch {
	case len(p) > 0 && p[0] == '\n':
		return 1
	case len(p) > 1 && string(p) == "\r\n":
		return 2
	}
	return 0
}

// roots says what a document is by the name of its root.
var roots = []struct{ root, extension string }{
	{"svg", "svg"}, {"gpx", "gpx"}, {"kml", "kml"}, {"plist", "plist"}, {"html", "xhtml"}, {"rss", "rss"}, {"feed", "atom"},
	{"FictionBook", "fb2"}, {"xmpmeta", "xmp"}, {"schema", "xsd"}, {"stylesheet", "xsl"}, {"TrainingCenterDatabase", "tcx"},
}

// describe says what the document is.
func (x *tree) describe() {
	r := &x.e.R
	root := x.root[strings.LastIndexByte(x.root, ':')+1:]
	for _, k := range roots {
		if root == k.root {
			r.Extension = k.extension
		}
	}
	if r.Extension == "svg" {
		r.Class = filetype.Photo
	}
	r.Hints.Title = exif.Text(unescape(x.title))
	x.e.Fact("Root", x.root)
	x.e.Fact("Title", r.Hints.Title)
	if x.e.Listing {
		x.e.Text(x.head)
	}
}

// unescape replaces the entities that XML itself has.
func unescape(s string) string {
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&quot;", `"`, "&apos;", "'", "&amp;", "&").Replace(s)
}
