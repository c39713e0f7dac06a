package exam

import (
	"path"
	"strings"

	"salvor/filetype/internal/exif"
)

// TarName returns the name of the first member of the tar archive that head is the beginning of.
func TarName(head []byte) (name string, ok bool) {
	if len(head) <= 262 || string(head[257:262]) != "ustar" {
		return "", false
	}
	name, _, _ = strings.Cut(string(head[:100]), "\x00")
	if name = path.Clean(name); name == "." {
		name = ""
	}
	return exif.Text(name), true
}

// Inside says what the content of a packed file is, of which head is the beginning: a tar archive gives it the extension of both
// and the name of its first member, text is shown.
func (e *Exam) Inside(head []byte, extension string) {
	name, ok := TarName(head)
	if !ok {
		e.Text(head)
		return
	}
	e.R.Extension = "tar." + extension
	if name != "" {
		e.R.Hints.Title = name
	}
	e.Fact("Holds", "a tar archive")
}
