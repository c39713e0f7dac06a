package zip

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
	"time"

	"salvor/filetype"
)

const (
	// maxKept is how much of one telling member is kept, and maxKeptAll of all, in bytes.
	maxKept    = 1 << 20
	maxKeptAll = 4 << 20
	maxHint    = 200 // characters of a title or name
)

// kind gathers, while members pass by, what kind of document the archive is.
type kind struct {
	names   map[string]bool   // of the telling names below, those that were seen
	content map[string][]byte // of the telling members, by name
	opf     []byte            // the package document of an EPUB, whose name is free
	first   string            // the name of the first member that is no folder
	size    int
}

// telling are the members whose presence tells a kind; those with true are kept too.
var telling = map[string]bool{
	"mimetype":              true,
	"[Content_Types].xml":   true,
	"docProps/core.xml":     true,
	"meta.xml":              true,
	"META-INF/MANIFEST.MF":  true,
	"META-INF/manifest.xml": true,
	"AndroidManifest.xml":   true,
	"classes.dex":           false,
	"WEB-INF/web.xml":       false,
	"doc.kml":               false,
	"manifest.json":         false,
	"install.rdf":           false,
	"META-INF/mozilla.rsa":  false,
	"AppxManifest.xml":      false,
	"word/document.xml":     false,
	"xl/workbook.xml":       false,
	"ppt/presentation.xml":  false,
}

func (k *kind) see(name []byte) {
	if k.first == "" && len(name) > 0 && name[len(name)-1] != '/' {
		k.first = hint(string(name))
	}
	if _, ok := telling[string(name)]; !ok {
		return
	}
	if k.names == nil {
		k.names = map[string]bool{}
	}
	k.names[string(name)] = true
}

// wants reports whether the content of the member called name is to be kept.
func (k *kind) wants(name []byte) bool {
	if k.size >= maxKeptAll {
		return false
	}
	return telling[string(name)] || k.opf == nil && bytes.HasSuffix(name, []byte(".opf"))
}

func (k *kind) keep(name, content []byte) {
	k.size += len(content)
	if !telling[string(name)] {
		k.opf = content
		return
	}
	if k.content == nil {
		k.content = map[string][]byte{}
	}
	if _, ok := k.content[string(name)]; !ok {
		k.content[string(name)] = content
	}
}

// document says what an archive is. Its readers use names and content and nothing else when it is sealed.
type document struct {
	extension string
	class     filetype.Class
	sealed    bool
}

// mainParts are the content types of the main part of an OOXML package, longest first where one begins
// another.
var mainParts = []struct {
	part string
	document
}{
	{"wordprocessingml.document.main+xml", document{"docx", filetype.Document, true}},
	{"wordprocessingml.template.main+xml", document{"dotx", filetype.Document, true}},
	{"ms-word.document.macroEnabled.main+xml", document{"docm", filetype.Document, true}},
	{"ms-word.template.macroEnabledTemplate.main+xml", document{"dotm", filetype.Document, true}},
	{"spreadsheetml.sheet.main+xml", document{"xlsx", filetype.Document, true}},
	{"spreadsheetml.template.main+xml", document{"xltx", filetype.Document, true}},
	{"ms-excel.sheet.macroEnabled.main+xml", document{"xlsm", filetype.Document, true}},
	{"ms-excel.sheet.binary.macroEnabled.main", document{"xlsb", filetype.Document, true}},
	{"presentationml.presentation.main+xml", document{"pptx", filetype.Document, true}},
	{"presentationml.slideshow.main+xml", document{"ppsx", filetype.Document, true}},
	{"presentationml.template.main+xml", document{"potx", filetype.Document, true}},
	{"ms-powerpoint.presentation.macroEnabled.main+xml", document{"pptm", filetype.Document, true}},
	{"ms-visio.drawing.main+xml", document{"vsdx", filetype.Document, true}},
	{"ms-package.xps-fixeddocumentsequence+xml", document{"xps", filetype.Document, true}},
	{"ms-package.3dmanufacturing-3dmodel+xml", document{"3mf", filetype.Document, true}},
}

