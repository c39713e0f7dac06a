package wire

import (
	"encoding/hex"

	"salvor/finding"
	"salvor/preview"
)

// Preview is a line of type "preview": what is in a file.
type Preview struct {
	V    int    `json:"v"`
	Type string `json:"type"`
	File string `json:"file"` // ID of the file
	// Facts are what the file says of itself, the most important first.
	Facts   []Fact   `json:"facts"`
	Members []Member `json:"members"`
	// More counts the members that are left out.
	More     int    `json:"more,omitempty"`
	Text     string `json:"text,omitempty"`
	Encoding string `json:"encoding,omitempty"` // of Text in the file; absent where a format made the text
	// Bytes are those around the damaged place, or the first ones of a file of which nothing else can be shown.
	Bytes    []Bytes           `json:"bytes,omitempty"`
	Findings []finding.Finding `json:"findings,omitempty"`
}

// Fact is one thing that a file says of itself.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Member is one thing that a file holds.
type Member struct {
	Name string `json:"name"`
	Size int64  `json:"size"` // bytes; -1 when that is not told
	Note string `json:"note,omitempty"`
}

// Bytes are some bytes of a file.
type Bytes struct {
	Offset int64  `json:"offset"`
	Hex    string `json:"hex"` // two digits a byte, "??" for one that cannot be read
}

// FromPreview returns the line of p, which is of the file of that ID.
func FromPreview(file string, p *preview.Preview, lines []preview.Line) Preview {
	out := Preview{V: Version, Type: "preview", File: Text(file), Facts: []Fact{}, Members: []Member{}, More: p.More,
		Text: Text(p.Text), Encoding: p.Encoding, Findings: cleanFindings(p.Findings)}
	for _, f := range p.Facts {
		out.Facts = append(out.Facts, Fact{Text(f.Name), Text(f.Value)})
	}
	for _, m := range p.Members {
		out.Members = append(out.Members, Member{Text(m.Name), m.Size, Text(m.Note)})
	}
	for _, l := range lines {
		digits := []byte(hex.EncodeToString(l.Bytes))
		for i := range l.Lost {
			if l.Lost[i] {
				digits[2*i], digits[2*i+1] = '?', '?'
			}
		}
		out.Bytes = append(out.Bytes, Bytes{l.Offset, string(digits)})
	}
	return out
}
