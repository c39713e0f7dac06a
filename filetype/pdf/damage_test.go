package pdf

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
	"salvor/internal/need"
)

func judge(t testing.TB, p []byte) filetype.Report {
	t.Helper()
	r, err := examine(context.Background(), block.Bytes(p))
	if err != nil {
		t.Fatal(err)
	}
	if err := filetypetest.Check(Formats()[0], block.Bytes(p), r); err != nil {
		t.Errorf("%v: %+v", err, r)
	}
	return r
}

func TestPagesAndEncryption(t *testing.T) {
	for _, f := range fixtures {
		r := judge(t, fixture(t, f.name))
		pages, code := "", ""
		for _, g := range r.Findings {
			if g.Code == "pdf.pages" {
				pages = g.Args["count"]
			}
			if g.Code == "pdf.encrypted" || g.Code == "pdf.password" {
				code = g.Code
			}
		}
		if pages != f.pages {
			t.Errorf("%s: %s pages, expected %s", f.name, pages, f.pages)
		}
		want := map[string]string{"many-owner.pdf": "pdf.encrypted", "many-user.pdf": "pdf.password"}[f.name]
		if code != want {
			t.Errorf("%s: %q, expected %q", f.name, code, want)
		}
	}
	if r := judge(t, fixture(t, "updated.pdf")); r.Hints.Author != "C. Editor" {
		t.Errorf("author %q", r.Hints.Author)
	}
}

// TestEmptyPasswordRevisions encrypts with each revision that qpdf knows.
func TestEmptyPasswordRevisions(t *testing.T) {
	qpdf := need.Tool(t, "qpdf")
	for _, c := range []struct {
		bits    string
		options []string
	}{{"40", nil}, {"128", nil}, {"128", []string{"--use-aes=y"}}, {"128", []string{"--use-aes=y", "--cleartext-metadata"}},
		{"256", nil}, {"256", []string{"--force-R5"}}} {
		for _, user := range []string{"", "secret"} {
			out := filepath.Join(t.TempDir(), "x.pdf")
			args := append([]string{"--allow-weak-crypto", "--encrypt", user, "owner", c.bits}, c.options...)
			args = append(args, "--", "testdata/many.pdf", out)
			if msg, err := exec.Command(qpdf, args...).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", args, msg)
			}
			p, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			want := filetype.Consistent
			if user != "" {
				want = filetype.Encrypted
			}
			if r := judge(t, p); r.Verdict != want {
				t.Errorf("%v, password %q: %v, expected %v", c, user, r.Verdict, want)
			}
		}
	}
}

func TestContradictions(t *testing.T) {
	plain := fixture(t, "many-plain.pdf")
	change := func(old, new string) []byte { return bytes.Replace(plain, []byte(old), []byte(new), 1) }
	if len(plain) != len(change("/Kids", "/Kidz")) {
		t.Fatal("lengths differ")
	}
	place := bytes.LastIndex(plain, []byte("startxref"))
	startxref := bytes.Clone(plain)
	startxref[place+10] = '9'
	flate := bytes.Clone(fixture(t, "many.pdf"))
	flate[bytes.Index(flate, []byte("stream"))+40] ^= 0x20
	for _, c := range []struct {
		name, text string
		p          []byte
		at         int
	}{
		{"an object elsewhere", "object", change("\n5 0 obj", "\n5 1 obj"), bytes.Index(plain, []byte("\n5 0 obj")) + 1},
		{"no endstream", "endstream", change("endstream", "endstraem"), bytes.LastIndex(plain[:bytes.Index(plain, []byte("endstream"))], []byte("endobj")) + len("endobj")},
		{"no page tree", "", change("/Kids", "/Kidz"), -1},
		{"the end mark", "cross-reference", startxref, -1},
		{"packed data", "packed", flate, -1},
	} {
		r := judge(t, c.p)
		text := ""
		for _, f := range r.Findings {
			text += f.Text + "\n"
		}
		if r.Verdict != filetype.Damaged || !strings.Contains(text, c.text) || r.Size != int64(len(c.p)) {
			t.Errorf("%s: %v of %d: %v", c.name, r.Verdict, r.Size, r.Findings)
		}
		if c.at >= 0 && (r.GoodUntil < int64(c.at)-2 || r.GoodUntil > int64(c.at)+2) {
			t.Errorf("%s: good until %d, expected %d", c.name, r.GoodUntil, c.at)
		}
	}
}

// TestTwoFiles: on a medium another PDF may follow at once; it is not a change of the first.
func TestTwoFiles(t *testing.T) {
	a, b := fixture(t, "many.pdf"), fixture(t, "libre.pdf")
	if r := judge(t, append(bytes.Clone(a), b...)); r.Verdict != filetype.Consistent || r.Size != int64(len(a)) {
		t.Errorf("%v of %d, expected %d", r.Verdict, r.Size, len(a))
	}
}

