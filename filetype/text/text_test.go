package text_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
	"salvor/filetype/text"
)

func format(t testing.TB, name string) filetype.Format {
	t.Helper()
	return filetypetest.Row(t, text.Formats(), name)
}

func identify(t testing.TB, data []byte) (string, filetype.Report) {
	t.Helper()
	table, err := filetype.NewTable(text.Formats())
	if err != nil {
		t.Fatal(err)
	}
	f, r, err := table.Identify(t.Context(), block.Bytes(data), "")
	if err != nil {
		t.Fatal(err)
	}
	if f == nil {
		return "", r
	}
	if err := filetypetest.Check(*f, block.Bytes(data), r); err != nil {
		t.Errorf("%v: %+v", err, r)
	}
	return f.Name, r
}

func wide(order binary.AppendByteOrder, s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = order.AppendUint16(b, u)
	}
	return b
}

const (
	prose  = "# Harbour at dawn\n\nThe boats left before the light came, and nobody on the quay said a word.\nÜber den Dächern: ein erster Möwenschrei.\n"
	latin  = "Liebe Gr\xfc\xdfe aus M\xfcnchen, wo es sch\xf6n ist und die Stra\xdfen leer sind.\nBis bald, deine J\xf6rg und die ganze Familie\n"
	ini    = "# network\n[wan]\nproto = dhcp\nifname = eth0\n\n[lan]\nipaddr = 192.168.1.1\nnetmask = 255.255.255.0\n"
	uci    = "config interface 'lan'\n\toption proto 'static'\n\toption ipaddr '192.168.1.1'\n\nconfig interface 'wan'\n\toption proto 'dhcp'\n"
	yaml   = "services:\n  web:\n    image: nginx\n    ports:\n      - 80:80\n    restart: always\n"
	logs   = "2024-03-01T12:00:01Z boot: start\n2024-03-01T12:00:02Z net: up\n2024-03-01T12:00:03Z done\n"
	script = "#!/bin/sh\nset -e\nA=1\nB=2\necho $A\n"
	table  = "name,size,\"when, exactly\"\r\nfirst,1,2020\r\n\"a \"\"quoted\"\" one\r\nin two lines\",2,2021\r\n"
	object = `{"name": "gateway", "ports": [80, 443, -1.5e3], "on": true, "none": null, "text": "a\u00e4\n\"ü", "deep": {"a": [[], {}, [1, 2]]}}`
)

