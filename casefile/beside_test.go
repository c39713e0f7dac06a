package casefile

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"salvor/host"
)

// A journal beside an image is a chain as that of a case is, and goes on over runs and torn ends.
func TestJournalBeside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "card.img.journal.jsonl")
	for run := range 3 {
		j, err := OpenJournal(path)
		must(t, err)
		must(t, j.Append("copy.begin", map[string]any{"run": run}))
		must(t, j.Append("copy.end", nil))
		must(t, j.Close())
		if err := j.Append("late", nil); err == nil {
			t.Error("a journal that was closed takes an act")
		}
	}
	// One writer at a time.
	first, err := OpenJournal(path)
	must(t, err)
	var refused *host.RefusedError
	if _, err := OpenJournal(path); !errors.As(err, &refused) || refused.Exit != host.ExitRefused {
		t.Errorf("a second writer: %v", err)
	}
	must(t, first.Close())
	s, err := VerifyJournalFile(path)
	if err != nil || s.Acts != 6 || s.Torn != 0 {
		t.Fatalf("%+v, %v", s, err)
	}
	b, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, b[:len(b)-7], 0o600))
	j, err := OpenJournal(path)
	must(t, err)
	if len(j.Notes()) != 1 {
		t.Errorf("notes: %v", j.Notes())
	}
	must(t, j.Close())
	if torn, err := filepath.Glob(filepath.Join(filepath.Dir(path), "card.img.journal.torn-*")); err != nil || len(torn) != 1 {
		t.Errorf("the torn end: %v, %v", torn, err)
	}
	must(t, os.WriteFile(path, bytes.Replace(b, []byte(`"run":1`), []byte(`"run":9`), 1), 0o600))
	if _, err := VerifyJournalFile(path); err == nil {
		t.Error("a change is not noticed")
	}
	if _, err := OpenJournal(filepath.Join(path, "no folder", "j")); err == nil {
		t.Error("a journal where there is no folder")
	}
}
