package ui

import (
	"fmt"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
)

// catalogue holds the words of one language by their names.
type catalogue map[string]string

// languages are those that are complete, the first one where nothing fits. Each has a folder words/LANGUAGE with a file
// for each part of the pages.
var languages = []string{"en", "de"}

// languageNames say what each is called in itself.
var languageNames = map[string]string{"en": "English", "de": "Deutsch"}

// loadWords reads the catalogues.
func loadWords() (map[string]catalogue, error) {
	out := map[string]catalogue{}
	for _, l := range languages {
		dir := path.Join("words", l)
		files, err := embedded.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		c := catalogue{}
		for _, f := range files {
			if err := c.read(path.Join(dir, f.Name())); err != nil {
				return nil, err
			}
		}
		out[l] = c
	}
	return out, nil
}

// read adds a file: lines "name = text", where {1} stands for an argument. A line that begins with # is a remark.
func (c catalogue) read(file string) error {
	content, err := embedded.ReadFile(file)
	if err != nil {
		return err
	}
	n := 0
	for line := range strings.Lines(string(content)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, text, ok := strings.Cut(line, " = ")
		if _, twice := c[name]; !ok || twice {
			return fmt.Errorf("%s: line %d: expected a new name, \" = \" and a text, found %q", file, n, line)
		}
		c[name] = text
	}
	return nil
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
