package casefile

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"salvor/host"
)

// Holder is what the file lock says: who writes to the case.
type Holder struct {
	PID     int       `json:"pid"`
	Host    string    `json:"host"`
	Boot    string    `json:"boot,omitempty"`    // of the computer's start, where the system tells
	Process string    `json:"process,omitempty"` // when the process began, as the system counts
	Start   time.Time `json:"start"`
	Program string    `json:"program"`
	Nonce   string    `json:"nonce"` // tells two takers of a stale lock apart
}

// LockedError says that another writer works in the case.
type LockedError struct {
	Dir    string
	Holder Holder // zero where the lock does not say
	// Elsewhere says that the lock is of another computer, of which this one cannot see whether it works.
	Elsewhere bool
}

func (e *LockedError) Error() string { return e.Refused().Error() }

// Unwrap makes the error a [*host.RefusedError] too.
func (e *LockedError) Unwrap() error { return e.Refused() }

// Refused returns the refusal, of exit code 40.
func (e *LockedError) Refused() *host.RefusedError {
	who := "another program"
	if e.Holder.PID != 0 {
		who = fmt.Sprintf("process %d on %s, since %s,", e.Holder.PID, e.Holder.Host, e.Holder.Start.Format(time.DateTime))
	}
	r := &host.RefusedError{Exit: host.ExitRefused, Code: "casefile.locked",
		Why:  fmt.Sprintf("%s is in use: %s writes to it.", e.Dir, who),
		Next: "Wait until that ends, or end it; then run the same command."}
	if e.Elsewhere {
		r.Next = "If nothing works in the case on that computer any more, delete the file named lock in the case, then run the same command."
	}
	return r
}

// lock is the lock that this process holds.
type lock struct {
	root   *os.Root
	f      *os.File
	holder Holder
	stale  *Holder // whose lock was taken over
}

const (
	maxLock  = 64 << 10 // bytes
	lockTrys = 20
	// settle is how long a taker of a stale lock waits, where the file system has no locks of its own,
	// before it looks whether another one took it at the same time.
	settle = 150 * time.Millisecond
)

// systemLocker takes the file system's own lock of a file, until it is closed. locked is false where there is
// none; held says that another process has it.
type systemLocker func(f *os.File) (locked, held bool, err error)

// acquire takes the lock of the case. The file system's own lock is held as long as the process lives, where
// there is one; what the file says decides where there is none, and against other computers.
func acquire(root *os.Root, dir string, o Options, system systemLocker) (*lock, error) {
	me := self(o)
	for range lockTrys {
		l, again, err := try(root, dir, me, system)
		if !again {
			return l, err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil, &LockedError{Dir: dir}
}

func self(o Options) Holder {
	return Holder{PID: os.Getpid(), Host: hostName(), Boot: bootID(), Process: processStart(os.Getpid()),
		Start: o.Now().UTC().Truncate(time.Second), Program: o.Program, Nonce: rand.Text()}
}

func hostName() string {
	n, err := os.Hostname()
	if err != nil {
		return ""
	}
	return n
}

// try makes one attempt; again says that the lock changed hands meanwhile.
func try(root *os.Root, dir string, me Holder, system systemLocker) (_ *lock, again bool, err error) {
	f, err := root.OpenFile(lockName, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		if errors.Is(err, fs.ErrPermission) && isWindows { // the holder is just removing it
			return nil, true, nil
		}
		return nil, false, fmt.Errorf("casefile: lock: %w", err)
	}
	keep := false
	defer func() {
		if !keep {
			err = errors.Join(err, f.Close())
		}
	}()
	locked, held, err := system(f)
	if err != nil {
		return nil, false, fmt.Errorf("casefile: lock: %w", err)
	}
	there, known := readHolder(f)
	if held {
		return nil, false, &LockedError{Dir: dir, Holder: there}
	}
	if gone, err := replaced(root, f); gone || err != nil {
		return nil, gone, err
	}
	l := &lock{root: root, f: f, holder: me}
	if known {
		switch works, elsewhere := there.works(me); {
		case works:
			return nil, false, &LockedError{Dir: dir, Holder: there, Elsewhere: elsewhere}
		default:
			l.stale = &there
		}
	}
	if err := l.write(); err != nil {
		return nil, false, err
	}
	if !locked {
		time.Sleep(settle)
		now, err := root.ReadFile(lockName)
		if err != nil || !holds(now, me.Nonce) {
			return nil, true, nil
		}
	}
	keep = true
	return l, false, nil
}

func holds(b []byte, nonce string) bool {
	var h Holder
	return json.Unmarshal(b, &h) == nil && h.Nonce == nonce
}

// replaced reports whether the lock file was removed, or made anew, since f was opened.
func replaced(root *os.Root, f *os.File) (bool, error) {
	mine, err := f.Stat()
	if err != nil {
		return false, fmt.Errorf("casefile: lock: %w", err)
	}
	there, err := root.Stat(lockName)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("casefile: lock: %w", err)
	}
	return !os.SameFile(mine, there), nil
}

// readHolder reads who holds the lock. A lock that was cut while it was written says nothing.
func readHolder(f *os.File) (Holder, bool) {
	b, err := io.ReadAll(io.NewSectionReader(f, 0, maxLock))
	if err != nil {
		return Holder{}, false
	}
	var h Holder
	if json.Unmarshal(b, &h) != nil || h.PID <= 0 {
		return Holder{}, false
	}
	return h, true
}

// works reports whether the holder may still be at work, as far as this computer can see.
func (h Holder) works(me Holder) (works, elsewhere bool) {
	switch {
	case h.Host != me.Host:
		return true, true
	case h.Boot != "" && me.Boot != "" && h.Boot != me.Boot:
		return false, false // the computer was started since
	case !processLives(h.PID), processDefunct(h.PID):
		return false, false
	}
	// The number may have gone to another process.
	if now := processStart(h.PID); h.Process != "" && now != "" && now != h.Process {
		return false, false
	}
	return true, false
}

func (l *lock) write() error {
	b, err := json.Marshal(l.holder)
	if err != nil {
		return fmt.Errorf("casefile: lock: %w", err)
	}
	b = append(b, '\n')
	if err := l.f.Truncate(0); err != nil {
		return fmt.Errorf("casefile: lock: %w", err)
	}
	if _, err := l.f.WriteAt(b, 0); err != nil {
		return fmt.Errorf("casefile: lock: %w", err)
	}
	if err := l.f.Sync(); err != nil {
		return fmt.Errorf("casefile: lock: %w", err)
	}
	return nil
}

// release removes the lock, unless it has become someone else's.
func (l *lock) release() error {
	b, err := l.root.ReadFile(lockName)
	mine := err == nil && holds(b, l.holder.Nonce)
	if isWindows { // which removes no open file
		err := l.f.Close()
		if mine {
			err = errors.Join(err, l.root.Remove(lockName))
		}
		return err
	}
	err = nil
	if mine {
		err = l.root.Remove(lockName)
	}
	return errors.Join(err, l.f.Close())
}
