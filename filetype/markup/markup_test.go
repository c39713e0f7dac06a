package markup_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
	"salvor/filetype/markup"
)

func files(t testing.TB) map[string][]byte {
	out := filetypetest.Load(t, os.DirFS("testdata"), "*.gz")
	for name, data := range filetypetest.Load(t, os.DirFS("testdata"), "*.[gs][pv][xg]") {
		out[name] = data
	}
	return out
}

func format(t testing.TB, name string) filetype.Format {
	t.Helper()
	return filetypetest.Row(t, markup.Formats(), name)
}

// of says which row a fixture belongs to.
var of = map[string]string{"letter.fodt": "xml", "track.gpx": "xml", "chart.svg": "svg", "letter.html": "html"}

func TestSuite(t *testing.T) {
	titles := map[string]string{"track.gpx": "Round the harbour", "chart.svg": "Tide & wind", "letter.html": "The lighthouse letter", "letter.fodt": "The lighthouse letter"}
	extensions := map[string]string{"track.gpx": "gpx", "chart.svg": "svg", "letter.html": "html", "letter.fodt": "xml"}
	for name, data := range files(t) {
		n := int64(len(data))
		s := filetypetest.Sample{Name: name, Data: data, Verdict: filetype.Consistent, Title: titles[name], Extension: extensions[name],
			Ends: []int64{n - 1}, Head: 64}
		if of[name] == "html" { // up to where html is opened it might be a page without
			s.Head = 128
		}
		filetypetest.Run(t, format(t, of[name]), []filetypetest.Sample{s})
	}
}

func TestTrees(t *testing.T) {
	const good = `<?xml version="1.0"?><a b="1" c='>'><d/><e>x &lt; y</e><!-- - -- --><![CDATA[ ]] > ]]></a>`
	r, err := format(t, "xml").Examine(t.Context(), block.Bytes([]byte(good+"rest")))
	if err != nil || r.Verdict != filetype.Consistent || r.Size != int64(len(good)) {
		t.Errorf("%+v %v", r, err)
	}
	for _, bad := range []string{
		`<a><b></a></b>`, `<a></b>`, `<a b></a>`, `<a b=1></a>`, `<a b="1" </a>`, `text<a/>`, `<1/>`, `<a/ >`, "<a>\x01</a>", "<a>\xC3\x28</a>",
		`<!DOCTYPE a ]><a/>`, `<a><!DOCTYPE b></a>`, `<!ELEMENT a><a/>`,
	} {
		r, err := format(t, "xml").Examine(t.Context(), block.Bytes([]byte(`<?xml version="1.0"?>`+bad)))
		if err == nil && r.Verdict != filetype.Damaged {
			t.Errorf("%s: %v %v", bad, r.Verdict, r.Findings)
		}
	}
	latin := `<?xml version="1.0" encoding="ISO-8859-1"?><a>` + "\xE4" + `</a>`
	if r, err := format(t, "xml").Examine(t.Context(), block.Bytes([]byte(latin))); err != nil || r.Verdict != filetype.Consistent {
		t.Errorf("latin: %v %v", r.Verdict, err)
	}
	deep := `<?xml version="1.0"?>` + strings.Repeat("<a>", 1<<19)
	if r := filetypetest.Bomb(t, format(t, "xml"), []byte(deep), 10*time.Second, 16<<20); r.Verdict != filetype.Damaged {
		t.Errorf("deep: %v", r.Verdict)
	}
}

func TestPages(t *testing.T) {
	f := format(t, "html")
	for text, want := range map[string]filetype.Verdict{
		"<!DOCTYPE html><html><head><title>A &amp; B</title></head><body>x</body></html>": filetype.Consistent,
		"<HTML><BODY>x</BODY></HTML>\r\n":                                                 filetype.Consistent,
		"<!doctype html><html><body>" + strings.Repeat("x", 100):                          filetype.Partial,
		"<html><body>" + strings.Repeat("x", 100) + "\x00":                                filetype.Damaged,
	} {
		r, err := f.Examine(t.Context(), block.Bytes([]byte(text)))
		if err != nil || r.Verdict != want {
			t.Errorf("%q: %v %v", text, r.Verdict, err)
		}
	}
	for _, text := range []string{"<!DOCTYPE html><p>no html is opened", "<htmlx>", "<html>nothing of a page</html>"} {
		if r, err := f.Examine(t.Context(), block.Bytes([]byte(text))); err != filetype.ErrNot {
			t.Errorf("%q: %v %v", text, r.Verdict, err)
		}
	}
}

func TestPreview(t *testing.T) {
	for name, want := range map[string]string{"letter.html": "The boats left before the light. Grüße aus Kiel.", "letter.fodt": "The boats left before the light.", "chart.svg": "Höhe"} {
		p, err := format(t, of[name]).Preview(t.Context(), block.Bytes(files(t)[name]))
		if err != nil || !strings.Contains(p.Text, want) {
			t.Errorf("%s: %q %v", name, p.Text, err)
		}
	}
}

func FuzzExamine(f *testing.F) {
	for _, data := range files(f) {
		f.Add(data)
	}
	rows := markup.Formats()
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, row := range rows {
			filetypetest.Fuzz(t, row, data)
			_, _ = row.Preview(t.Context(), block.Bytes(data))
		}
	})
}
