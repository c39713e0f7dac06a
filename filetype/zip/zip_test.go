package zip

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
)

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	p, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// fixtures are real archives and what is to be said of them.
var fixtures = []struct {
	name, extension, title string
	verdict                filetype.Verdict
	code                   string // of a finding that must be there
}{
	{"infozip.zip", "zip", "", filetype.Consistent, "zip.attributes"},
	{"infozip-comment.zip", "zip", "", filetype.Consistent, "zip.comment"},
	{"infozip-stored-ux.zip", "zip", "", filetype.Consistent, "zip.attributes"},
	{"infozip-zip64.zip", "zip", "", filetype.Consistent, "zip.attributes"},
	{"infozip-bzip2.zip", "zip", "", filetype.Consistent, "zip.plain"},
	{"infozip-streamed.zip", "zip", "", filetype.Consistent, "zip.extra"},
	{"infozip-encrypted.zip", "zip", "", filetype.Encrypted, "zip.encrypted.all"},
	{"7z.zip", "zip", "", filetype.Consistent, "zip.attributes"},
	{"7z-lzma.zip", "zip", "", filetype.Consistent, "zip.member.not-decoded"},
	{"7z-deflate64.zip", "zip", "", filetype.Consistent, "zip.member.not-decoded"},
	{"7z-aes.zip", "zip", "", filetype.Encrypted, "zip.encrypted.all"},
	{"python.zip", "zip", "", filetype.Consistent, "zip.plain"},
	{"python-streamed-stored.zip", "zip", "", filetype.Consistent, "zip.plain"},
	{"empty.zip", "zip", "", filetype.Consistent, "zip.plain"},
	{"python.jar", "jar", "Gateway tools", filetype.Proven, ""},
	{"python.epub", "epub", "A small book", filetype.Proven, ""},
	{"doc.docx", "docx", "Gateway handbook", filetype.Proven, ""},
	{"sheet.xlsx", "xlsx", "", filetype.Proven, ""},
	{"doc.odt", "odt", "Gateway handbook", filetype.Proven, ""},
	{"sheet.ods", "ods", "", filetype.Proven, ""},
	{"doc.odg", "odg", "", filetype.Proven, ""},
	{"doc.odp", "odp", "", filetype.Proven, ""},
	{"doc.pptx", "pptx", "", filetype.Proven, ""},
}

func TestConformance(t *testing.T) {
	var samples []filetypetest.Sample
	for _, f := range fixtures {
		if f.code == "zip.comment" {
			continue // with its length and text turned to zeros it is an archive without a comment
		}
		samples = append(samples, filetypetest.Sample{Name: f.name, Data: fixture(t, f.name), Verdict: f.verdict,
			Extension: f.extension, Title: f.title, Head: 64})
	}
	filetypetest.Run(t, Formats()[0], samples)
}

func judge(t testing.TB, p []byte) filetype.Report {
	t.Helper()
	src := block.Bytes(p)
	r, err := Formats()[0].Examine(context.Background(), src)
	if err != nil {
		t.Fatal(err)
	}
	if err := filetypetest.Check(Formats()[0], src, r); err != nil {
		t.Errorf("%v: %+v", err, r)
	}
	return r
}

func codes(r filetype.Report) []string {
	var list []string
	for _, f := range r.Findings {
		list = append(list, f.Code)
	}
	return list
}

func TestFindings(t *testing.T) {
	for _, f := range fixtures {
		r := judge(t, fixture(t, f.name))
		if f.code != "" && !slices.Contains(codes(r), f.code) {
			t.Errorf("%s: findings %v, expected %s", f.name, r.Findings, f.code)
		}
		t.Logf("%s: %v, %d bytes uncovered in %d places, %q by %q at %v, %v", f.name, r.Verdict, r.Uncovered.Bytes(),
			r.Uncovered.Count(), r.Hints.Title, r.Hints.Author, r.Hints.Taken, r.Findings)
	}
}
