package recovery

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"salvor/block"
	"salvor/carve"
	"salvor/filesystem"
	"salvor/filetype"
)

// CarvedID returns the ID of the file that was carved at offset of a source: "c/0x2801000" on the first
// source of a case, "c2/0x2801000" on the second.
func CarvedID(source int, offset int64) string {
	if source <= 1 {
		return fmt.Sprintf("c/0x%x", offset)
	}
	return fmt.Sprintf("c%d/0x%x", source, offset)
}

// Carved returns the entry of a file that was found by its content alone on medium, which is the given
// source of the case. A file that breaks ends at its last good byte.
func Carved(source int, found carve.Found, medium block.Source) *Entry {
	pieces := found.Runs
	if len(pieces) == 0 {
		extent := found.Extent().Intersect(block.Extent{Length: medium.Size()})
		pieces = []block.Run{{Physical: extent.Offset, Length: extent.Length}}
	}
	last := pieces[len(pieces)-1]
	e := &Entry{
		ID: CarvedID(source, found.Offset), Source: source, Origin: FromContent, State: filesystem.Orphan,
		Name: carvedName(found.Format, found.Report, found.Offset), Size: last.Logical + last.Length, Mode: 0, Save: Pending,
		Class: filetype.Other,
	}
	src := block.Join(medium, pieces, e.Size)
	e.Runs = block.Normalize(block.Origin(src, block.Extent{Length: e.Size}), e.Size)
	watched := &watch{src: src}
	settle(e, found.Format, found.Report, watched.unread(e.Size))
	return e
}

// maxTitle is the most characters of a title that go into the name of a carved file.
const maxTitle = 80

// carvedName makes a name for a file that has none: from the date and the camera of a photo, from the title and author of a
// document or a song, else from the format and the place.
func carvedName(format *filetype.Format, r filetype.Report, offset int64) string {
	ext := "." + plainText(format.Extension(r), maxTitle)
	var words []string
	if t := r.Hints.Taken; t.Year() > 1 && t.Year() < 10000 {
		words = append(words, t.Format("2006-01-02 15.04.05"))
		if camera := plainText(r.Hints.Camera, maxTitle); camera != "" {
			words = append(words, camera)
		}
	}
	title := plainText(r.Hints.Title, maxTitle)
	for end := ext; end != ""; end = end[:strings.LastIndexByte(end, '.')] { // "lines.txt" is in lines.txt.gz
		if len(title) > len(end) && strings.EqualFold(title[len(title)-len(end):], end) {
			title = plainText(title[:len(title)-len(end)], maxTitle)
			break
		}
	}
	name, _, _ := strings.Cut(r.Hints.Author, " <") // of a mail
	author := plainText(name, maxAuthor)
	switch class := format.ClassOf(r); {
	case title == "":
	case author == "" || strings.Contains(title, author):
		words = append(words, title)
	case class == filetype.Audio || class == filetype.Video: // as players list them
		words = append(words, author, "-", title)
	case class == filetype.Document || class == filetype.Photo:
		words = append(words, title, "-", author)
	default:
		words = append(words, title)
	}
	if len(words) == 0 {
		return fmt.Sprintf("%s at 0x%x%s", format.Name, offset, ext)
	}
	return strings.Join(words, " ") + ext
}

// maxAuthor is the most characters of a name of an author that go into the name of a carved file.
const maxAuthor = 40

// plainText returns what of hostile text can stand in a name: printable characters, single spaces, no
// separators of paths, none of what reorders or hides text, no dots at either end; at most limit
// characters.
func plainText(s string, limit int) string {
	var b strings.Builder
	n, space := 0, false
	for _, r := range s {
		if unicode.IsSpace(r) || strings.ContainsRune(`/\:*?"<>|`, r) {
			space = n > 0
			continue
		}
		if r == utf8.RuneError || !unicode.IsGraphic(r) || isHidden(r) {
			continue
		}
		if n >= limit {
			break
		}
		if space {
			b.WriteByte(' ')
			n++
			space = false
		}
		b.WriteRune(r)
		n++
	}
	return strings.Trim(b.String(), " .")
}
