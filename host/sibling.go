package host

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrOutside says that a name leads out of the folder of a source.
var ErrOutside = errors.New("host: the name leads out of the folder of the source")

// HasSibling reports whether a regular file of that name lies in the folder of the source.
func (o *Opened) HasSibling(name string) bool {
	if o.Device || name == "" || !filepath.IsLocal(name) || filepath.Base(name) != name {
		return false
	}
	st, err := os.Stat(filepath.Join(filepath.Dir(o.Real), name))
	return err == nil && st.Mode().IsRegular() && st.Size() > 0
}

// Sibling opens a file that lies in the folder of the source, for reading: a further file of the same image. It
// belongs to the source from then on: it is closed with it, and [Opened.Changed] looks at it too.
//
// Names with a separator, "..", and links that lead out of the folder are [ErrOutside]; a file that is not there is
// [fs.ErrNotExist]. What is no regular file is refused.
func (o *Opened) Sibling(ctx context.Context, name string) (*Opened, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\\:\x00") || !filepath.IsLocal(name) {
		return nil, ErrOutside
	}
	if o.Device {
		return nil, fs.ErrNotExist
	}
	dir := filepath.Dir(o.Real)
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, openError(dir, err)
	}
	defer root.Close()
	st, err := root.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return nil, err
	case err != nil: // a link out of the folder
		return nil, errors.Join(ErrOutside, err)
	}
	path := filepath.Join(dir, name)
	if !st.Mode().IsRegular() {
		return nil, errors.Join(ErrOutside, kindError(path, st.Mode()))
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, openError(path, err)
	}
	s, err := open(ctx, f, path, OpenOptions{})
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if len(o.Files) == 0 {
		o.Files = []string{o.Real}
	}
	o.Files = append(o.Files, s.Real)
	o.beside = append(o.beside, s)
	return s, nil
}
