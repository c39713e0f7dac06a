package casefile

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func definition(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "docs", "schema.json"))
	must(t, err)
	s, err := jsonschema.NewCompiler().Compile(path + "#/$defs/" + name)
	must(t, err)
	return s
}

func valid(t *testing.T, s *jsonschema.Schema, b []byte) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	must(t, err)
	if err := s.Validate(v); err != nil {
		t.Errorf("%v\n%.400s", err, b)
	}
}

func journalCase(t *testing.T, acts int) (dir string, lines [][]byte) {
	t.Helper()
	dir = t.TempDir()
	c := open(t, dir)
	_, err := c.AddSource(identity(), false)
	must(t, err)
	for i := range acts {
		must(t, c.Append("step.done", map[string]any{"step": i, "words": "größer\n\u202e"}))
	}
	must(t, c.Close())
	return dir, bytes.SplitAfter(bytes.TrimSuffix(read(t, dir, journalName), []byte("\n")), []byte("\n"))
}

func TestJournalAndRecordFitTheSchema(t *testing.T) {
	dir, lines := journalCase(t, 3)
	act := definition(t, "act")
	for _, l := range lines {
		valid(t, act, l)
	}
	if len(lines) != 5 {
		t.Errorf("%d lines", len(lines))
	}
	valid(t, definition(t, "case"), read(t, dir, recordName))
}

func verify(t *testing.T, dir string) (JournalState, error) {
	t.Helper()
	root, err := os.OpenRoot(dir)
	must(t, err)
	defer root.Close()
	return VerifyJournal(root)
}

func TestTamperingIsFound(t *testing.T) {
	_, lines := journalCase(t, 8)
	whole := append(bytes.Join(lines, nil), '\n')
	swap := append([][]byte(nil), lines...)
	swap[3], swap[4] = swap[4], swap[3]
	for _, c := range []struct {
		name string
		b    []byte
		line int64
	}{
		{"a byte of line 3", bytes.Replace(whole, []byte(`"step":0`), []byte(`"step":7`), 1), 4},
		{"line 3 gone", append(bytes.Join(append(append([][]byte(nil), lines[:2]...), lines[3:]...), nil), '\n'), 3},
		{"first line gone", append(bytes.Join(lines[1:], nil), '\n'), 1},
		{"lines swapped", append(bytes.Join(swap, nil), '\n'), 4},
		{"an empty line", bytes.Replace(whole, []byte("\n"), []byte("\n\n"), 1), 2},
		{"a line twice", append(append(append([]byte(nil), lines[0]...), lines[0]...), whole[len(lines[0]):]...), 2},
		{"another field", bytes.Replace(whole, []byte(`"act":"case.create"`), []byte(`"act":"case.create","x":1`), 1), 1},
		{"text behind the last", append(append([]byte(nil), whole...), "hello\n"...), 11},
	} {
		dir := t.TempDir()
		must(t, os.WriteFile(filepath.Join(dir, journalName), c.b, 0o600))
		_, err := verify(t, dir)
		var j *JournalError
		if !errors.As(err, &j) || j.Line != c.line || !strings.Contains(err.Error(), fmt.Sprintf("line %d", c.line)) {
			t.Errorf("%s: %v, want line %d", c.name, err, c.line)
		}
	}
}

// Any changed byte is found, unless it is in the last line, which no hash covers yet, or makes the end torn.
func TestEveryChangedByteIsFound(t *testing.T) {
	_, lines := journalCase(t, 4)
	whole := append(bytes.Join(lines, nil), '\n')
	covered := len(whole) - len(lines[len(lines)-1]) - 1
	rnd := rand.New(rand.NewPCG(7, 7))
	for range 400 {
		b := append([]byte(nil), whole...)
		at := rnd.IntN(covered)
		b[at] ^= byte(1 + rnd.IntN(255))
		if s, err := verifyJournal(bytes.NewReader(b)); err == nil {
			t.Fatalf("byte %d changed from %q to %q unnoticed: %+v", at, whole[at], b[at], s)
		}
	}
}

func TestBrokenChainIsToldAndWorkGoesOn(t *testing.T) {
	dir, lines := journalCase(t, 3)
	b := bytes.Replace(append(bytes.Join(lines, nil), '\n'), []byte("ACME"), []byte("EMCA"), 1)
	must(t, os.WriteFile(filepath.Join(dir, journalName), b, 0o600))
	c := open(t, dir)
	if n := c.Notes(); len(n) != 1 || n[0].Code != "casefile.journal.broken" || !strings.Contains(n[0].Text, "line 3") {
		t.Errorf("notes %+v", n)
	}
	_, err := c.VerifyJournal()
	var j *JournalError
	if !errors.As(err, &j) || j.Line != 3 {
		t.Errorf("%v", err)
	}
	acts, err := c.Journal(0)
	must(t, err)
	if acts[5].Act != "journal.broken" || acts[6].Act != "case.open" {
		t.Errorf("%+v", acts[5:])
	}
	if first, err := c.Journal(2); err != nil || len(first) != 2 {
		t.Errorf("%d acts, %v", len(first), err)
	}
	if !bytes.HasPrefix(read(t, dir, journalName), b) {
		t.Error("what was there was changed")
	}
}

