package diagnosis

import (
	"fmt"
	"slices"
)

// Grade says how sure an answer is. What each has been worth, is measured: see [Hits].
type Grade uint8

// The grades, from the least to the most.
const (
	Unknown Grade = iota // cannot tell
	Possible
	Likely
	VeryLikely
)

var gradeText = []string{"cannot tell", "possible", "likely", "very likely"}

func (g Grade) String() string {
	if int(g) < len(gradeText) {
		return gradeText[g]
	}
	return fmt.Sprintf("Grade(%d)", uint8(g))
}

// MarshalText gives the words of the grade.
func (g Grade) MarshalText() ([]byte, error) { return []byte(g.String()), nil }

// UnmarshalText reads the words of a grade.
func (g *Grade) UnmarshalText(p []byte) error {
	i := slices.Index(gradeText, string(p))
	if i < 0 {
		return fmt.Errorf("diagnosis: grade %q", p)
	}
	*g = Grade(i)
	return nil
}
