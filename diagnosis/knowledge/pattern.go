package knowledge

import (
	"fmt"

	"salvor/diagnosis/match"
)

// checkPattern reports what is wrong with a pattern: patterns are looked for by a literal of theirs.
func checkPattern(p string) error {
	if _, ok, err := match.Literals(p); err != nil {
		return err
	} else if !ok {
		return fmt.Errorf("pattern %q: no literal of 4 bytes or more that every match contains", p)
	}
	return match.Check(p)
}
