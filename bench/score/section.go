package main

import "strings"

// splice puts the sections of part into doc: each begins with a line "## Title" and takes the place of the one with
// the same title, or comes last. What stands before the first section replaces that of doc unless it is empty. All else
// of doc is kept as it is, since other benches write it.
func splice(doc, part string) string {
	head, sections := split(doc)
	newHead, more := split(part)
	if strings.TrimSpace(newHead) != "" {
		head = newHead
	}
	for _, s := range more {
		found := false
		for i := range sections {
			if sections[i].title == s.title {
				sections[i], found = s, true
			}
		}
		if !found {
			sections = append(sections, s)
		}
	}
	out := strings.TrimSpace(head) + "\n"
	for _, s := range sections {
		out += "\n## " + s.title + "\n\n" + strings.Trim(s.text, "\n") + "\n"
	}
	return out
}

type section struct{ title, text string }

func split(doc string) (head string, sections []section) {
	code := false
	var text *string = &head
	for line := range strings.Lines(doc) {
		if strings.HasPrefix(line, "```") {
			code = !code
		}
		if title, ok := strings.CutPrefix(line, "## "); ok && !code {
			sections = append(sections, section{title: strings.TrimSpace(title)})
			text = &sections[len(sections)-1].text
			continue
		}
		*text += line
	}
	return head, sections
}

// order puts the named sections first, in this order.
func order(doc string, titles []string) string {
	head, sections := split(doc)
	out := strings.TrimSpace(head) + "\n"
	put := func(s section) { out += "\n## " + s.title + "\n\n" + strings.Trim(s.text, "\n") + "\n" }
	done := map[string]bool{}
	for _, t := range titles {
		for _, s := range sections {
			if s.title == t {
				put(s)
				done[t] = true
			}
		}
	}
	for _, s := range sections {
		if !done[s.title] {
			put(s)
		}
	}
	return out
}