// A loss of power at any byte of the last line leaves a journal that goes on, and the piece as evidence.
func TestTornLineIsKept(t *testing.T) {
	_, lines := journalCase(t, 2)
	whole := append(bytes.Join(lines, nil), '\n')
	last := lines[len(lines)-1]
	head := whole[:len(whole)-len(last)-1]
	for cut := 1; cut <= len(last); cut += 7 {
		for _, piece := range [][]byte{last[:cut], make([]byte, cut)} {
			dir := t.TempDir()
			c := open(t, dir)
			must(t, c.Close())
			must(t, os.WriteFile(filepath.Join(dir, journalName), append(append([]byte(nil), head...), piece...), 0o600))
			if s, err := verify(t, dir); err != nil || s.Torn != int64(cut) || s.Acts != int64(len(lines)-1) {
				t.Fatalf("cut at %d: %+v, %v", cut, s, err)
			}
			c = open(t, dir)
			n := c.Notes()
			if len(n) != 1 || n[0].Code != "casefile.journal.torn" {
				t.Fatalf("notes %+v", n)
			}
			if kept := read(t, dir, n[0].Args["file"]); !bytes.Equal(kept, piece) {
				t.Errorf("kept %q, want %q", kept, piece)
			}
			if s, err := c.VerifyJournal(); err != nil || s.Torn != 0 {
				t.Errorf("afterwards: %+v, %v", s, err)
			}
			must(t, c.Close())
			if c := open(t, dir); len(c.Notes()) != 0 {
				t.Errorf("told twice: %+v", c.Notes())
			} else {
				must(t, c.Close())
			}
		}
	}
}

func TestJournalRefusesWhatDoesNotFit(t *testing.T) {
	c := open(t, t.TempDir())
	if c.Append("big", map[string]any{"x": strings.Repeat("y", maxLine)}) == nil {
		t.Error("an endless line")
	}
	if c.Append("odd", map[string]any{"x": func() {}}) == nil {
		t.Error("a function")
	}
	must(t, c.Append("fine", nil))
	if s, err := c.VerifyJournal(); err != nil || s.Acts != 2 {
		t.Errorf("%+v, %v", s, err)
	}
	j := c.journal
	must(t, c.Close())
	if j.Append("late", nil) == nil {
		t.Error("added after the end")
	}
}

func TestOverlongLineOfOthers(t *testing.T) {
	b := append(bytes.Repeat([]byte("x"), maxLine+100_000), '\n')
	_, err := verifyJournal(bytes.NewReader(b))
	var j *JournalError
	if !errors.As(err, &j) || j.Line != 1 {
		t.Errorf("%v", err)
	}
}

func FuzzJournal(f *testing.F) {
	f.Add([]byte(`{"v":1,"n":1,"time":"2026-11-21T10:00:00Z","act":"case.create","prev":"` + firstPrev + `"}` + "\n"))
	f.Add([]byte("{}\n\n\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := verifyJournal(bytes.NewReader(b))
		if err == nil && s.Size+s.Torn != int64(len(b)) {
			t.Errorf("%+v of %d bytes", s, len(b))
		}
	})
}

// Whatever stands in the journal, work goes on behind it, what was there is kept, and the chain is whole
// from there.
func TestDamagedJournals(t *testing.T) {
	_, lines := journalCase(t, 4)
	whole := append(bytes.Join(lines, nil), '\n')
	rnd := rand.New(rand.NewPCG(3, 3))
	for i := range 60 {
		b := append([]byte(nil), whole...)
		for range 1 + rnd.IntN(4) {
			at := rnd.IntN(len(b))
			n := min(1+rnd.IntN(200), len(b)-at)
			switch rnd.IntN(3) {
			case 0:
				clear(b[at : at+n])
			case 1:
				b = append(b[:at], b[at+n:]...)
			default:
				for j := range b[at : at+n] {
					b[at+j] = byte(rnd.Uint32())
				}
			}
			if len(b) == 0 {
				break
			}
		}
		before, err := verifyJournal(bytes.NewReader(b))
		dir := t.TempDir()
		must(t, os.WriteFile(filepath.Join(dir, journalName), b, 0o600))
		root, rerr := os.OpenRoot(dir)
		must(t, rerr)
		j, jerr := openJournal(root, journalName, clock)
		must(t, jerr)
		must(t, j.Append("x", nil))
		must(t, j.close())
		after, aerr := VerifyJournal(root)
		if (aerr == nil) != (err == nil) || after.Torn != 0 || after.Acts <= before.Acts {
			t.Errorf("%d: before %+v, %v; after %+v, %v", i, before, err, after, aerr)
		}
		if now := read(t, dir, journalName); !bytes.HasPrefix(now, b[:before.Size]) {
			t.Errorf("%d: what was there was changed", i)
		}
		must(t, root.Close())
	}
}
