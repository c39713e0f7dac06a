package text

import (
	"bytes"
	"strings"

	"salvor/filetype"
	"salvor/filetype/internal/exif"
)

// shapeSize is how much of a text is looked at to say what a person would call it, in bytes.
const shapeSize = 64 << 10

// maxTitle is the longest title, in characters.
const maxTitle = 80

// shape keeps the start of a text.
type shape struct{ head []byte }

func (s *shape) see(p []byte) bool {
	s.head = append(s.head, p[:min(len(p), shapeSize-len(s.head))]...)
	return true
}

// describe says what kind of text it is and what it is called.
func (s *shape) describe(r *filetype.Report, encoding string) {
	head := string(s.head)
	if encoding == "windows-1252" {
		head = exif.Latin(s.head)
	}
	start := strings.ToLower(strings.TrimSpace(head[:min(len(head), 256)]))
	switch {
	case strings.HasPrefix(start, "<?xml"):
		r.Extension = "xml"
		return
	case strings.HasPrefix(start, "<!doctype html"), strings.HasPrefix(start, "<html"):
		r.Extension = "html"
		return
	}
	if r.Extension = source(head); r.Extension != "" {
		return
	}
	var settings, entries, lines int
	for line := range strings.Lines(head) {
		line = strings.TrimSpace(line)
		if line == "" || strings.ContainsRune("#;", rune(line[0])) || strings.HasPrefix(line, "//") {
			continue
		}
		lines++
		switch {
		case isSetting(line):
			settings++
		case isEntry(line):
			entries++
		}
	}
	switch {
	case settings >= 2 && settings*10 >= lines*7:
		r.Class = filetype.Settings
		r.Extension = "conf"
	case entries >= 2 && entries*10 >= lines*6:
		r.Extension = "log"
	default:
		r.Hints.Title = title(head)
		if strings.HasPrefix(start, "# ") {
			r.Extension = "md"
		}
	}
}

// isSetting reports whether a line looks like one of a configuration: "key = value", "key: value",
// "[section]", or the "config", "option" and "list" of routers.
func isSetting(line string) bool {
	if line[0] == '[' && line[len(line)-1] == ']' {
		return true
	}
	for _, word := range []string{"config ", "option ", "list "} {
		if strings.HasPrefix(line, word) {
			return true
		}
	}
	line = strings.TrimPrefix(strings.TrimPrefix(line, "export "), "- ")
	i := strings.IndexAny(line, "=:")
	if i <= 0 {
		return false
	}
	key := strings.TrimRight(line[:i], " \t")
	if len(key) == 0 || len(key) > 64 || class[key[0]] != cLetter && key[0] != '_' || key[0] >= '0' && key[0] <= '9' {
		return false
	}
	for i := range len(key) {
		if class[key[i]] != cLetter && !strings.ContainsRune("_.-/[]", rune(key[i])) {
			return false
		}
	}
	return line[i] == '=' || i+1 == len(line) || line[i+1] == ' '
}

// isEntry reports whether a line looks like one of a log: it begins with a date, a time or a time stamp.
func isEntry(line string) bool {
	line = strings.TrimLeft(line, "[<")
	digits := 0
	for i := range min(len(line), 20) {
		switch b := line[i]; {
		case b >= '0' && b <= '9':
			digits++
		case (b == ':' || b == '-' || b == '/' || b == '.') && digits >= 2:
			return true
		}
	}
	return digits >= 8
}

// title returns the first line that says anything, without the marks of a heading.
func title(head string) string {
	for line := range strings.Lines(head[:min(len(head), 4096)]) {
		line = exif.Text(strings.TrimLeft(strings.ToValidUTF8(line, ""), "\ufeff#=*-/%;> \t"))
		if !bytes.ContainsFunc([]byte(line), func(r rune) bool { return r > 0x7F || class[byte(r)] == cLetter }) {
			continue
		}
		if r := []rune(line); len(r) > maxTitle {
			line = strings.TrimSpace(string(r[:maxTitle]))
		}
		return line
	}
	return ""
}
