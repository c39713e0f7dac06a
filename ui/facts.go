package ui

import "regexp"

// Has reports whether the page's language has a word of that name.
func (v *view) Has(name string) bool { return v.words.has(name) }

// factValues are values of facts that are words, by the names of theirs. Others are names and numbers, which stand as they are.
var factValues = []struct {
	english *regexp.Regexp
	word    string
}{
	{regexp.MustCompile(`^(\d+ × \d+) pixels$`), "value.pixels"},
	{regexp.MustCompile(`^(\d+) bytes$`), "value.bytes"},
	{regexp.MustCompile(`^(\d+) of (\d+) bytes$`), "value.of"},
	{regexp.MustCompile(`^(\d+) pages behind them$`), "value.behind"},
	{regexp.MustCompile(`^(\d+) pages before the change$`), "value.before"},
	{regexp.MustCompile(`^about ([\d:.]+)$`), "value.about"},
	{regexp.MustCompile(`^a tar archive$`), "value.tar"},
	{regexp.MustCompile(`^was being written$`), "value.written"},
	{regexp.MustCompile(`^needs a password$`), "value.password"},
}

// FactValue is the value of a fact that a format told, in the language of the page where it is made of words.
func (v *view) FactValue(value string) string {
	for _, f := range factValues {
		if found := f.english.FindStringSubmatch(value); found != nil {
			args := make([]any, len(found)-1)
			for i := range args {
				args[i] = found[i+1]
			}
			return v.W(f.word, args...)
		}
	}
	return value
}