// TestEmbedded: a PDF inside a stream of another does not end it.
func TestEmbedded(t *testing.T) {
	inner := fixture(t, "many-plain.pdf")
	var b bytes.Buffer
	var places []int
	b.WriteString("%PDF-1.4\n")
	put := func(format string, args ...any) {
		places = append(places, b.Len())
		fmt.Fprintf(&b, format, args...)
	}
	put("1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n")
	put("2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n")
	put("3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>\nendobj\n")
	put("4 0 obj\n<</Type/EmbeddedFile/Length %d>>\nstream\n%s\nendstream\nendobj\n", len(inner), inner)
	at := b.Len()
	b.WriteString("xref\n0 5\n0000000000 65535 f \n")
	for _, p := range places {
		fmt.Fprintf(&b, "%010d 00000 n \n", p)
	}
	fmt.Fprintf(&b, "trailer\n<</Size 5/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", at)
	if r := judge(t, b.Bytes()); r.Verdict != filetype.Consistent || r.Size != int64(b.Len()) {
		t.Errorf("%v of %d, expected %d: %v", r.Verdict, r.Size, b.Len(), r.Findings)
	}
}

// packedZeros returns size zeros as a zlib stream, of one piece of 1 MiB that is packed once and stands again and
// again: packing all of them takes longer than the test.
func packedZeros(size int) []byte {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	z.Write(make([]byte, 1<<20))
	z.Flush()
	head, piece := b.Bytes()[:2:2], bytes.Clone(b.Bytes()[2:])
	out := append(head, bytes.Repeat(piece, size>>20)...)
	out = append(out, 1, 0, 0, 0xFF, 0xFF) // the last block, which is empty
	return binary.BigEndian.AppendUint32(out, uint32(size%65521)<<16|1)
}

// bomb is a file whose one stream inflates to size bytes, and whose objects refer to each other in circles.
func bomb(size int) []byte {
	packed := packedZeros(size)
	var b bytes.Buffer
	var places []int
	b.WriteString("%PDF-1.4\n")
	for i, body := range []string{
		"<</Type/Catalog/Pages 2 0 R>>",
		"<</Type/Pages/Kids[2 0 R 2 0 R 1 0 R]/Count 3>>",
		"4 0 R", "3 0 R",
		strings.Repeat("[", 5000),
		fmt.Sprintf("<</Filter/FlateDecode/Length %d>>\nstream\n%s\nendstream", len(packed), packed),
	} {
		places = append(places, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, body)
	}
	at := b.Len()
	b.WriteString("xref\n0 7\n0000000000 65535 f \n")
	for _, p := range places {
		fmt.Fprintf(&b, "%010d 00000 n \n", p)
	}
	fmt.Fprintf(&b, "trailer\n<</Size 7/Root 1 0 R/Prev %d>>\nstartxref\n%d\n%%%%EOF\n", at-0, at)
	return b.Bytes()
}

func TestBomb(t *testing.T) {
	p := bomb(2 << 30)
	filetypetest.Bomb(t, Formats()[0], p, 10*time.Second, 32<<20)
	i := bytes.LastIndex(p, []byte("/Prev"))
	copy(p[i:], "/Xxxx")
	r := filetypetest.Bomb(t, Formats()[0], p, 15*time.Second, 32<<20)
	if r.Verdict != filetype.Damaged {
		t.Errorf("%v %v", r.Verdict, r.Findings)
	}
}

func TestRandomDamage(t *testing.T) {
	r := rand.New(rand.NewSource(5))
	for _, f := range fixtures {
		good := fixture(t, f.name)
		for range 60 {
			p := bytes.Clone(good)
			for range 1 + r.Intn(4) {
				i := r.Intn(len(p))
				r.Read(p[i:min(len(p), i+1+r.Intn(100))])
			}
			if rep, err := examine(context.Background(), block.Bytes(p)); err == nil {
				if err := filetypetest.Check(Formats()[0], block.Bytes(p), rep); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

func TestLexer(t *testing.T) {
	for in, want := range map[string]any{
		"12 ":                      int64(12),
		"-3.5 ":                    -3.5,
		"12 0 R ":                  ref{12, 0},
		"(a\\(b\\)\\101(c)) ":      "a(b)A(c)",
		"<48 65 6C6C6F> ":          "Hello",
		"/A#20B ":                  name("A B"),
		"true ":                    true,
		"null ":                    nil,
		"<< /A [1 2 0 R] >> ":      dict{"A": array{int64(1), ref{2, 0}}},
		"<</A/B/C<</D(x)>>>> ":     dict{"A": name("B"), "C": dict{"D": "x"}},
		"[ 1 2 3 ] % a comment\n ": array{int64(1), int64(2), int64(3)},
	} {
		got, err := (&lexer{b: []byte(in), last: true}).value(0)
		if err != nil || fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", want) {
			t.Errorf("%q: %#v %v, expected %#v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "<<", "(a", "[1 2", "<41", ">>", "]", "<< 1 2 >>", "<4x> "} {
		if v, err := (&lexer{b: []byte(in)}).value(0); err == nil {
			t.Errorf("%q: %#v", in, v)
		}
	}
}

func TestDates(t *testing.T) {
	want := time.Date(2024, 5, 6, 7, 8, 9, 0, time.FixedZone("", 2*3600))
	for _, s := range []string{"D:20240506070809+02'00'", "D:20240506070809+0200", "20240506050809Z"} {
		if got := date(s); !got.Equal(want) {
			t.Errorf("%s: %v", s, got)
		}
	}
	if !date("D:yesterday").IsZero() {
		t.Error("yesterday")
	}
}

func FuzzExamine(f *testing.F) {
	for _, x := range fixtures {
		f.Add(fixture(f, x.name))
	}
	f.Fuzz(func(t *testing.T, p []byte) { filetypetest.Fuzz(t, Formats()[0], p) })
}
