package casefile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"salvor/host"
)

// OpenJournal opens a journal that stands by itself, beside an image, for adding to it, and makes it when it is not
// there yet. Where another run has it open, that is a [*host.RefusedError], as far as the file system knows locks;
// [Journal.Notes] says what was found out about it.
func OpenJournal(path string) (*Journal, error) {
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("casefile: %w", err)
	}
	defer root.Close()
	guard, err := root.OpenFile(filepath.Base(path), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("casefile: %w", err)
	}
	_, held, err := host.LockFile(guard)
	if err == nil && held {
		err = &host.RefusedError{Exit: host.ExitRefused, Code: "casefile.journal.locked",
			Why: fmt.Sprintf("Another run writes to %s at this moment.", path), Next: "Wait until it ends, or end it, then run the same command."}
	}
	var j *Journal
	if err == nil {
		j, err = openJournal(root, filepath.Base(path), time.Now)
	}
	if err != nil {
		return nil, errors.Join(err, guard.Close())
	}
	j.guard = guard
	return j, nil
}

// VerifyJournalFile checks a journal that stands by itself as [VerifyJournal] does.
func VerifyJournalFile(path string) (JournalState, error) {
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return JournalState{}, fmt.Errorf("casefile: %w", err)
	}
	defer root.Close()
	return verifyJournalFile(root, filepath.Base(path))
}

// Notes returns what was found out about the journal as it was opened.
func (j *Journal) Notes() []Note { return j.notes }

// Close ends the work on a journal that [OpenJournal] opened.
func (j *Journal) Close() error { return errors.Join(j.close(), j.guard.Close()) }