func TestIdentify(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 5000)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	tests := []struct {
		name    string
		data    string
		format  string
		verdict filetype.Verdict
		ext     string
		class   filetype.Class
		title   string
	}{
		{"prose", prose, "text", filetype.Consistent, "md", filetype.Text, "Harbour at dawn"},
		{"byte order mark", "\xEF\xBB\xBF" + prose, "text", filetype.Consistent, "md", filetype.Text, "Harbour at dawn"},
		{"Western", latin, "text", filetype.Consistent, "txt", filetype.Text, "Liebe Grüße aus München, wo es schön ist und die Straßen leer sind."},
		{"UTF-16LE", "\xFF\xFE" + string(wide(binary.LittleEndian, prose)), "text", filetype.Consistent, "md", filetype.Text, "Harbour at dawn"},
		{"UTF-16BE", "\xFE\xFF" + string(wide(binary.BigEndian, prose)), "text", filetype.Consistent, "md", filetype.Text, "Harbour at dawn"},
		{"UTF-16LE without mark", string(wide(binary.LittleEndian, ini)), "text", filetype.Consistent, "conf", filetype.Settings, ""},
		{"UTF-16BE without mark", string(wide(binary.BigEndian, ini)), "text", filetype.Consistent, "conf", filetype.Settings, ""},
		{"UTF-16 beyond the plane", "\xFF\xFE" + string(wide(binary.LittleEndian, "Ahoy 🚢 and more")), "text", filetype.Consistent, "txt", filetype.Text, "Ahoy 🚢 and more"},
		{"ini", ini, "text", filetype.Consistent, "conf", filetype.Settings, ""},
		{"uci", uci, "text", filetype.Consistent, "conf", filetype.Settings, ""},
		{"yaml", yaml, "text", filetype.Consistent, "conf", filetype.Settings, ""},
		{"log", logs, "text", filetype.Consistent, "log", filetype.Text, ""},
		{"colours of a terminal", strings.Repeat("some \x1b[31mred\x1b[0m words and more of them\n", 5), "text", filetype.Consistent, "txt", filetype.Text, "some [31mred[0m words and more of them"},
		{"script", script, "text", filetype.Consistent, "sh", filetype.Text, ""},
		{"xml", "<?xml version=\"1.0\"?>\n<a/>\n", "text", filetype.Consistent, "xml", filetype.Text, ""},
		{"one letter", "1\n", "text", filetype.Consistent, "txt", filetype.Text, "1"},
		{"csv", table, "csv", filetype.Consistent, "csv", filetype.Text, ""},
		{"tsv", "a\tb\tc\n1\t2\t3\n", "csv", filetype.Consistent, "tsv", filetype.Text, ""},
		{"not all rows alike", "a,b,c\n1,2\n3,4,5\n", "text", filetype.Consistent, "txt", filetype.Text, "a,b,c"},
		{"quote not closed", "a,b,c\n1,2,\"3\n", "text", filetype.Consistent, "txt", filetype.Text, "a,b,c"},
		{"two lines with a comma", "Yes, please.\nNo, thanks.\n", "text", filetype.Consistent, "txt", filetype.Text, "Yes, please."},
		{"json", object + "\n", "json", filetype.Consistent, "json", filetype.Settings, ""},
		{"json array", "[1, 2]", "json", filetype.Consistent, "json", filetype.Text, ""},
		{"json lines", "{\"a\":1}\n{\"a\":2}\n", "json", filetype.Consistent, "jsonl", filetype.Text, ""},
		{"json padded with zeros", object + strings.Repeat("\x00", 100), "json", filetype.Consistent, "json", filetype.Settings, ""},
		{"broken json", object[:60] + "}" + object[60:], "json", filetype.Damaged, "json", filetype.Text, ""},
		{"cut json", object[:80], "json", filetype.Partial, "json", filetype.Text, ""},
		{"begins like json", "[1] Smith, about boats\n[2] Jones\n", "text", filetype.Consistent, "txt", filetype.Text, "[1] Smith, about boats"},
		{"tail of zeros", prose + strings.Repeat("\x00", 3000), "text", filetype.Damaged, "md", filetype.Text, "Harbour at dawn"},
		{"wide, tail of zeros", "\xFF\xFE" + string(wide(binary.LittleEndian, prose)) + strings.Repeat("\x00", 3000), "text", filetype.Damaged, "md", filetype.Text, "Harbour at dawn"},
		{"zeros in between", prose + strings.Repeat("\x00", 300) + prose, "text", filetype.Damaged, "md", filetype.Text, "Harbour at dawn"},
		{"character cut off", strings.Repeat("Möwe ", 20) + "M\xc3", "text", filetype.Partial, "txt", filetype.Text, strings.TrimSpace(strings.Repeat("Möwe ", 16))},
		{"one broken character", strings.Repeat("Möwe ", 20) + "M\xf6we", "text", filetype.Damaged, "txt", filetype.Text, strings.TrimSpace(strings.Repeat("Möwe ", 16))},
		{"noise", string(noise), "", filetype.Unknown, "", "", ""},
		{"noise without zeros", strings.ReplaceAll(string(noise), "\x00", "x"), "", filetype.Unknown, "", "", ""},
		{"high noise", strings.Repeat("\xd0\x81\xfe\xe1 ", 100), "", filetype.Unknown, "", "", ""},
		{"text, then noise", prose + string(noise), "", filetype.Unknown, "", "", ""},
		{"control bytes", "abc\x01def", "", filetype.Unknown, "", "", ""},
		{"zeros first", "\x00\x00abc", "", filetype.Unknown, "", "", ""},
		{"lone surrogate", "\xFF\xFEa\x00\x00\xd8b\x00", "", filetype.Unknown, "", "", ""},
		{"nothing", "", "", filetype.Unknown, "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			name, r := identify(t, []byte(tt.data))
			if name != tt.format || r.Verdict != tt.verdict {
				t.Fatalf("%q %v %v, expected %q %v", name, r.Verdict, r.Findings, tt.format, tt.verdict)
			}
			if name == "" {
				return
			}
			f := format(t, name)
			if f.Extension(r) != tt.ext || f.ClassOf(r) != tt.class || r.Hints.Title != tt.title {
				t.Errorf("%q %q %q, expected %q %q %q", f.Extension(r), f.ClassOf(r), r.Hints.Title, tt.ext, tt.class, tt.title)
			}
		})
	}
}

