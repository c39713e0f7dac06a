package casefile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// OpenJournal opens a journal that stands by itself, beside an image, for adding to it, and makes it when it is not
// there yet. It is for one writer at a time; [Journal.Notes] says what was found out about it.
func OpenJournal(path string) (*Journal, error) {
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("casefile: %w", err)
	}
	j, err := openJournal(root, filepath.Base(path), time.Now)
	if e := root.Close(); e != nil {
		err = errors.Join(err, e)
	}
	return j, err
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
func (j *Journal) Close() error { return j.close() }
