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

// Finding says a finding in the language of the page, with its place.
func (v *view) Finding(f finding.Finding) string {
	text := v.findings.Text(f)
	if f.Offset >= 0 {
		text = v.W("details.at", text, fmt.Sprintf("0x%x", f.Offset))
	}
	return plain(text)
}
