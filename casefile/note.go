package casefile

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"salvor/host"
)

const (
	notesDir = "notes"
	actNote  = "note.add"
	// maxNoteName is the most characters of the name of a note, in bytes.
	maxNoteName = 100
	maxNotes    = 100_000
)

// CaseNote is a file that a person added to the case: a photo of a screen, a log, a text.
type CaseNote struct {
	Name   string    `json:"name"`    // its own name
	Path   string    `json:"path"`    // in the case
	Size   int64     `json:"size"`    // bytes
	SHA256 string    `json:"sha256"`  // hex
	Words  string    `json:"comment"` // what the person said of it; may be empty
	Time   time.Time `json:"-"`       // when it was added
}

// AddNote copies what r gives into the case under notes/, and notes it with its hash in the journal. name is hostile
// text.
func (c *Case) AddNote(name, words string, r io.Reader) (note CaseNote, err error) {
	if c.mode != Writer {
		return note, ErrReadOnly
	}
	if err := c.root.Mkdir(notesDir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return note, fmt.Errorf("casefile: %w", err)
	}
	f, p, err := c.newNote(name)
	if err != nil {
		return note, err
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, h), r)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return note, fmt.Errorf("casefile: %s: %w", p, errors.Join(err, c.root.Remove(p)))
	}
	if err := host.SyncDir(filepath.Join(c.dir, notesDir)); err != nil {
		return note, err
	}
	note = CaseNote{Name: name, Path: p, Size: n, SHA256: hex.EncodeToString(h.Sum(nil)), Words: words}
	return note, c.Append(actNote, map[string]any{"name": name, "path": p, "size": n, "sha256": note.SHA256, "comment": words})
}

// newNote makes a file for a note: a number that no other has, and a name that every file system takes.
func (c *Case) newNote(name string) (*os.File, string, error) {
	d, err := c.root.Open(notesDir)
	if err != nil {
		return nil, "", fmt.Errorf("casefile: %w", err)
	}
	names, err := d.Readdirnames(maxNotes)
	if err = errors.Join(ignoreEOF(err), d.Close()); err != nil {
		return nil, "", fmt.Errorf("casefile: %w", err)
	}
	number := 0
	for _, other := range names {
		var n int
		if _, err := fmt.Sscanf(other, "%d-", &n); err == nil && n > number && n < maxNotes {
			number = n
		}
	}
	for range 1000 {
		number++
		p := path.Join(notesDir, fmt.Sprintf("%03d-%s", number, noteName(name)))
		f, err := c.root.OpenFile(p, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err == nil {
			return f, p, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, "", fmt.Errorf("casefile: %w", err)
		}
	}
	return nil, "", fmt.Errorf("casefile: no free name for a note under %s", notesDir)
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// noteName keeps of a name what every file system takes.
func noteName(name string) string {
	var b strings.Builder
	for _, r := range filepath.Base(filepath.ToSlash(name)) {
		if b.Len() >= maxNoteName {
			break
		}
		if r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._-", r)) {
			b.WriteRune(r)
		} else {
			b.WriteByte('_')
		}
	}
	return strings.TrimRight(b.String(), ".") // no file system of Windows keeps dots at the end
}

// CaseNotes returns the notes of the case, as the journal has them, in order.
func (c *Case) CaseNotes() ([]CaseNote, error) {
	acts, err := c.Journal(0)
	if err != nil {
		return nil, err
	}
	var out []CaseNote
	for _, a := range acts {
		var n CaseNote
		if a.Act == actNote && json.Unmarshal(a.Fields, &n) == nil {
			n.Time = a.Time
			out = append(out, n)
		}
	}
	return out, nil
}

// CheckNote returns the hash of a note as it stands there now.
func (c *Case) CheckNote(n CaseNote) (string, error) {
	f, err := c.root.Open(n.Path)
	if err != nil {
		return "", fmt.Errorf("casefile: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("casefile: %s: %w", n.Path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
