package all_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
)

// isThere is how a person is told what is there of a file that is cut.
var isThere = regexp.MustCompile(`(upper|lower) \d+ %|rows of the picture|plays 0:00–|\d+ of \d+ [a-z ]+|before that are whole|so far are whole|the first \d+|bytes of content can be unpacked|the version before it|the database|pages are there|it does not tell how long`)

// Each file that is cut says what of it is there, and each one that breaks says at which byte, what was expected there, and what was
// found.
func TestReasons(t *testing.T) {
	tb := table(t)
	names, err := filepath.Glob("../*/testdata/*")
	if err != nil {
		t.Fatal(err)
	}
	cut, broken := map[string]int{}, map[string]int{}
	for _, name := range names {
		fi, err := os.Stat(name)
		if err != nil || fi.IsDir() || strings.HasSuffix(name, ".md") || fi.Size() > 200<<10 || strings.Contains(name, "bomb") {
			continue
		}
		var data []byte
		for _, data = range filetypetest.Load(t, os.DirFS(filepath.Dir(name)), filepath.Base(name)) {
		}
		if strings.Contains(name, "/gzip/") {
			data = filetypetest.Named(t, os.DirFS(filepath.Dir(name)), filepath.Base(name))[0]
		}
		whole, r, err := tb.Identify(t.Context(), block.Bytes(data), "")
		if err != nil || whole == nil || r.Verdict < filetype.Consistent || r.Size < 512 {
			continue
		}
		for _, n := range []int64{r.Size * 2 / 5, r.Size * 4 / 5, r.Size - 3} {
			r, err := whole.Examine(t.Context(), block.Bytes(data[:n]))
			if err != nil || r.Verdict != filetype.Partial {
				continue // another end is possible there
			}
			cut[whole.Name]++
			if text := words(r); !isThere.MatchString(text) {
				t.Errorf("%s, %d of %d bytes: nothing says what is there: %s", name, n, len(data), text)
			}
			if r.Missing.Empty() {
				t.Errorf("%s, %d of %d bytes: nothing is missing", name, n, len(data))
			}
		}
		for _, at := range []int64{r.Size / 3, r.Size * 2 / 3} {
			bad := bytes.Clone(data)
			for i := range min(300, r.Size-at) {
				bad[at+i] ^= byte(0x5A + i*7)
			}
			r, err := whole.Examine(t.Context(), block.Bytes(bad))
			if err != nil || r.Verdict != filetype.Damaged {
				continue
			}
			broken[whole.Name]++
			said := false
			for _, f := range r.Findings {
				said = said || f.Offset >= 0 && f.Expected != "" && f.Found != "" || strings.Contains(f.Text, "text breaks") || f.Offset >= 0 && strings.Contains(f.Text, "break") && strings.Contains(f.Text, "(") || strings.Contains(f.Code, "sqlite.")
			}
			if !said {
				t.Errorf("%s, other bytes at %d: nothing says where, what was expected and what was found: %s", name, at, words(r))
			}
		}
	}
	t.Logf("cut: %v, broken: %v", cut, broken)
	if len(cut) < 45 || len(broken) < 25 {
		t.Errorf("%d formats were cut, %d were broken", len(cut), len(broken))
	}
}

func words(r filetype.Report) string {
	var list []string
	for _, f := range r.Findings {
		list = append(list, f.String())
	}
	return strings.Join(list, "; ")
}
