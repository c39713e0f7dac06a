package sqlite

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
		t.Error(err)
	}
	return r
}

func codes(r filetype.Report) (list []string) {
	for _, f := range r.Findings {
		list = append(list, f.Code)
	}
	return list
}

// TestAgreesWithIntegrityCheck compares with SQLite's own check on databases with one wrong bit in what
// is structure: what SQLite finds wrong must be seen here.
func TestAgreesWithIntegrityCheck(t *testing.T) {
	sqlite3 := need.Tool(t, "sqlite3")
	rounds := 150
	if testing.Short() {
		rounds = 20
	}
	good := fixture(t, "p1024.db")
	r := rand.New(rand.NewSource(1))
	dir := t.TempDir()
	missed, stricter, both := 0, 0, 0
	for range rounds {
		p := bytes.Clone(good)
		page := r.Intn(len(p) / 1024)
		at := page*1024 + r.Intn(40) // headers and cell pointers
		if page == 0 {
			at += headerSize
		}
		p[at] ^= 1 << r.Intn(8)
		name := filepath.Join(dir, "x.db")
		if err := os.WriteFile(name, p, 0o600); err != nil {
			t.Fatal(err)
		}
		out, _ := exec.Command(sqlite3, "-readonly", name, "pragma integrity_check;").CombinedOutput()
		theirs := strings.TrimSpace(string(out)) != "ok"
		ours := judge(t, p).Verdict == filetype.Damaged
		switch {
		case theirs && !ours:
			// Only the order and the pairing of indices with rows, and types of columns, are SQLite's alone.
			if !strings.Contains(string(out), "index") && !strings.Contains(string(out), "constraint") && !strings.Contains(string(out), "NUMERIC") {
				t.Errorf("bit in byte %d: SQLite says %s", at, out)
			}
			missed++
		case ours && !theirs:
			stricter++
		case ours:
			both++
		}
	}
	t.Logf("%d seen by both, %d by SQLite only, %d here only", both, missed, stricter)
	if both == 0 {
		t.Error("nothing was seen by both")
	}
}

func TestPagesOfOneDatabase(t *testing.T) {
	good := fixture(t, "p1024.db")
	set := func(at int, b ...byte) []byte {
		p := bytes.Clone(good)
		copy(p[at:], b)
		return p
	}
	for _, c := range []struct {
		name string
		p    []byte
		at   int64 // of the contradiction
		text string
	}{
		{"page type", set(1024, 7), 1024, "type"},
		{"count of free pages", set(39, 99), 36, "free pages"},
		{"freelist loop", set(32, 0, 0, 0, 2), 0, "not used yet"},
		{"text encoding", set(59, 7), 56, "encoding"},
		{"a page number too large", set(32, 0xFF, 0xFF, 0xFF, 0xFF), 0, "page number"},
	} {
		r := judge(t, c.p)
		if r.Verdict != filetype.Damaged || r.GoodUntil != c.at || r.Size != int64(len(good)) {
			t.Errorf("%s: %v, good until %d of %d: %v", c.name, r.Verdict, r.GoodUntil, r.Size, r.Findings)
		}
		if !slices.ContainsFunc(codes(r), func(s string) bool { return strings.HasPrefix(s, "sqlite.") }) ||
			!strings.Contains(r.Findings[len(r.Findings)-1].Text+r.Findings[0].Text+r.Findings[1].Text, c.text) {
			t.Errorf("%s: %v", c.name, r.Findings)
		}
	}
}

func TestOldHeaderWithoutCount(t *testing.T) {
	p := bytes.Clone(fixture(t, "p1024.db"))
	binary.BigEndian.PutUint32(p[92:], 0) // as written by a version that does not keep the count
	r := judge(t, append(p, bytes.Repeat([]byte{0xAA}, 5000)...))
	if r.Verdict != filetype.Consistent || r.Size != int64(len(p)) {
		t.Errorf("%v of %d, expected %d: %v", r.Verdict, r.Size, len(p), r.Findings)
	}
}

func TestWriteAheadIsTold(t *testing.T) {
	if r := judge(t, fixture(t, "wal.db")); !slices.Contains(codes(r), "sqlite.wal") {
		t.Error(r.Findings)
	}
}

func TestCutNamesPages(t *testing.T) {
	p := fixture(t, "p1024.db")
	r := judge(t, p[:20*1024])
	if r.Verdict != filetype.Partial || r.GoodUntil != 20*1024 || r.Size != int64(len(p)) ||
		!strings.HasPrefix(r.Findings[0].Text, "20 of 60 pages") {
		t.Errorf("%v, good until %d of %d: %v", r.Verdict, r.GoodUntil, r.Size, r.Findings)
	}
}

// TestRandomDamage overwrites random stretches: no panic, no hang, and other pages are still walked.
func TestRandomDamage(t *testing.T) {
	r := rand.New(rand.NewSource(4))
	for _, f := range fixtures {
		good := fixture(t, f.name)
		for range 150 {
			p := bytes.Clone(good)
			for range 1 + r.Intn(4) {
				at := r.Intn(len(p))
				r.Read(p[at:min(len(p), at+1+r.Intn(200))])
			}
			if rep, err := examine(context.Background(), block.Bytes(p)); err == nil {
				if err := filetypetest.Check(Formats()[0], block.Bytes(p), rep); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

// TestHostileHeader: a header that claims 2^32 pages of a large medium costs little.
func TestHostileHeader(t *testing.T) {
	p := bytes.Clone(fixture(t, "empty-schema.db"))
	copy(p[28:], []byte{0xFF, 0xFF, 0xFF, 0xFF})
	big := append(p, make([]byte, 64<<20)...)
	r := filetypetest.Bomb(t, Formats()[0], big, 5*time.Second, 16<<20)
	if r.Verdict == filetype.Consistent {
		t.Errorf("%v", r.Verdict)
	}
}

func TestVarint(t *testing.T) {
	for _, c := range []struct {
		b []byte
		v uint64
		n int
	}{
		{[]byte{0x7F}, 127, 1},
		{[]byte{0x81, 0x00}, 128, 2},
		{[]byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, 1<<64 - 1, 9},
		{[]byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, 0, 0},
		{[]byte{0x80}, 0, 0},
		{nil, 0, 0},
	} {
		if v, n := varint(c.b); v != c.v || n != c.n {
			t.Errorf("% x: %d in %d bytes, expected %d in %d", c.b, v, n, c.v, c.n)
		}
	}
}

func FuzzExamine(f *testing.F) {
	for _, x := range fixtures {
		if p := fixture(f, x.name); len(p) < 70_000 {
			f.Add(p)
		}
	}
	f.Fuzz(func(t *testing.T, p []byte) { filetypetest.Fuzz(t, Formats()[0], p) })
}
