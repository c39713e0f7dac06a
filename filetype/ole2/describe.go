package ole2

import (
	"encoding/binary"
	"strings"
	"time"
	"unicode/utf16"

	"salvor/filetype"
	"salvor/filetype/internal/exif"
)

// maxSummary is how much of a stream of summary information is read, in bytes.
const maxSummary = 64 << 10

// kinds says what a file is by an entry of its root.
var kinds = []struct {
	entry, extension string
	class            filetype.Class
}{
	{"WordDocument", "doc", filetype.Document},
	{"Workbook", "xls", filetype.Document},
	{"Book", "xls", filetype.Document},
	{"PowerPoint Document", "ppt", filetype.Document},
	{"__properties_version1.0", "msg", filetype.Document},
	{"VisioDocument", "vsd", filetype.Document},
	{"Quill", "pub", filetype.Document},
	{"CONTENTS", "wps", filetype.Document},
	{"FileHeader", "hwp", filetype.Document},
	{"Catalog", "db", filetype.Other}, // thumbnails of a folder
}

// installer begins the class of the root of a Windows installer.
const installer = "\x84\x10\x0C\x00\x00\x00\x00\x00\xC0\x00\x00\x00\x00\x00\x00\x46"

// describe says what the file is and what it is called. It returns why it is encrypted, "" when it is not.
func (f *file) describe() (locked string) {
	r := &f.e.R
	root := &f.entries[0]
	for _, k := range kinds {
		if f.find(k.entry) != nil {
			r.Extension, r.Class = k.extension, k.class
			break
		}
	}
	if string(root.class[:]) == installer || string(root.class[1:]) == installer[1:] && root.class[0]|6 == 0x86 {
		r.Extension, r.Class = "msi", filetype.Program
	}
	if r.Extension == "doc" {
		if p := f.content(f.find("WordDocument"), 32); len(p) == 32 && p[11]&1 != 0 {
			locked = "the document has a password"
		}
	}
	if f.find("EncryptedPackage") != nil && f.find("EncryptionInfo") != nil {
		r.Extension, locked = "docx", "it holds a document with a password"
	}
	if n := f.find("\x05SummaryInformation"); n != nil {
		s := parseSummary(f.content(n, maxSummary))
		r.Hints.Title, r.Hints.Author = exif.Text(s.text[2]), exif.Text(s.text[4])
		if r.Hints.Title == "" || r.Extension == "msi" && s.text[3] != "" {
			r.Hints.Title = exif.Text(s.text[3])
		}
		r.Hints.Taken = s.saved
		if r.Hints.Taken.IsZero() {
			r.Hints.Taken = s.created
		}
	}
	if r.Extension == "msg" {
		f.mail()
	}
	f.e.Fact("Kind", r.Extension)
	f.e.Fact("Title", r.Hints.Title)
	f.e.Fact("Author", r.Hints.Author)
	for i := range f.entries {
		if n := &f.entries[i]; n.kind == streamEntry {
			f.e.Member(n.name, n.size, "")
		}
	}
	return locked
}

// mail names a saved mail by its subject, sender and time.
func (f *file) mail() {
	h := &f.e.R.Hints
	text := func(tag string) string {
		if n := f.find("__substg1.0_" + tag + "001F"); n != nil {
			return wide(f.content(n, 4<<10))
		}
		if n := f.find("__substg1.0_" + tag + "001E"); n != nil {
			return exif.Latin(f.content(n, 4<<10))
		}
		return ""
	}
	h.Title = exif.Text(text("0037"))
	h.Author = exif.Text(text("0C1A"))
	f.e.Fact("Subject", h.Title)
	f.e.Fact("From", h.Author)
	if body := text("1000"); f.e.Listing {
		f.e.Text([]byte(body))
	}
	props := f.content(f.find("__properties_version1.0"), maxSummary)
	for at := 32; at+16 <= len(props); at += 16 {
		if tag := binary.LittleEndian.Uint32(props[at:]); tag == 0x00390040 || tag == 0x0E060040 && h.Taken.IsZero() {
			h.Taken = filetime(binary.LittleEndian.Uint64(props[at+8:]))
		}
	}
}

func wide(p []byte) string {
	units := make([]uint16, 0, len(p)/2)
	for ; len(p) >= 2; p = p[2:] {
		units = append(units, binary.LittleEndian.Uint16(p))
	}
	return string(utf16.Decode(units))
}

// summary is what a stream of summary information says.
type summary struct {
	text           map[uint32]string
	created, saved time.Time
}

// parseSummary reads the first set of properties. What is broken is left out.
func parseSummary(b []byte) summary {
	s := summary{text: map[uint32]string{}}
	if len(b) < 48 || b[0] != 0xFE || b[1] != 0xFF {
		return s
	}
	at := int64(binary.LittleEndian.Uint32(b[44:]))
	if at+8 > int64(len(b)) {
		return s
	}
	set := b[at:]
	count := min(binary.LittleEndian.Uint32(set[4:]), 256)
	page := uint16(1252)
	for i := range int64(count) {
		if 16+8*i > int64(len(set)) {
			break
		}
		id, off := binary.LittleEndian.Uint32(set[8+8*i:]), int64(binary.LittleEndian.Uint32(set[12+8*i:]))
		if off+8 > int64(len(set)) {
			continue
		}
		p := set[off:]
		kind, n := binary.LittleEndian.Uint32(p), int64(binary.LittleEndian.Uint32(p[4:]))
		switch {
		case kind == 2 && id == 1:
			page = uint16(n)
		case kind == 0x1E && n <= int64(len(p)-8):
			t := strings.TrimRight(string(p[8:8+n]), "\x00")
			switch page {
			case 65001:
			case 1200:
				t = wide(p[8 : 8+n])
			default:
				t = exif.Latin([]byte(t))
			}
			s.text[id] = t
		case kind == 0x1F && n <= int64(len(p)-8)/2:
			s.text[id] = wide(p[8 : 8+2*n])
		case kind == 0x40 && len(p) >= 12 && id == 12:
			s.created = filetime(binary.LittleEndian.Uint64(p[4:]))
		case kind == 0x40 && len(p) >= 12 && id == 13:
			s.saved = filetime(binary.LittleEndian.Uint64(p[4:]))
		}
	}
	return s
}
