package casefile

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"salvor/finding"
)

// Act is one line of the journal.
type Act struct {
	V      int             `json:"v"`
	N      int64           `json:"n"` // from 1
	Time   time.Time       `json:"time"`
	Act    string          `json:"act"` // dotted: "source.add"
	Fields json.RawMessage `json:"fields,omitempty"`
	Prev   string          `json:"prev"` // SHA-256 of the line before, in hex
}

// maxLine bounds a line of the journal, in bytes.
const maxLine = 4 << 20

// firstPrev is what stands before the first line.
var firstPrev = strings.Repeat("0", 2*sha256.Size)

// JournalState is what a whole journal says of itself.
type JournalState struct {
	Acts int64  // number of lines
	Last string // SHA-256 of the last line, in hex; of none, 64 zeros
	Size int64  // bytes up to the end of the last whole line
	Torn int64  // bytes behind it: a line that was cut
}

// JournalError says at which line the chain of the journal is broken.
type JournalError struct {
	Line            int64 // from 1
	Expected, Found string
}

func (e *JournalError) Error() string {
	return fmt.Sprintf("casefile: journal: line %d: %s, expected %s: the journal was changed", e.Line, e.Found, e.Expected)
}

// Note is something that was found out about the journal as work began.
type Note struct{ finding.Finding }

var (
	torn = &finding.Def{Code: "casefile.journal.torn", Severity: finding.Info,
		Text: "The last line of the journal was cut, as by a loss of power. It is kept as {file}."}
	broken = &finding.Def{Code: "casefile.journal.broken", Severity: finding.Warning,
		Text: "The journal was changed by something else: line {line} has {found}, expected {expected}. It proves nothing from there on."}
)

// Findings are the findings that this package raises.
var Findings = []*finding.Def{torn, broken}

// Journal is the chain of custody, open for adding to it.
type Journal struct {
	mu    sync.Mutex
	f     *os.File
	name  string
	now   func() time.Time
	n     int64
	last  string
	size  int64
	err   error
	notes []Note
	guard *os.File // holds the lock of a journal that stands by itself
}

// VerifyJournal checks every line of the journal in root: the hash of the line before, the number, the
// form. The first that does not fit is a [*JournalError]; the state then counts up to the line before it. A
// line at the end that has no line break was cut, which is no error. The removal of whole lines at the end
// leaves no trace in the journal itself: only an older report knows their hash.
func VerifyJournal(root *os.Root) (JournalState, error) { return verifyJournalFile(root, journalName) }

func verifyJournalFile(root *os.Root, name string) (JournalState, error) {
	f, err := root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return JournalState{Last: firstPrev}, nil
	}
	if err != nil {
		return JournalState{}, fmt.Errorf("casefile: %w", err)
	}
	defer f.Close()
	return verifyJournal(f)
}

func verifyJournal(r io.Reader) (JournalState, error) {
	s := JournalState{Last: firstPrev}
	var first error
	b := bufio.NewReaderSize(r, 64<<10)
	for {
		line, whole, err := readLine(b)
		if err != nil && !errors.Is(err, io.EOF) {
			var j *JournalError
			if errors.As(err, &j) {
				j.Line = s.Acts + 1
			}
			return s, errors.Join(first, err)
		}
		if !whole {
			s.Torn = int64(len(line))
			return s, first
		}
		if first == nil {
			if err := checkLine(line, s); err != nil {
				first = err
			}
		}
		sum := sha256.Sum256(line)
		s.Acts++
		s.Last = hex.EncodeToString(sum[:])
		s.Size += int64(len(line)) + 1
	}
}

// readLine returns the next line without its break; whole is false for what stands behind the last one.
func readLine(b *bufio.Reader) (line []byte, whole bool, err error) {
	for {
		part, err := b.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			return line[:len(line)-1], true, nil
		case len(line) > maxLine:
			return nil, false, &JournalError{Expected: fmt.Sprintf("at most %d bytes", maxLine), Found: "more"}
		case errors.Is(err, bufio.ErrBufferFull):
		default:
			return line, false, err
		}
	}
}

// checkLine checks the line that follows the state s.
func checkLine(line []byte, s JournalState) error {
	bad := func(expected, found any) error {
		return &JournalError{Line: s.Acts + 1, Expected: fmt.Sprint(expected), Found: fmt.Sprint(found)}
	}
	var a Act
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil || d.More() {
		return bad("an act", "no such object")
	}
	switch {
	case a.Prev != s.Last:
		return bad("hash "+s.Last, "hash "+a.Prev)
	case a.N != s.Acts+1:
		return bad(fmt.Sprintf("number %d", s.Acts+1), fmt.Sprintf("number %d", a.N))
	case a.V != 1 || a.Act == "" || a.Time.IsZero():
		return bad("an act of version 1 with a time", fmt.Sprintf("version %d, act %q", a.V, a.Act))
	}
	return nil
}

