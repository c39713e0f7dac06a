package filesystemtest

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/filesystem"
)

// Truth is what is known of one file of an image. Fields that are left empty are not checked.
type Truth struct {
	// Path is escaped as [filesystem.File.Path] is; "" is the root directory.
	Path string `json:"path"`
	// State is "" for a live file, else a text of [filesystem.State].
	State string `json:"state,omitempty"`
	// Type is "file", "dir", "link", "fifo", "socket", "char" or "block".
	Type string `json:"type"`
	// Size is in bytes; checked for files.
	Size int64 `json:"size"`
	// SHA256 of the content, in hexadecimal; "" is not checked.
	SHA256 string `json:"sha256,omitempty"`
	// Mode holds the permissions with set-uid, set-gid and sticky as `stat -c %a` prints them.
	Mode string `json:"mode,omitempty"`
	// Modified is in RFC 3339. When it ends on a whole second, only seconds are compared.
	Modified string            `json:"mtime,omitempty"`
	UID      *uint32           `json:"uid,omitempty"`
	GID      *uint32           `json:"gid,omitempty"`
	Target   string            `json:"target,omitempty"`
	Xattrs   map[string]string `json:"xattrs,omitempty"` // values in hexadecimal
}

func (w *Truth) state() string {
	if w.State == "" {
		return filesystem.Live.String()
	}
	return w.State
}

// ReadTruth reads a JSON array of truths.
func ReadTruth(r io.Reader) ([]Truth, error) {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	var out []Truth
	if err := d.Decode(&out); err != nil {
		return nil, fmt.Errorf("filesystemtest: truth: %w", err)
	}
	return out, nil
}

// TruthFile reads a JSON array of truths from a file, or ends the test.
func TruthFile(t testing.TB, fsys fs.FS, name string) []Truth {
	t.Helper()
	f, err := fsys.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	truth, err := ReadTruth(f)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return truth
}

// Image reads an image, gzip-compressed when its name ends in ".gz", into memory, or ends the test.
func Image(t testing.TB, fsys fs.FS, name string) block.Source {
	t.Helper()
	f, err := fsys.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := io.Reader(f)
	if strings.HasSuffix(name, ".gz") {
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		r = z
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return block.Bytes(b)
}

// typeOf names the type of a file as [Truth.Type] does.
func typeOf(m fs.FileMode) string {
	switch m.Type() {
	case 0:
		return "file"
	case fs.ModeDir:
		return "dir"
	case fs.ModeSymlink:
		return "link"
	case fs.ModeNamedPipe:
		return "fifo"
	case fs.ModeSocket:
		return "socket"
	case fs.ModeDevice | fs.ModeCharDevice:
		return "char"
	case fs.ModeDevice:
		return "block"
	}
	return m.Type().String()
}

// octal prints permissions as `stat -c %a` does.
func octal(m fs.FileMode) string {
	n := uint32(m.Perm())
	for bit, v := range map[fs.FileMode]uint32{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if m&bit != 0 {
			n |= v
		}
	}
	return fmt.Sprintf("%o", n)
}

// hashOf reads the content of f to its end.
func hashOf(fsys filesystem.FileSystem, f *filesystem.File) (string, error) {
	src, err := fsys.Open(f, "")
	if err != nil {
		return "", err
	}
	h := sha256.New()
	n, err := io.Copy(h, block.Reader(src))
	if err != nil {
		return "", fmt.Errorf("after %d bytes: %w", n, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// list is all that a walk yields.
type list struct {
	files  []*filesystem.File
	errs   []error
	byPath map[string][]*filesystem.File // state and path, joined by [key]
}

func key(state, path string) string { return state + "\x00" + path }

func (l *list) find(w *Truth) *filesystem.File {
	if found := l.byPath[key(w.state(), w.Path)]; len(found) > 0 {
		return found[0]
	}
	return nil
}

// errTooMany ends a walk that yields more than any image of a test can hold.
var errTooMany = errors.New("filesystemtest: the walk does not end")

// collect walks over all of fsys within limit.
func collect(ctx context.Context, fsys filesystem.FileSystem, limit time.Duration) (*list, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	l := &list{byPath: map[string][]*filesystem.File{}}
	for f, err := range fsys.Files(ctx) {
		if len(l.files)+len(l.errs) > 1_000_000 {
			return l, errTooMany
		}
		if err != nil {
			l.errs = append(l.errs, err)
			continue
		}
		l.files = append(l.files, f)
		k := key(f.State.String(), f.Path)
		l.byPath[k] = append(l.byPath[k], f)
	}
	if err := ctx.Err(); err != nil {
		return l, fmt.Errorf("the walk took longer than %v: %w", limit, err)
	}
	return l, nil
}
