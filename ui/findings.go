package ui

import (
	"fmt"

	"salvor/finding"
	"salvor/finding/translation"
)

// loadFindings reads what findings are called in each language of the pages.
func loadFindings() (map[string]translation.Catalogue, error) {
	all := map[string]translation.Catalogue{}
	for _, l := range languages {
		c, err := translation.Load(l)
		if err != nil {
			return nil, err
		}
		all[l] = c
	}
	return all, nil
}

// findingSaid is the sentence of a finding in a language, and English where that language has none for it.
func findingSaid(c translation.Catalogue, f finding.Finding) said {
	out := said{Text: plain(c.Text(f))}
	if _, ok := c[f.Code]; c != nil && !ok {
		out.Lang = languages[0]
	}
	return out
}

// Found is Finding with the language that it is in, where that is not the page's.
func (v *view) Found(f finding.Finding) said {
	return said{v.Finding(f), findingSaid(v.findings, f).Lang}
}

// Finding says a finding in the language of the page, with its place.
func (v *view) Finding(f finding.Finding) string {
	text := v.findings.Text(f)
	if other := v.say(text); other.Lang == "" { // of what another room said as it is
		text = other.Text
	}
	if f.Offset >= 0 {
		text = v.W("details.at", text, fmt.Sprintf("0x%x", f.Offset))
	}
	return plain(text)
}
