package ui

import (
	"fmt"
	"regexp"
	"strings"
)

// sentences puts what the rooms below say in English into other languages: the causes of failures, and the steps of plans.
// They are made of a closed set of sentences, which words/sentences holds side by side, with {1} for what is put into them.
type sentences struct {
	whole map[string]string
	parts []sentence // those with something in them
}

type sentence struct {
	english *regexp.Regexp
	other   string
}

// maxNested is how deep one sentence may stand in another.
const maxNested = 3

// maxSentence bounds what is looked for, in bytes.
const maxSentence = 4 << 10

var blanks = regexp.MustCompile(`\{\d\}`)

// loadSentences reads the sentences of one language: lines "en: …", each with a line "LANGUAGE: …" behind it.
func loadSentences(language string) (*sentences, error) {
	const dir = "words/sentences"
	list, err := embedded.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	s := &sentences{whole: map[string]string{}}
	for _, f := range list {
		content, err := embedded.ReadFile(dir + "/" + f.Name())
		if err != nil {
			return nil, err
		}
		english, n := "", 0
		for line := range strings.Lines(string(content)) {
			n++
			line = strings.TrimSpace(line)
			tag, text, ok := strings.Cut(line, ": ")
			switch {
			case line == "" || strings.HasPrefix(line, "#"):
			case ok && tag == "en":
				english = text
			case ok && tag == language && english != "" && s.add(english, text):
			default:
				return nil, fmt.Errorf("%s/%s: line %d: expected a sentence of its own in two languages, found %q", dir, f.Name(), n, line)
			}
		}
	}
	return s, nil
}

// add takes a pair, and reports whether it is whole and the first one.
func (s *sentences) add(english, other string) bool {
	if _, twice := s.whole[english]; twice || len(blanks.FindAllString(english, -1)) != len(blanks.FindAllString(other, -1)) {
		return false
	}
	s.whole[english] = other
	if blanks.MatchString(english) {
		quoted := regexp.QuoteMeta(english)
		s.parts = append(s.parts, sentence{regexp.MustCompile(`(?s)^` + regexp.MustCompile(`\\\{\d\\\}`).ReplaceAllString(quoted, `(.+?)`) + `$`), other})
	}
	return true
}

// say returns a sentence in the other language; false for one that is not known.
func (s *sentences) say(english string) (string, bool) { return s.nested(english, 0) }

func (s *sentences) nested(english string, depth int) (string, bool) {
	if other, ok := s.whole[english]; ok {
		return other, true
	}
	if depth == maxNested || len(english) > maxSentence {
		return "", false
	}
	for _, p := range s.parts {
		found := p.english.FindStringSubmatch(english)
		if found == nil {
			continue
		}
		return blanks.ReplaceAllStringFunc(p.other, func(blank string) string {
			n := int(blank[1] - '0')
			if n < 1 || n >= len(found) {
				return blank
			}
			if inner, ok := s.nested(found[n], depth+1); ok {
				return inner
			}
			return found[n]
		}), true
	}
	return "", false
}

// said is a text from a room below, in the language of the page where that is known.
type said struct {
	Text string
	Lang string // "en" where it could not be put into the page's language; else ""
}

// piece is a part of a text: words, or a command among them.
type piece struct {
	Text    string
	Command bool
}

// Pieces are the words of a text and the commands in it, which stand between backticks.
func (s said) Pieces() (out []piece) {
	parts := strings.Split(s.Text, "`")
	if len(parts)%2 == 0 { // one that is not closed is none
		return []piece{{Text: s.Text}}
	}
	for i, p := range parts {
		if p != "" {
			out = append(out, piece{p, i%2 == 1})
		}
	}
	return out
}

// of is what a part of a page that stands in several gets: the view, and anything that it is about.
type of struct {
	V *view
	D any
}

// Of gives a part of a page the view, and what it is about.
func (v *view) Of(what any) of { return of{v, what} }

// Say puts a text from a room below into the language of the page.
func (v *view) Say(english string) said { return v.say(english) }

// told puts a text from a room below into the language of a page.
func (s *Server) told(lang, english string) said {
	other, ok := s.others[lang]
	if !ok || english == "" {
		return said{Text: english}
	}
	if text, ok := other.say(english); ok {
		return said{Text: text}
	}
	return said{english, languages[0]}
}
