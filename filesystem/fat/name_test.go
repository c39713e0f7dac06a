package fat

import (
	"testing"
	"time"
	"unicode/utf16"

	"salvor/filesystem"
)

func raw(s string) (n [11]byte) {
	copy(n[:], s+"           ")
	return n
}

func TestShortNames(t *testing.T) {
	for _, tt := range []struct {
		name  string
		flags byte
		first byte
		want  string
	}{
		{"README  TXT", 0, 0, "README.TXT"},
		{"README  TXT", 0x08, 0, "readme.TXT"},
		{"README  TXT", 0x10, 0, "README.txt"},
		{"README  TXT", 0x18, 0, "readme.txt"},
		{"NOEXT      ", 0, 0, "NOEXT"},
		{"A B     C D", 0, 0, "A B.C D"},
		{"\x05BC        ", 0, 0, "σBC"},
		{"\x81BER    \x9a  ", 0x08, 0, "über.Ü"},
		{"\x9aBER       ", 0x08, 0, "über"},
		{"\xe5ONE    TXT", 0, 'G', "GONE.TXT"},
		{"\xe5ONE    TXT", 0, '_', "_ONE.TXT"},
		{"        EXT", 0, 0, ".EXT"},
	} {
		e := short{name: raw(tt.name), caseFlags: tt.flags}
		if got := e.shortName(tt.first, usualPage()); got != tt.want {
			t.Errorf("%q: %q, expected %q", tt.name, got, tt.want)
		}
	}
}

func TestChecksum(t *testing.T) {
	// From a directory that Windows wrote: "The quick brown.fox" is THEQUI~1.FOX.
	if got := checksum(raw("THEQUI~1FOX")); got != 0x07 {
		t.Errorf("checksum 0x%02x", got)
	}
	for first := range 256 {
		n := raw("?BCDEF~1TXT")
		n[0] = byte(first)
		sum := checksum(n)
		n[0] = markDeleted
		if got := firstByte(n, sum); got != byte(first) {
			t.Fatalf("first byte 0x%02x, expected 0x%02x", got, first)
		}
	}
}

func TestLongNames(t *testing.T) {
	short := raw("LONGNA~1TXT")
	for _, tt := range []struct {
		name   string
		units  []uint16
		change func([][]byte) [][]byte
		want   string
		broken string
	}{
		{"plain", utf16.Encode([]rune("a long name.txt")), nil, "a long name.txt", ""},
		{"13 units, without an end", utf16.Encode([]rune("exactly13.txt")), nil, "exactly13.txt", ""},
		{"one unit", []uint16{'x'}, nil, "x", ""},
		{"emoji", utf16.Encode([]rune("😀 smile 𝄞.txt")), nil, "😀 smile 𝄞.txt", ""},
		{"half a pair", []uint16{'a', 0xD83D, 'b'}, nil, "a\xed\xa0\xbdb", ""},
		{"the other half", []uint16{0xDE00, 0xD83D}, nil, "\xed\xb8\x80\xed\xa0\xbd", ""},
		{"255 units", units(255), nil, string(utf16.Decode(units(255))), ""},
		{"260 units", units(260), nil, string(utf16.Decode(units(255))), ""},
		{"wrong checksum", utf16.Encode([]rune("a long name.txt")), func(p [][]byte) [][]byte {
			for _, x := range p {
				x[13]++
			}
			return p
		}, "", "the checksum is that of another short name"},
		{"one wrong checksum", utf16.Encode([]rune("a long name.txt")), func(p [][]byte) [][]byte { p[1][13]++; return p }, "", "the parts are of different names"},
		{"first part missing", utf16.Encode([]rune("a long name.txt")), func(p [][]byte) [][]byte { return p[:1] }, "", "the first part is missing"},
		{"last part missing", utf16.Encode([]rune("a long name.txt")), func(p [][]byte) [][]byte { return p[1:] }, "", "the last part is missing"},
		{"middle part missing", units(39), func(p [][]byte) [][]byte { return [][]byte{p[0], p[2]} }, "", "the parts are not in order"},
		{"number 0", []uint16{'x'}, func(p [][]byte) [][]byte { p[0][0] = lastPart; return p }, "", "a part of a number that cannot be"},
		{"number 63", []uint16{'x'}, func(p [][]byte) [][]byte { p[0][0] = 0x7F; return p }, "", "a part of a number that cannot be"},
		{"a stray one before", utf16.Encode([]rune("a long name.txt")), func(p [][]byte) [][]byte { return append([][]byte{p[0]}, p...) }, "a long name.txt", ""},
		{"none", nil, func([][]byte) [][]byte { return nil }, "", ""},
		{"empty", nil, nil, "", "it is empty"},
	} {
		parts := long(tt.units, short)
		if tt.change != nil {
			parts = tt.change(parts)
		}
		var n longName
		for _, p := range parts {
			n.add(parsePart(p))
		}
		if got, broken := n.of(short); got != tt.want || broken != tt.broken {
			t.Errorf("%s: %q, %q; expected %q, %q", tt.name, got, broken, tt.want, tt.broken)
		}
		if name := filesystem.EscapeName(tt.want); filesystem.UnescapeName(name) != tt.want {
			t.Errorf("%s: %q does not come back", tt.name, name)
		}
	}
}

