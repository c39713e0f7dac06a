//go:build linux

package rescue

import (
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"testing"

	"salvor/block"
	"salvor/casefile"
	"salvor/imaging"
)

// sum is a line of a log of reads.
func sum(offset, length int64, content string) imaging.Sum {
	s := imaging.Sum{Extent: block.Extent{Offset: offset, Length: length}, Bad: content == ""}
	if !s.Bad {
		s.Hash = sha256.Sum256([]byte(content))
	}
	return s
}

// Two readings of one place tell only where both are whole, of the same bytes, and differ.
func TestUnsteady(t *testing.T) {
	const mib = imaging.ChunkSize
	for _, c := range []struct {
		name string
		sums []imaging.Sum
		at   int64 // -1 where nothing changes
	}{
		{"once", []imaging.Sum{sum(0, mib, "a"), sum(mib, mib, "b")}, -1},
		{"twice the same", []imaging.Sum{sum(0, mib, "a"), sum(mib, mib, "b"), sum(0, mib, "a")}, -1},
		{"twice another", []imaging.Sum{sum(0, mib, "a"), sum(mib, mib, "b"), sum(mib, mib, "c")}, mib},
		{"backwards", []imaging.Sum{sum(mib, mib, "b"), sum(0, mib, "a"), sum(mib, mib, "c")}, mib},
		{"unreadable at first", []imaging.Sum{sum(0, mib, ""), sum(0, mib, "a")}, -1},
		{"unreadable between", []imaging.Sum{sum(0, mib, "a"), sum(0, mib, ""), sum(0, mib, "b")}, 0},
		{"a part, then all", []imaging.Sum{sum(0, 4096, "a"), sum(0, mib, "b")}, -1},
		{"thrice", []imaging.Sum{sum(0, mib, "a"), sum(0, mib, "a"), sum(0, mib, "b")}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b strings.Builder
			must(t, imaging.AppendSums(&b, c.sums, true))
			b.WriteString("0x0000 cut off\n")
			at, err := unsteady(t.Context(), func() io.Reader { return strings.NewReader(b.String()) })
			must(t, err)
			if c.at < 0 != (at.Length == 0) || c.at >= 0 && at.Offset != c.at {
				t.Errorf("%v", at)
			}
		})
	}
	broken := errors.New("the case cannot be read")
	if _, err := unsteady(t.Context(), func() io.Reader { return failingReader{broken} }); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

// A case whose storage gave other bytes when it was read again says so.
func TestWhyReread(t *testing.T) {
	u := newEMMC(t, 6)
	u.withLogs(t, map[string][]byte{"a.txt": []byte("a file of the user\n")})
	dir := u.cased(t)
	if w := whyOf(t, WhyOptions{Inputs: []WhyInput{{Name: dir}}}); w.value("fault.reread") != "" {
		t.Fatalf("read once: %q", w.value("fault.reread"))
	}
	k, err := casefile.Open(dir, casefile.Writer, casefile.Options{Program: "salvor test"})
	must(t, err)
	must(t, k.AppendSums(1, func(w io.Writer, first bool) error {
		return imaging.AppendSums(w, []imaging.Sum{sum(0, 4096, "first"), sum(0, 4096, "second")}, first)
	}))
	must(t, k.Close())
	w := whyOf(t, WhyOptions{Inputs: []WhyInput{{Name: dir}}})
	if w.value("fault.reread") != "changes" || w.Cause.Class() != "storage" || w.has("retry") {
		t.Errorf("%q, %s, steps %+v", w.value("fault.reread"), w.Cause, w.Plan.Steps)
	}
}
