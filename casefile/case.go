package casefile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"salvor/host"
)

// Mode says what a case is opened for.
type Mode uint8

const (
	// Writer may change the case; there is one at a time.
	Writer Mode = iota
	// Reader looks, also while a writer works.
	Reader
)

// Options describe who opens a case.
type Options struct {
	Program string // name and version, for the record
	// MaxFile is the size in bytes of the largest file that the target takes: copies that are larger are kept in
	// parts. 0 knows no limit.
	MaxFile int64
	Now     func() time.Time // nil is [time.Now]
}

// Case is an open case folder. It is safe for concurrent use.
type Case struct {
	dir     string
	root    *os.Root
	mode    Mode
	o       Options
	lock    *lock
	journal *Journal
	created bool
	once    sync.Once

	mu     sync.Mutex
	record Record
}

// ErrReadOnly is the answer to a change of a case that was opened for reading.
var ErrReadOnly = errors.New("casefile: the case is open for reading only")

// Open opens the case in dir. For a writer, a folder that is not there or is empty is made into a case.
//
// Errors: a [*host.RefusedError] when dir holds something that is no case (exit code 40), when there is no
// case to read (2), and, as a [*LockedError] (40), when another writer works in it; else what the system
// said.
func Open(dir string, mode Mode, o Options) (_ *Case, err error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("casefile: %w", err)
	}
	c := &Case{dir: abs, mode: mode, o: o}
	if err := c.checkFolder(); err != nil {
		return nil, err
	}
	if c.root, err = os.OpenRoot(abs); err != nil {
		return nil, fmt.Errorf("casefile: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	if mode == Reader {
		c.record, err = readRecord(c.root)
		return c, err
	}
	if c.lock, err = acquire(c.root, abs, o, host.LockFile); err != nil {
		return c, err
	}
	return c, c.begin()
}

// begin is what a writer does first, with the lock held.
func (c *Case) begin() error {
	r, err := readRecord(c.root)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.created = true
		c.record = newRecord(c.o.Program, c.o.Now())
		if err := c.save(); err != nil {
			return err
		}
	case err != nil:
		return err
	default:
		c.record = r
	}
	if c.journal, err = openJournal(c.root, journalName, c.o.Now); err != nil {
		return err
	}
	act := "case.open"
	if c.created {
		act = "case.create"
	}
	fields := map[string]any{"program": c.o.Program, "pid": os.Getpid(), "host": hostName()}
	if c.lock.stale != nil {
		fields["stale_lock"] = c.lock.stale
	}
	return c.journal.Append(act, fields)
}

// Close ends the work in the case and gives the lock back. Acts that are appended meanwhile come to their end
// or fail.
func (c *Case) Close() error {
	if c == nil {
		return nil
	}
	var errs []error
	c.once.Do(func() {
		if c.journal != nil {
			errs = append(errs, c.journal.close())
		}
		if c.lock != nil {
			errs = append(errs, c.lock.release())
		}
		if c.root != nil {
			errs = append(errs, c.root.Close())
		}
	})
	return errors.Join(errs...)
}

// strangers are what a system puts into a folder by itself: they do not make it less empty.
var strangers = []string{"lost+found", "system volume information", "$recycle.bin", ".trash", ".trashes", ".spotlight-v100",
	".fseventsd", ".ds_store", "desktop.ini", "thumbs.db", ".temporaryitems", ".apdisk"}

// ours are the names that a case has before its case.json stands.
var ours = []string{lockName, recordName, recordName + ".new"}

func stranger(name string) bool {
	low := strings.ToLower(name)
	return slices.Contains(strangers, low) || strings.HasPrefix(low, ".trash-") || strings.HasPrefix(low, "._")
}

// checkFolder makes sure that dir is a case, or for a writer may become one.
func (c *Case) checkFolder() error {
	st, err := os.Stat(c.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if c.mode == Reader {
			return noCase(c.dir, "There is no folder "+c.dir+".")
		}
		if err := os.MkdirAll(c.dir, 0o755); err != nil {
			return fmt.Errorf("casefile: %w", err)
		}
		return nil
	case err != nil:
		return fmt.Errorf("casefile: %w", err)
	case !st.IsDir():
		return &host.RefusedError{Exit: host.ExitUsage, Code: "casefile.nofolder", Why: c.dir + " is not a folder.",
			Next: "Name a folder for the case; a new or empty one is made into a case."}
	}
	names, err := firstNames(c.dir)
	if err != nil {
		return fmt.Errorf("casefile: %w", err)
	}
	root, err := os.OpenRoot(c.dir)
	if err != nil {
		return fmt.Errorf("casefile: %w", err)
	}
	defer root.Close()
	// Before the lock is taken, so that nothing is written into a folder whose case.json is someone else's.
	switch _, err := readRecord(root); {
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if c.mode == Reader {
		return noCase(c.dir, c.dir+" is not a case: it has no "+recordName+".")
	}
	for _, n := range names {
		if !stranger(n) && !slices.Contains(ours, n) {
			return &host.RefusedError{Exit: host.ExitRefused, Code: "casefile.notempty",
				Why:  fmt.Sprintf("%s is not a case and not empty: it holds %q.", c.dir, n),
				Next: "Name a new or empty folder, so that nothing in it can be overwritten."}
		}
	}
	return nil
}

func noCase(_, why string) error {
	return &host.RefusedError{Exit: host.ExitUsage, Code: "casefile.nocase", Why: why,
		Next: "salvor rescue SOURCE --to CASE makes one."}
}

// firstNames returns the names in dir, up to a number that is enough to know that it is not empty; the
// names of a case are looked up by themselves, so that they are never missed.
func firstNames(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := d.Readdirnames(256)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	for _, n := range ours {
		if _, err := os.Lstat(filepath.Join(dir, n)); err == nil && !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names, nil
}

// Dir returns the absolute path of the case.
func (c *Case) Dir() string { return c.dir }

// Root returns the case folder; what is opened through it cannot leave it.
func (c *Case) Root() *os.Root { return c.root }

// Created reports whether this Open made the case.
func (c *Case) Created() bool { return c.created }

// Append adds an act to the journal and makes it last.
func (c *Case) Append(act string, fields map[string]any) error {
	if c.journal == nil {
		return ErrReadOnly
	}
	return c.journal.Append(act, fields)
}

// Notes returns what [Open] found out about the journal: a torn line that was put aside, a broken chain.
func (c *Case) Notes() []Note {
	if c.journal == nil {
		return nil
	}
	return slices.Clone(c.journal.notes)
}

// VerifyJournal reads the journal and checks its chain.
func (c *Case) VerifyJournal() (JournalState, error) { return VerifyJournal(c.root) }
