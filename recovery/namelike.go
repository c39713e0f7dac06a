package recovery

import "strings"

// nameLike returns a pattern of SQL's LIKE that holds for every name that the pattern of [Query] holds for, and for some
// more: so that the database passes over what cannot fit, and Go decides. LIKE knows upper and lower case of ASCII only,
// so all other characters fit anything, and so do i, k, ; and `, of which each is also what [foldName] makes of one that is not
// ASCII.
func nameLike(pattern string) string {
	var b strings.Builder
	any := func() {
		if !strings.HasSuffix(b.String(), "%") || strings.HasSuffix(b.String(), `\%`) {
			b.WriteByte('%')
		}
	}
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		if c == '[' {
			// The class itself is not looked into: all that follows fits anything.
			any()
			return b.String()
		}
		if c == '\\' && i+1 < len(pattern) {
			i++
			c = pattern[i]
		} else if c == '*' || c == '?' {
			any()
			continue
		}
		switch {
		case c >= 0x80 || strings.IndexByte("iIkK;`", c) >= 0:
			any()
		case c == '%' || c == '_' || c == '\\':
			b.WriteString(`\` + string(c))
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