// mediaTypes are the contents of the member mimetype.
var mediaTypes = map[string]document{
	"application/vnd.oasis.opendocument.text":                  {"odt", filetype.Document, true},
	"application/vnd.oasis.opendocument.text-template":         {"ott", filetype.Document, true},
	"application/vnd.oasis.opendocument.text-master":           {"odm", filetype.Document, true},
	"application/vnd.oasis.opendocument.spreadsheet":           {"ods", filetype.Document, true},
	"application/vnd.oasis.opendocument.spreadsheet-template":  {"ots", filetype.Document, true},
	"application/vnd.oasis.opendocument.presentation":          {"odp", filetype.Document, true},
	"application/vnd.oasis.opendocument.presentation-template": {"otp", filetype.Document, true},
	"application/vnd.oasis.opendocument.graphics":              {"odg", filetype.Document, true},
	"application/vnd.oasis.opendocument.graphics-template":     {"otg", filetype.Document, true},
	"application/vnd.oasis.opendocument.formula":               {"odf", filetype.Document, true},
	"application/vnd.oasis.opendocument.base":                  {"odb", filetype.Database, true},
	"application/vnd.oasis.opendocument.database":              {"odb", filetype.Database, true},
	"application/vnd.oasis.opendocument.chart":                 {"odc", filetype.Document, true},
	"application/vnd.sun.xml.writer":                           {"sxw", filetype.Document, true},
	"application/vnd.sun.xml.calc":                             {"sxc", filetype.Document, true},
	"application/vnd.sun.xml.impress":                          {"sxi", filetype.Document, true},
	"application/epub+zip":                                     {"epub", filetype.Document, true},
	"image/openraster":                                         {"ora", filetype.Photo, true},
	"application/x-krita":                                      {"kra", filetype.Photo, true},
}

// document decides what the archive is.
func (k *kind) document() document {
	if d, ok := mediaTypes[strings.TrimSpace(string(k.content["mimetype"]))]; ok {
		return d
	}
	if types, ok := k.content["[Content_Types].xml"]; ok {
		for _, m := range mainParts {
			if bytes.Contains(types, []byte(m.part)) {
				return m.document
			}
		}
	}
	switch {
	case k.names["word/document.xml"] && k.names["[Content_Types].xml"]:
		return document{"docx", filetype.Document, true}
	case k.names["xl/workbook.xml"] && k.names["[Content_Types].xml"]:
		return document{"xlsx", filetype.Document, true}
	case k.names["ppt/presentation.xml"] && k.names["[Content_Types].xml"]:
		return document{"pptx", filetype.Document, true}
	case k.names["AndroidManifest.xml"]:
		return document{"apk", filetype.Program, true}
	case k.names["AppxManifest.xml"]:
		return document{"appx", filetype.Program, true}
	case k.names["WEB-INF/web.xml"]:
		return document{"war", filetype.Program, true}
	case k.names["META-INF/mozilla.rsa"], k.names["install.rdf"]:
		return document{"xpi", filetype.Program, true}
	case k.names["META-INF/MANIFEST.MF"]:
		return document{"jar", filetype.Program, true}
	case k.names["doc.kml"]:
		return document{"kmz", filetype.Document, true}
	}
	return document{"zip", filetype.Archive, false}
}

// locked reports whether the members of an OpenDocument file hold ciphertext.
func (k *kind) locked() bool {
	return bytes.Contains(k.content["META-INF/manifest.xml"], []byte(":encryption-data"))
}

// hints gives what the document says of itself.
func (k *kind) hints() filetype.Hints {
	var h filetype.Hints
	for _, part := range [][]byte{k.content["docProps/core.xml"], k.content["meta.xml"], k.opf} {
		if len(part) > 0 {
			dublinCore(part, &h)
			return h
		}
	}
	for line := range strings.Lines(string(k.content["META-INF/MANIFEST.MF"])) {
		name, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ": ")
		if !ok {
			continue
		}
		switch name {
		case "Implementation-Title", "Bundle-Name":
			if h.Title == "" {
				h.Title = hint(value)
			}
		case "Implementation-Vendor", "Bundle-Vendor":
			if h.Author == "" {
				h.Author = hint(value)
			}
		}
	}
	if name := hint(packageName(k.content["AndroidManifest.xml"])); name != "" {
		h.Title = name
	}
	if h.Title == "" && !k.document().sealed {
		h.Title = k.first
	}
	return h
}

// dublinCore reads title, author and time out of the properties of a document. What is not well-formed ends
// the reading; what was read stays.
func dublinCore(p []byte, h *filetype.Hints) {
	d := xml.NewDecoder(bytes.NewReader(p))
	d.Strict = false
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	element := ""
	for range 10_000 {
		t, err := d.RawToken()
		if err != nil {
			return
		}
		switch t := t.(type) {
		case xml.StartElement:
			element = t.Name.Local
		case xml.EndElement:
			element = ""
		case xml.CharData:
			text := hint(string(t))
			if text == "" {
				continue
			}
			switch element {
			case "title":
				set(&h.Title, text)
			case "creator", "initial-creator":
				set(&h.Author, text)
			case "created", "creation-date", "date":
				if element != "date" || h.Taken.IsZero() {
					if at, ok := parseTime(text); ok {
						h.Taken = at
					}
				}
			}
		}
	}
}

func set(field *string, text string) {
	if *field == "" {
		*field = text
	}
}

func parseTime(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func hint(s string) string {
	s = strings.TrimSpace(strings.ToValidUTF8(s, "\uFFFD"))
	if r := []rune(s); len(r) > maxHint {
		s = string(r[:maxHint])
	}
	return s
}