// openJournal opens the journal for adding to it. A torn end is put aside; a broken chain is noted, and the
// chain goes on behind it: the work on a case does not stop for it, and the break stays visible.
func openJournal(root *os.Root, name string, now func() time.Time) (*Journal, error) {
	s, verr := verifyJournalFile(root, name)
	var bad *JournalError
	if verr != nil && !errors.As(verr, &bad) {
		return nil, verr
	}
	f, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("casefile: %w", err)
	}
	j := &Journal{f: f, name: name, now: now, n: s.Acts, last: s.Last, size: s.Size}
	if err := j.repair(root, s, bad); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return j, nil
}

func (j *Journal) repair(root *os.Root, s JournalState, bad *JournalError) error {
	st, err := j.f.Stat()
	if err != nil {
		return fmt.Errorf("casefile: journal: %w", err)
	}
	if rest := st.Size() - s.Size; rest > 0 {
		name, sum, err := j.putAside(root, s.Size, rest)
		if err != nil {
			return err
		}
		j.notes = append(j.notes, Note{torn.New(finding.Arg("file", name))})
		if err := j.Append("journal.torn", map[string]any{"file": name, "bytes": rest, "sha256": sum}); err != nil {
			return err
		}
	}
	if bad != nil {
		j.notes = append(j.notes, Note{broken.New(finding.Arg("line", bad.Line), finding.Expected(bad.Expected, bad.Found))})
		return j.Append("journal.broken", map[string]any{"line": bad.Line, "expected": bad.Expected, "found": bad.Found})
	}
	return nil
}

// putAside copies the torn end into a file of its own and only then cuts it off. Its name comes from its
// content, so that doing it again after another loss of power changes nothing.
func (j *Journal) putAside(root *os.Root, from, n int64) (name, sum string, err error) {
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(j.f, from, n)); err != nil {
		return "", "", fmt.Errorf("casefile: journal: %w", err)
	}
	sum = hex.EncodeToString(h.Sum(nil))
	name = strings.TrimSuffix(j.name, ".jsonl") + ".torn-" + sum[:16]
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return "", "", fmt.Errorf("casefile: journal: %w", err)
	}
	_, err = io.Copy(f, io.NewSectionReader(j.f, from, n))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = j.f.Truncate(from)
	}
	if err == nil {
		err = j.f.Sync()
	}
	if err != nil {
		return "", "", fmt.Errorf("casefile: journal: %w", err)
	}
	return name, sum, nil
}

// Append adds an act. When it returns nil the line is on disk. After a failure that leaves unknown what the
// journal holds, it takes no more.
func (j *Journal) Append(act string, fields map[string]any) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return j.err
	}
	a := Act{V: 1, N: j.n + 1, Time: j.now().UTC(), Act: act, Prev: j.last}
	if len(fields) > 0 {
		b, err := json.Marshal(fields)
		if err != nil {
			return fmt.Errorf("casefile: journal: %s: %w", act, err)
		}
		a.Fields = b
	}
	line, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("casefile: journal: %s: %w", act, err)
	}
	if len(line) > maxLine {
		return fmt.Errorf("casefile: journal: %s: a line of %d bytes, at most %d", act, len(line), maxLine)
	}
	if _, err = j.f.WriteAt(append(line, '\n'), j.size); err != nil {
		// Whatever part of the line stands there goes again, so that a full disk leaves no torn end and the
		// next act may still find room.
		cut := j.f.Truncate(j.size)
		err = fmt.Errorf("casefile: journal: %w", errors.Join(err, cut))
		if cut != nil {
			j.err = err
		}
		return err
	}
	if err := j.f.Sync(); err != nil {
		j.err = fmt.Errorf("casefile: journal: %w", err)
		return j.err
	}
	sum := sha256.Sum256(line)
	j.n, j.last, j.size = j.n+1, hex.EncodeToString(sum[:]), j.size+int64(len(line))+1
	return nil
}

func (j *Journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err == nil {
		j.err = fmt.Errorf("casefile: journal: %w", os.ErrClosed)
	}
	return j.f.Close()
}

// Journal yields the acts of the journal in order, up to limit of them; 0 is all. Lines that are no acts
// are left out: [Case.VerifyJournal] names them.
func (c *Case) Journal(limit int) (out []Act, err error) {
	err = c.EachAct(func(a Act) bool {
		out = append(out, a)
		return limit <= 0 || len(out) < limit
	})
	return out, err
}

// EachAct tells fn the acts of the journal in order, as [Case.Journal] does, until it returns false.
func (c *Case) EachAct(fn func(Act) bool) error {
	f, err := c.root.Open(journalName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("casefile: %w", err)
	}
	defer f.Close()
	b := bufio.NewReaderSize(f, 64<<10)
	for {
		line, whole, err := readLine(b)
		if !whole || err != nil {
			return nil // the end, or what VerifyJournal tells
		}
		var a Act
		if json.Unmarshal(line, &a) == nil && !fn(a) {
			return nil
		}
	}
}