func units(n int) []uint16 {
	u := make([]uint16, n)
	for i := range u {
		u[i] = uint16('a' + i%26)
	}
	return u
}

func TestDeletedLongNames(t *testing.T) {
	for _, tt := range []struct {
		long, short string
		other       bool // the parts are of another name
		want        bool
	}{
		{"a long name.txt", "ALONGN~1TXT", false, true},
		{".hidden file", "HIDDEN~1   ", false, true},
		{"+plus.txt", "_PLUS~1 TXT", false, true},
		{"привет.txt", "\xaf\xe0\xa8\xa2\xa5\xe2  TXT", false, true},
		{"привет.txt", "64BB~1  TXT", false, true},
		{"写真.jpg", "_~1     JPG", false, true},
		{"a long name.txt", "ZZZZZZ~1TXT", false, false},
		{"a long name.txt", "ALONGN~1TXT", true, false},
		{"1 file.txt", "1FILE~1 TXT", false, true},
	} {
		name := raw(tt.short)
		var n longName
		// What is left of another deleted file stands before.
		for _, p := range long(utf16.Encode([]rune("someone else's long name")), raw("SOMEON~1   ")) {
			p[0] = markDeleted
			n.addDeleted(parsePart(p))
		}
		if !tt.other {
			for _, p := range long(utf16.Encode([]rune(tt.long)), name) {
				p[0] = markDeleted
				n.addDeleted(parsePart(p))
			}
		}
		deleted := name
		deleted[0] = markDeleted
		got, first := n.ofDeleted(deleted)
		switch {
		case tt.want && (got != tt.long || first != name[0]):
			t.Errorf("%q, %q: %q, %q", tt.long, tt.short, got, first)
		case !tt.want && got != "":
			t.Errorf("%q, %q: %q is not its name", tt.long, tt.short, got)
		}
	}
}

func TestTimes(t *testing.T) {
	for _, tt := range []struct {
		date, clock uint16
		want        string
		ok          bool
	}{
		{0, 0, "0001-01-01T00:00:00Z", true},
		{0, 0x1234, "0001-01-01T00:00:00Z", true},
		{1<<5 | 1, 0, "1980-01-01T00:00:00Z", true},
		{127<<9 | 12<<5 | 31, 23<<11 | 59<<5 | 29, "2107-12-31T23:59:58Z", true},
		{43<<9 | 2<<5 | 29, 0, "", false}, // no leap year
		{44<<9 | 2<<5 | 29, 0, "2024-02-29T00:00:00Z", true},
		{43<<9 | 13<<5 | 1, 0, "", false},
		{43<<9 | 1, 0, "", false},
		{43<<9 | 1<<5, 0, "", false},
		{43<<9 | 1<<5 | 1, 24 << 11, "", false},
		{43<<9 | 1<<5 | 1, 60 << 5, "", false},
		{43<<9 | 1<<5 | 1, 30, "", false},
	} {
		got, ok := parseTime(tt.date, tt.clock)
		if ok != tt.ok || ok && got.Format(time.RFC3339) != tt.want {
			t.Errorf("%04x %04x: %v, %v; expected %s", tt.date, tt.clock, got, ok, tt.want)
		}
	}
	m := format(t, 16, 5000, 1)
	p := m.slot(0, 0, "T       TXT", 0x27, 0, 0)
	p[13] = 199 // hundredths of a second of the creation
	p[14], p[15], p[16], p[17] = 0x21, 0x08, 0xA6, 0x56
	p[18], p[19] = 0xA7, 0x56
	f := list(t, m)["live T.TXT"]
	created := time.Date(2023, 5, 6, 1, 1, 3, 990e6, time.UTC)
	if !f.Times.Created.Equal(created) || !f.Times.Local || f.Times.Accessed.Format(time.DateOnly) != "2023-05-07" {
		t.Errorf("times %+v", f.Times)
	}
	if string(f.Attributes["user.DOSATTRIB"]) != "0x27" || f.Mode != 0o444 {
		t.Errorf("attributes %q, mode %v", f.Attributes, f.Mode)
	}
}

// list lists a made volume.
func list(t *testing.T, m *maker) map[string]*filesystem.File {
	t.Helper()
	out, _ := files(t, mustOpen(t, m.p))
	return out
}
