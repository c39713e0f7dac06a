package recovery

import (
	"strings"

	"salvor/finding"
)

// linkReason says why e, a symbolic link, is not made as one in the folder parent of t; "" when it is.
//
// A real link must lead nowhere but into the saved tree of its own volume, whatever stands there: it is
// relative, goes up only at its start and never above the volume's folder, and on the way down meets only
// folders and links of which the same is true.
func linkReason(e *Entry, t *Target, parent string) string {
	switch {
	case !t.Symlinks:
		return "the place it is saved to has no links"
	case e.Target == "" || len(e.Target) > 4095 || strings.ContainsRune(e.Target, 0):
		return "its target is no path"
	case strings.HasPrefix(e.Target, "/"), t.WindowsNames && strings.ContainsAny(e.Target, `\:`):
		return "its target is absolute"
	}
	depth := strings.Count(parent, "/") - strings.Count(tree(e), "/") - 1 // folders below that of the volume
	down := false
	for _, part := range strings.Split(e.Target, "/") {
		switch part {
		case "", ".":
		case "..":
			if down {
				return "its target goes down and up again"
			}
			if depth--; depth < 0 {
				return "its target lies outside of its volume"
			}
		default:
			down = true
		}
	}
	return ""
}

// writeLink brings a symbolic link that is to stand in the folder parent to its temporary name: as a link,
// or as a text file that holds its target.
func (s *saver) writeLink(j *job, parent string) error {
	e := j.e
	reason := linkReason(e, &s.Target, parent)
	if reason == "" {
		return s.Root.Symlink(e.Target, j.temp)
	}
	e.Findings = replaceFinding(e.Findings, linkAsText.New(finding.Expected(nil, visible(e.Target, false)), finding.Arg("reason", reason)))
	e.SHA256 = hashText(e.Target)
	j.dirty = true
	if err := s.writeText(j.temp, e.Target); err != nil {
		return err
	}
	return s.dress(j.temp, &Entry{Times: e.Times})
}
