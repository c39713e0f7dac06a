package ui

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"salvor/host"
)

// turn is who goes on with what was not ended, of the programs of one user that run at the same time: the one that began first.
// Another one would do the same work beside it, and write into the same folders.
type turn struct {
	file *os.File // its lock is held as long as the program runs; nil where nothing is kept, or another one has it
	ours bool
}

// takeTurn asks for it, for the folder of what is kept. Where the file system has no locks it is always given.
func takeTurn(dir string) (turn, error) {
	if dir == "" {
		return turn{ours: true}, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return turn{}, err
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return turn{}, err
	}
	_, held, err := host.LockFile(f)
	if err != nil || held {
		return turn{}, errors.Join(err, f.Close())
	}
	return turn{file: f, ours: true}, nil
}

func (t turn) end() error {
	if t.file == nil {
		return nil
	}
	return t.file.Close()
}

// busySaving reports whether something else is being saved into the folder of a saving now: by a job of this program, or maybe
// by another program, which keeps it.
func (s *Server) busySaving(k keptSaving) bool {
	if j := s.jobs.doing("save", k.key(), k.To); j != nil {
		return j.what != words(k.Query)
	}
	if s.turn.ours || s.savings.dir == "" {
		return false
	}
	_, err := os.Stat(filepath.Join(s.savings.dir, k.name()))
	return !errors.Is(err, fs.ErrNotExist)
}
