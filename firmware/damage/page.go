package damage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxTitle bounds what is quoted of a page, in bytes.
const maxTitle = 200

var (
	titleTag  = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)
	headTag   = regexp.MustCompile(`(?is)<h1[^>]*>(.*?)</h1>`)
	anyTag    = regexp.MustCompile(`(?s)<[^>]*>`)
	errorTag  = regexp.MustCompile(`(?is)<(?:\w+:)?(error|fault)\b`)
	reasonTag = regexp.MustCompile(`(?is)<(?:\w+:)?(message|code|faultstring|title)\b[^>]*>(.*?)</`)
	status    = regexp.MustCompile(`^HTTP/[0-9.]+ ([0-9]{3}[^\r\n]*)`)
	plain     = regexp.MustCompile(`(?i)^\s*(error|not found|forbidden|access denied|unauthori[sz]ed|bad gateway|service unavailable|[45][0-9]{2}\b)`)
	pointer   = regexp.MustCompile(`^version https://git-lfs\.github\.com/spec/v1\n(?:.*\n)*?size ([0-9]+)\n?$`)
)

// page is a text that stands where an image should.
type page struct {
	kind  string // "HTML page"
	says  string // its title or message
	wrong bool   // it is an answer instead of the file, and not a document that may be meant
	size  int64  // of the file that it stands for; 0 when it does not say
}

func (p page) words() string {
	if p.says == "" {
		return p.kind
	}
	return fmt.Sprintf("%s that says %q", p.kind, p.says)
}

// clean makes text out of markup.
func clean(s string) string {
	s = strings.Join(strings.Fields(html.UnescapeString(anyTag.ReplaceAllString(s, " "))), " ")
	if len(s) > maxTitle {
		s = strings.ToValidUTF8(s[:maxTitle], "") + "…"
	}
	return s
}

// recognise says what text begins at head; whole says that head is all of the file.
func recognise(head []byte, whole bool) (page, bool) {
	head = bytes.TrimPrefix(head, []byte("\xEF\xBB\xBF"))
	text := head
	for cut := 0; !whole && !utf8.Valid(text) && cut < utf8.UTFMax && len(text) > 0; cut++ {
		text = text[:len(text)-1] // the end of what was read is not the end of a letter
	}
	if len(bytes.TrimSpace(text)) == 0 || bytes.IndexByte(text, 0) >= 0 {
		return page{}, false
	}
	s := strings.TrimSpace(string(text))
	low := strings.ToLower(s[:min(len(s), 1024)])
	switch {
	case strings.HasPrefix(low, "<!doctype html"), strings.HasPrefix(low, "<html"), strings.HasPrefix(low, "<head"), strings.HasPrefix(low, "<body"),
		strings.HasPrefix(low, "<") && strings.Contains(low, "<html"):
		p := page{kind: "HTML page", wrong: true}
		for _, tag := range []*regexp.Regexp{titleTag, headTag} {
			if m := tag.FindStringSubmatch(s); m != nil && p.says == "" {
				p.says = clean(m[1])
			}
		}
		return p, true
	case strings.HasPrefix(low, "<?xml"), strings.HasPrefix(low, "<error"), strings.HasPrefix(low, "<fault"):
		p := page{kind: "XML document", wrong: errorTag.MatchString(s)}
		var says []string
		for _, m := range reasonTag.FindAllStringSubmatch(s, 3) {
			says = append(says, clean(m[2]))
		}
		p.says = strings.Join(says, ": ")
		return p, true
	case (s[0] == '{' || s[0] == '[') && utf8.Valid(text):
		return recogniseJSON([]byte(s), whole)
	}
	if m := status.FindStringSubmatch(s); m != nil {
		return page{kind: "answer of a web server", says: clean(m[1]), wrong: true}, true
	}
	if m := pointer.FindStringSubmatch(string(text)); m != nil && whole {
		n, err := strconv.ParseInt(m[1], 10, 64)
		if err != nil {
			n = 0
		}
		return page{kind: "pointer of Git LFS", says: "the file itself was not fetched", wrong: true, size: n}, true
	}
	if whole && len(s) < 4096 && utf8.Valid(text) && plain.MatchString(s) {
		return page{kind: "text", says: clean(s), wrong: true}, true
	}
	return page{}, false
}

// recogniseJSON takes an object with the words of an error for an answer.
func recogniseJSON(p []byte, whole bool) (page, bool) {
	var fields map[string]any
	if err := json.Unmarshal(p, &fields); err != nil {
		if whole && json.Valid(p) {
			return page{kind: "JSON document"}, true
		}
		return page{}, false
	}
	out := page{kind: "JSON document"}
	var says []string
	for _, key := range []string{"error", "errors", "code", "status", "message", "detail", "title", "error_description"} {
		for name, v := range fields {
			if !strings.EqualFold(name, key) {
				continue
			}
			if key != "title" {
				out.wrong = true
			}
			switch v := v.(type) {
			case string:
				says = append(says, v)
			case float64:
				says = append(says, strconv.FormatFloat(v, 'f', -1, 64))
			case map[string]any:
				if m, ok := v["message"].(string); ok {
					says = append(says, m)
				}
			}
		}
	}
	slices.Sort(says)
	out.says = clean(strings.Join(slices.Compact(says), ": "))
	return out, true
}
