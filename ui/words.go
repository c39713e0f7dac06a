package ui

import (
	"bufio"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
)

// catalogue holds the words of one language by their names.
type catalogue map[string]string

// languages are those that are complete, the first one where nothing fits. Each has words/LANGUAGE.txt.
var languages = []string{"en", "de"}

// languageNames say what each is called in itself.
var languageNames = map[string]string{"en": "English", "de": "Deutsch"}

// loadWords reads the catalogues: lines "name = text", where {1} stands for an argument.
func loadWords() (map[string]catalogue, error) {
	out := map[string]catalogue{}
	for _, l := range languages {
		f, err := embedded.Open(path.Join("words", l+".txt"))
		if err != nil {
			return nil, err
		}
		c, err := readWords(f)
		if err != nil {
			return nil, fmt.Errorf("words/%s.txt: %w", l, err)
		}
		out[l] = c
	}
	return out, nil
}

func readWords(f fs.File) (catalogue, error) {
	defer f.Close()
	c := catalogue{}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, text, ok := strings.Cut(line, " = ")
		if _, twice := c[name]; !ok || twice {
			return nil, fmt.Errorf("line %d: expected a new name, \" = \" and a text, found %q", n, line)
		}
		c[name] = text
	}
	return c, lines.Err()
}

// say returns a text with its arguments. A name without a text is shown itself; a test holds all that are used.
func (c catalogue) say(name string, args ...any) string {
	text, ok := c[name]
	if !ok {
		return name
	}
	for i, a := range args {
		text = strings.ReplaceAll(text, "{"+strconv.Itoa(i+1)+"}", fmt.Sprint(a))
	}
	return text
}

// has reports whether there is a text of that name.
func (c catalogue) has(name string) bool { _, ok := c[name]; return ok }

// languageOf chooses by the address, the setting, and what the browser asks for.
func languageOf(r *http.Request) string {
	if l := r.URL.Query().Get("lang"); slices.Contains(languages, l) {
		return l
	}
	if c, err := r.Cookie("salvor-lang"); err == nil && slices.Contains(languages, c.Value) {
		return c.Value
	}
	best, weight := languages[0], 0.0
	for i, part := range strings.Split(r.Header.Get("Accept-Language"), ",") {
		if i == 20 {
			break
		}
		tag, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		w := 1.0
		if v, ok := strings.CutPrefix(strings.TrimSpace(q), "q="); ok {
			n, err := strconv.ParseFloat(v, 64)
			if err != nil {
				continue
			}
			w = n
		}
		primary, _, _ := strings.Cut(strings.ToLower(tag), "-")
		if w > weight && slices.Contains(languages, primary) {
			best, weight = primary, w
		}
	}
	return best
}
