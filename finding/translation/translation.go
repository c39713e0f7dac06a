// Package translation holds what findings are called in other languages than English: the sentence of each code, with
// the placeholders of the English one. Values that are filled in stay as they are. It promises that a finding without a
// translation is told in English, and never loses one; a test of the command line holds that none is missing.
package translation

import (
	"embed"
	"fmt"
	"path"
	"strings"

	"salvor/finding"
)

//go:embed de
var embedded embed.FS

// Catalogue is the sentences of one language by their codes. A nil Catalogue is English.
type Catalogue map[string]string

// Load returns the catalogue of a language by its folder in this package; nil for "en". Its files have lines
// "code = sentence".
func Load(language string) (Catalogue, error) {
	if language == "en" {
		return nil, nil
	}
	files, err := embedded.ReadDir(language)
	if err != nil {
		return nil, fmt.Errorf("translation: %w", err)
	}
	c := Catalogue{}
	for _, f := range files {
		name := path.Join(language, f.Name())
		b, err := embedded.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("translation: %w", err)
		}
		if err := c.read(string(b)); err != nil {
			return nil, fmt.Errorf("translation: %s: %w", name, err)
		}
	}
	return c, nil
}

func (c Catalogue) read(text string) error {
	n := 0
	for line := range strings.Lines(text) {
		n++
		code, sentence, ok := strings.Cut(strings.TrimSpace(line), " = ")
		if _, twice := c[code]; !ok || twice {
			return fmt.Errorf("line %d: expected a new code, \" = \" and a sentence, found %q", n, line)
		}
		c[code] = sentence
	}
	return nil
}

// Text returns the sentence of a finding, filled in.
func (c Catalogue) Text(f finding.Finding) string {
	if sentence, ok := c[f.Code]; ok {
		return f.Format(sentence)
	}
	return f.Text
}
