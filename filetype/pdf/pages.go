package pdf

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf16"

	"salvor/cursor"
)

const (
	maxTree = 1 << 20 // nodes of the page tree
	maxDeep = 64
	maxHint = 200 // characters of a title or name
)

// walkPages counts the pages that can be reached from the catalogue.
func (x *exam) walkPages() error {
	root, ok := x.resolve(x.trailer["Root"], 0).(dict)
	if !ok {
		if x.unseen(x.trailer["Root"]) {
			x.hidden = true
			return nil
		}
		x.contradict(cursor.Corrupt("pdf: catalogue", x.place, "a dictionary", fmt.Sprint(x.trailer["Root"])))
		return nil
	}
	tree, ok := x.resolve(root["Pages"], 0).(dict)
	if !ok {
		if x.unseen(root["Pages"]) {
			x.hidden = true
			return nil
		}
		x.contradict(cursor.Corrupt("pdf: page tree", x.offset(x.trailer["Root"]), "a dictionary", fmt.Sprint(root["Pages"])))
		return nil
	}
	x.pagesSaid, _ = x.resolve(tree["Count"], 0).(int64)
	seen := cursor.NewVisited(maxTree)
	if err := x.node(root["Pages"], tree, seen, 0); err != nil {
		return err
	}
	if !x.hidden && x.pages != x.pagesSaid && x.broken < 0 {
		x.contradict(cursor.Corrupt("pdf: page tree", x.offset(root["Pages"]), fmt.Sprintf("%d pages", x.pagesSaid), x.pages))
	}
	return nil
}

// unseen reports whether what v refers to cannot be seen for a good reason: it stands in an encrypted object
// stream, or where the file cannot be read.
func (x *exam) unseen(v any) bool {
	r, ok := v.(ref)
	return ok && (x.encrypted && x.objects.get(r.num).kind == packed || !x.missing.Empty())
}

// offset returns the place of what v refers to.
func (x *exam) offset(v any) int64 {
	r, ok := v.(ref)
	if !ok {
		return x.place
	}
	e := x.objects.get(r.num)
	if e.kind == packed {
		e = x.objects.get(e.off)
	}
	if e.kind == plain {
		return e.off
	}
	return x.place
}

func (x *exam) node(at any, d dict, seen *cursor.Visited, depth int) error {
	if err := x.ctx.Err(); err != nil {
		return err
	}
	kids, ok := x.resolve(d["Kids"], 0).(array)
	if !ok {
		x.pages++
		return nil
	}
	if depth > maxDeep {
		x.contradict(cursor.Corrupt("pdf: page tree", x.offset(at), fmt.Sprintf("a depth up to %d", maxDeep), "more"))
		return nil
	}
	for _, k := range kids {
		if r, ok := k.(ref); ok && !seen.Enter(r.num) {
			x.contradict(cursor.Corrupt("pdf: page tree", x.offset(at), "each page once", fmt.Sprintf("object %d again", r.num)))
			return nil
		}
		child, ok := x.resolve(k, 0).(dict)
		if !ok {
			if x.unseen(k) {
				x.hidden = true
				continue
			}
			x.contradict(cursor.Corrupt("pdf: page tree", x.offset(k), "a page", fmt.Sprint(k)))
			continue
		}
		if err := x.node(k, child, seen, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// readInfo takes title, author and date from the document information.
func (x *exam) readInfo() {
	info, ok := x.resolve(x.trailer["Info"], 0).(dict)
	if !ok {
		return
	}
	x.hints.Title = text(x.resolve(info["Title"], 0))
	x.hints.Author = text(x.resolve(info["Author"], 0))
	if s, ok := x.resolve(info["CreationDate"], 0).(string); ok {
		x.hints.Taken = date(text(s))
	}
}

// text decodes a text string: UTF-16 or UTF-8 with a mark, else one byte a character.
func text(v any) string {
	s, _ := v.(string)
	switch {
	case strings.HasPrefix(s, "\xFE\xFF"):
		u := make([]uint16, 0, len(s)/2)
		for i := 2; i+1 < len(s) && len(u) < 2*maxHint; i += 2 {
			u = append(u, uint16(s[i])<<8|uint16(s[i+1]))
		}
		s = string(utf16.Decode(u))
	case strings.HasPrefix(s, "\xEF\xBB\xBF"):
		s = s[3:]
	default:
		r := make([]rune, 0, min(len(s), maxHint))
		for i := 0; i < len(s) && i < maxHint; i++ {
			r = append(r, rune(s[i]))
		}
		s = string(r)
	}
	s = strings.TrimSpace(strings.ToValidUTF8(s, "\uFFFD"))
	if r := []rune(s); len(r) > maxHint {
		s = string(r[:maxHint])
	}
	return s
}

// date reads D:YYYYMMDDHHmmSS with a zone of the form +HH'mm'.
func date(s string) time.Time {
	s = strings.ReplaceAll(strings.TrimPrefix(s, "D:"), "'", "")
	for _, layout := range []string{"20060102150405-0700", "20060102150405Z0700", "20060102150405-07", "20060102150405", "200601021504", "20060102"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	if s, ok := strings.CutSuffix(s, "Z0000"); ok {
		if t, err := time.Parse("20060102150405", s); err == nil {
			return t
		}
	}
	return time.Time{}
}
