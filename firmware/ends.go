package firmware

import (
	"fmt"
	"strings"
)

// counted writes a number of bytes with a comma between each three digits.
func counted(n int64) string {
	s := fmt.Sprint(n)
	var out strings.Builder
	for i, r := range s {
		if i > 0 && (len(s)-i)%3 == 0 && s[i-1] != '-' {
			out.WriteByte(',')
		}
		out.WriteRune(r)
	}
	return out.String()
}

// endsIn names the innermost part that a file which was cut off ends in, "" when no part is known to reach so far.
func (p *Part) endsIn() string {
	for at := p; ; {
		var last *Part
		for _, c := range at.Children {
			if !c.Unpacked && c.Offset+c.Size == at.Size && (c.Announced > c.Size || c.cut()) {
				last = c
			}
		}
		if last == nil {
			if at == p {
				return ""
			}
			return at.endWords()
		}
		at = last
	}
}

// cut reports whether a check of the part says that it ends early.
func (p *Part) cut() bool {
	for _, c := range p.Checks {
		if c.State == Failed && c.Method == "size" {
			return true
		}
	}
	return false
}

func (p *Part) endWords() string {
	switch {
	case p.Role != "" && p.Role != Data && p.Role != Package && p.Name != "":
		return fmt.Sprintf("%s %q", p.Role, p.Name)
	case p.Role != "" && p.Role != Data && p.Role != Package:
		return string(p.Role)
	}
	return p.words()
}