// The place where a text breaks is exact.
func TestPlaces(t *testing.T) {
	long := strings.Repeat(prose, 5000)
	_, r := identify(t, []byte(long+strings.Repeat("\x00", 70000)))
	if r.GoodUntil != int64(len(long)) || r.Verdict != filetype.Damaged {
		t.Errorf("zeros: good until %d, expected %d: %v", r.GoodUntil, len(long), r.Findings)
	}
	_, r = identify(t, []byte(object[:60]+"}"+object[60:]))
	if r.GoodUntil != 60 {
		t.Errorf("JSON: good until %d, expected 60: %v", r.GoodUntil, r.Findings)
	}
	bad := strings.Repeat("Möwe ", 30000) + "M\xf6we" + strings.Repeat(" Möwe", 30000)
	_, r = identify(t, []byte(bad))
	if want := int64(strings.Index(bad, "\xf6")); r.GoodUntil != want {
		t.Errorf("UTF-8: good until %d, expected %d", r.GoodUntil, want)
	}
}

func TestSuite(t *testing.T) {
	sample := func(name, data string) filetypetest.Sample {
		return filetypetest.Sample{Name: name, Data: []byte(data), Verdict: filetype.Consistent, Endless: true}
	}
	var rows strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&rows, "%d,name %d,\"%d, quoted\"\n", i, i*7, i*i)
	}
	filetypetest.Run(t, format(t, "text"), []filetypetest.Sample{
		sample("prose", strings.Repeat(prose, 200)), sample("Western", strings.Repeat(latin, 100)), sample("short", "hello\n"),
		sample("wide", "\xFF\xFE"+string(wide(binary.LittleEndian, strings.Repeat(prose, 50)))),
	})
	filetypetest.Run(t, format(t, "json"), []filetypetest.Sample{
		sample("object", object), sample("lines", strings.Repeat(object+"\n", 300)),
	})
	filetypetest.Run(t, format(t, "csv"), []filetypetest.Sample{sample("table", table), sample("long", rows.String())})
}

// What the standard library accepts as JSON is accepted, and nothing else.
func TestAgainstEncodingJSON(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	f := format(t, "json")
	accepted := 0
	for i := range 20000 {
		data := []byte(object)
		if i > 0 {
			for range 1 + r.IntN(2) {
				switch at := r.IntN(len(data)); r.IntN(3) {
				case 0:
					data[at] = `{}[]",:0123eE+-.\tnu `[r.IntN(20)]
				case 1:
					data = append(data[:at], data[at+1:]...)
				default:
					data = append(data[:at:at], append([]byte{data[r.IntN(len(data))]}, data[at:]...)...)
				}
			}
		}
		rep, err := f.Examine(t.Context(), block.Bytes(data))
		ours := err == nil && rep.Verdict == filetype.Consistent && rep.Size == int64(len(data)) && rep.Extension != "jsonl"
		theirs := json.Valid(data) && bytes.IndexByte([]byte("{["), bytes.TrimSpace(data)[0]) >= 0
		if theirs && !utf8.Valid(data) {
			continue // encoding/json accepts broken UTF-8
		}
		if ours != theirs {
			t.Errorf("%q: %v here, %v by encoding/json", data, ours, theirs)
		}
		if theirs {
			accepted++
		}
	}
	t.Logf("%d of 20000 are JSON", accepted)
}

func TestDeepJSON(t *testing.T) {
	for _, n := range []int{9000, 100000} {
		data := append(bytes.Repeat([]byte("["), n), bytes.Repeat([]byte("]"), n)...)
		r, err := format(t, "json").Examine(t.Context(), block.Bytes(data))
		if whole := err == nil && r.Verdict == filetype.Consistent; whole != (n < 10000) {
			t.Errorf("%d deep: %v %v", n, r.Verdict, err)
		}
	}
}

// None of the project's other fixtures is text, and what is text on this tree is called so.
func TestRealFiles(t *testing.T) {
	binaries, _ := filepath.Glob("../*/testdata/*.*")
	for _, name := range binaries {
		switch filepath.Ext(name) {
		case ".png", ".jpg", ".gz", ".zip", ".sqlite", ".db", ".mp4", ".mov":
		default:
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if got, r := identify(t, data); got != "" {
			t.Errorf("%s is %q: %v", name, got, r.Findings)
		}
	}
	sources, _ := filepath.Glob("../*/*.go")
	for _, name := range sources {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if got, r := identify(t, data); got != "text" || r.Verdict != filetype.Consistent {
			t.Errorf("%s is %q %v: %v", name, got, r.Verdict, r.Findings)
		}
	}
}

func FuzzExamine(f *testing.F) {
	for _, s := range []string{prose, latin, ini, table, object, "\xFF\xFEa\x00b\x00", "[[[[", "a\x00"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, row := range text.Formats() {
			filetypetest.Fuzz(t, row, data)
		}
	})
}

func BenchmarkText(b *testing.B) {
	data := []byte(strings.Repeat(logs, 20000))
	for _, row := range text.Formats() {
		b.Run(row.Name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				_, _ = row.Examine(b.Context(), block.Bytes(data))
			}
		})
	}
}
