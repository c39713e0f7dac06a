package fat

import (
	"testing"
	"unicode/utf16"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
)

func encoded(t *testing.T, e encoding.Encoding, text string) string {
	t.Helper()
	out, err := e.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestCodePages has a file with a long name, which shows the code page, and one without, which needs it.
func TestCodePages(t *testing.T) {
	for _, tt := range []struct {
		page        string
		enc         encoding.Encoding
		long, short string // the short name without its extension
		bare        string
	}{
		{"850", charmap.CodePage850, "Ímpar Ão.txt", "ÍMPARÃO", "ÓLEO"},
		{"852", charmap.CodePage852, "Řeřicha.txt", "ŘEŘICHA", "ŽLUTÝ"},
		{"866", charmap.CodePage866, "привет мир.txt", "ПРИВЕТ~1", "ПАПКА"},
		{"932", japanese.ShiftJIS, "写真と思い出.txt", "写真~1", "日本語"},
		{"936", simplifiedchinese.GBK, "简体中文文件.txt", "简体中~1", "照片"},
		{"949", korean.EUCKR, "안녕하세요.txt", "안녕~1", "사진"},
		{"1251", charmap.Windows1251, "Ёлка и Јован.txt", "ЁЛКАИЈ~1", "ЂОКЊ"},
		{"437", charmap.CodePage437, "Ñandú Æble.txt", "ÑAND~1", "ÑA"},
	} {
		m := format(t, 16, 5000, 1)
		name := encoded(t, tt.enc, tt.short)
		for len(name) < 8 {
			name += " "
		}
		name += "TXT"
		at := 0
		for _, p := range long(utf16.Encode([]rune(tt.long)), raw(name)) {
			copy(m.slot(0, at, "", 0, 0, 0), p)
			at++
		}
		m.slot(0, at, name, 0x20, 0, 0)
		m.slot(0, at+1, encoded(t, tt.enc, tt.bare), 0x20, 0, 0)
		v := mustOpen(t, m.p)
		got, errs := files(t, v)
		if got["live "+tt.long] == nil || got["live "+tt.bare] == nil || len(errs) > 0 {
			t.Errorf("%s: %v, %v", tt.page, got, errs)
		}
		info := v.Info()
		if len(info.Findings) != 1 || info.Findings[0].Code != "fat.names.code-page" || info.Findings[0].Found != tt.page {
			t.Errorf("%s: %v", tt.page, info.Findings)
		}
	}
	// Without a long name it is a guess.
	m := format(t, 16, 5000, 1)
	m.slot(0, 0, "\x9aBER       ", 0x20, 0, 0)
	v := mustOpen(t, m.p)
	if got, _ := files(t, v); got["live ÜBER"] == nil || volumeCodes(v) != "names.code-page-guessed" {
		t.Errorf("%v, %s", got, volumeCodes(v))
	}
}

func TestDecodeNeverFails(t *testing.T) {
	for _, page := range codePages() {
		for b := range 256 {
			if text, _ := page.decode([]byte{byte(b)}); text == "" {
				t.Errorf("%s: byte 0x%02x is nothing", page.name, b)
			}
		}
	}
}
