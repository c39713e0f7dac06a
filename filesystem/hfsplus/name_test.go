package hfsplus

import "testing"

// Apple's table (Technical Note 1150) decomposes the Greek tonos to a vertical line above.
func TestGreekNamesAreComposed(t *testing.T) {
	if got := acuteGreek("\u03B1\xED\xA0\x80\u03B1\u030D"); got != "\u03B1\xED\xA0\x80\u03B1\u0301" {
		t.Errorf("half a surrogate pair: %+q", got)
	}
	for stored, want := range map[string]string{
		"\u03A3\u03C4\u03B1\u03B8\u03BC\u03BF\u030D\u03C2 7": "Σταθμός 7",
		"\u03B9\u0308\u030D": "\u0390",
		"\u0391\u030D":       "\u0386",
		"\u03B1\u0301":       "\u03AC",
		"a\u030D\u03B1":      "a\u030D\u03B1", // no Greek letter before the mark
		"\u03B1a\u030D":      "\u03B1a\u030D",
		"\u0308\u030D":       "\u0308\u030D",
		"plain":              "plain",
	} {
		if got := decodeName(units(stored)); got != want {
			t.Errorf("%+q: %+q, want %+q", stored, got, want)
		}
	}
}
