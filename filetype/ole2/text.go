package ole2

import (
	"encoding/binary"
	"strings"

	"salvor/filetype"
	"salvor/filetype/internal/exif"
)

// maxRead is how much of a stream is read for a preview, in bytes.
const maxRead = 4 << 20

// text gives the preview what a reader would read first.
func (f *file) text() {
	switch f.e.R.Extension {
	case "doc":
		f.e.P.Text = f.word()
	case "xls":
		n := f.find("Workbook")
		if n == nil {
			n = f.find("Book")
		}
		f.e.P.Members = nil
		for _, name := range sheets(f.content(n, maxRead)) {
			f.e.Member(name, -1, "sheet")
		}
	case "ppt":
		var b strings.Builder
		slides(f.content(f.find("PowerPoint Document"), maxRead), 0, &b)
		f.e.P.Text = cut(b.String())
	}
}

// cut shortens a text to what a preview may have, at a border of characters.
func cut(s string) string {
	s = strings.ToValidUTF8(s, "")
	if len(s) > filetype.MaxPreviewText {
		s = strings.ToValidUTF8(s[:filetype.MaxPreviewText], "")
	}
	return s
}

// word returns the beginning of a Word document's text by its table of pieces.
func (f *file) word() string {
	doc := f.content(f.find("WordDocument"), maxRead)
	if len(doc) < 0x1AA || doc[11]&1 != 0 {
		return ""
	}
	table := f.find("0Table")
	if doc[11]&2 != 0 {
		table = f.find("1Table")
	}
	if table == nil {
		return ""
	}
	clx := f.content(table, maxRead)
	at, n := int64(binary.LittleEndian.Uint32(doc[0x1A2:])), int64(binary.LittleEndian.Uint32(doc[0x1A6:]))
	if at+n > int64(len(clx)) {
		return ""
	}
	clx = clx[at : at+n]
	for len(clx) > 3 && clx[0] == 1 { // properties stand before the pieces
		skip := 3 + int(binary.LittleEndian.Uint16(clx[1:]))
		if skip > len(clx) {
			return ""
		}
		clx = clx[skip:]
	}
	if len(clx) < 5 || clx[0] != 2 {
		return ""
	}
	clx = clx[5:]
	pieces := (len(clx) - 4) / 12
	var b strings.Builder
	for i := range pieces {
		from, to := int64(binary.LittleEndian.Uint32(clx[4*i:])), int64(binary.LittleEndian.Uint32(clx[4*i+4:]))
		fc := int64(binary.LittleEndian.Uint32(clx[4*(pieces+1)+8*i+2:]))
		chars := min(to-from, filetype.MaxPreviewText)
		if chars <= 0 {
			continue
		}
		if fc&(1<<30) != 0 {
			fc = fc &^ (1 << 30) / 2
			if fc+chars > int64(len(doc)) {
				break
			}
			b.WriteString(exif.Latin(doc[fc : fc+chars]))
		} else {
			if fc+2*chars > int64(len(doc)) {
				break
			}
			b.WriteString(wide(doc[fc : fc+2*chars]))
		}
		if b.Len() >= filetype.MaxPreviewText {
			break
		}
	}
	clean := strings.Map(func(r rune) rune {
		switch {
		case r == '\r' || r == '\v':
			return '\n'
		case r == 7:
			return '\t'
		case r < 0x20 && r != '\n' && r != '\t':
			return -1
		}
		return r
	}, b.String())
	return cut(clean)
}

// sheets returns the names of a workbook's sheets.
func sheets(b []byte) []string {
	var out []string
	for len(b) >= 4 && len(out) < filetype.MaxMembers {
		id, n := binary.LittleEndian.Uint16(b), int(binary.LittleEndian.Uint16(b[2:]))
		if 4+n > len(b) {
			break
		}
		p := b[4 : 4+n]
		b = b[4+n:]
		if id != 0x85 || len(p) < 8 {
			continue
		}
		chars := int(p[6])
		switch text := p[8:]; {
		case p[7]&1 != 0 && 2*chars <= len(text):
			out = append(out, wide(text[:2*chars]))
		case p[7]&1 == 0 && chars <= len(text):
			out = append(out, exif.Latin(text[:chars]))
		}
	}
	return out
}

// slides gathers the texts of a presentation's records.
func slides(b []byte, depth int, out *strings.Builder) {
	for len(b) >= 8 && out.Len() < filetype.MaxPreviewText {
		version, id := b[0]&0x0F, binary.LittleEndian.Uint16(b[2:])
		n := int64(binary.LittleEndian.Uint32(b[4:]))
		if n > int64(len(b)-8) {
			return
		}
		p := b[8 : 8+n]
		b = b[8+n:]
		switch {
		case version == 0x0F && depth < 16:
			slides(p, depth+1, out)
		case id == 0x0FA0:
			out.WriteString(strings.ReplaceAll(wide(p), "\r", "\n") + "\n")
		case id == 0x0FA8:
			out.WriteString(strings.ReplaceAll(exif.Latin(p), "\r", "\n") + "\n")
		}
	}
}
