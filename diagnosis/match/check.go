package match

import (
	"fmt"
	"regexp"
)

// maxPattern bounds a pattern, in bytes; its program grows with it.
const maxPattern = 2000

// Check reports whether a pattern can be part of a [Set]; nil when it can.
func Check(pattern string) error {
	if len(pattern) > maxPattern {
		return fmt.Errorf("pattern of %d bytes, at most %d", len(pattern), maxPattern)
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return err
	}
	if re.MatchString("") {
		return fmt.Errorf("pattern %q matches an empty line", pattern)
	}
	return nil
}

// EndsText reports whether the pattern's matches can end only where the text ends.
func EndsText(re *regexp.Regexp) bool {
	s := re.String()
	n := len(s)
	return n > 0 && s[n-1] == '$' && (n < 2 || s[n-2] != '\\')
}
