package recovery

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"strings"
)

// Saving to a folder that is not the case keeps no record: what stands there is the record. A folder with
// the right name is used, whoever made it; a file with the right name is left when it has the same content,
// and never replaced when it has not.

// folderHere finds or makes the folder for e, or that for what is in e when self is set.
func (s *saver) folderHere(e *Entry, self bool) (string, error) {
	folders, name := s.namer.folders(e)
	if self {
		folders = append(folders, name)
	}
	if s.here == nil || len(s.here) >= maxMade {
		s.here = map[string]string{}
	}
	parent, top, owner := tree(e), "", tree(e)
	if err := s.makeFolder(parent); err != nil {
		return "", err
	}
	for _, name := range folders {
		owner += "/" + name
		p, ok := s.here[owner]
		if !ok {
			var err error
			if p, err = s.stepHere(owner, top, parent, name); err != nil {
				return "", err
			}
			s.here[owner] = p
		}
		if top == "" {
			top = p
		}
		parent = p
	}
	return parent, nil
}

func (s *saver) stepHere(owner, top, parent, name string) (string, error) {
	limit := s.namer.room(parent, 0)
	safe := safeName(name, &s.Target, limit)
	if top != "" && len(parent)+1+len(safe) > s.namer.maxFolder() {
		parent, safe = top, "deep-"+shortHash(owner)
	}
	for i := 1; i <= maxSameName; i++ {
		p := parent + "/" + numbered(safe, i, limit)
		err := s.Root.Mkdir(p, 0o755)
		if err == nil {
			return p, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", err
		}
		if info, err := s.Root.Lstat(p); err == nil && info.IsDir() {
			return p, nil
		}
	}
	return "", errNoName
}

// standHere gives the written content of j a name that nothing else has, or drops it when the same file
// already stands there.
func (s *saver) standHere(ctx context.Context, j *job) error {
	parent, err := s.folderHere(j.e, j.e.IsDir())
	if err != nil {
		return err
	}
	if j.e.IsDir() {
		j.path = parent
		return nil
	}
	if j.e.Mode.Type() == fs.ModeSymlink {
		j.e.SHA256 = ""
		if err := s.writeLink(j, parent); err != nil {
			return err
		}
	}
	_, name := s.namer.folders(j.e)
	if j.e.Mode.Type() == fs.ModeSymlink && j.e.SHA256 != "" {
		name += linkSuffix
	}
	suffix := sidecar(j.e)
	limit := s.namer.room(parent, len(suffix))
	safe := safeName(name, &s.Target, limit)
	for i := 1; i <= maxSameName; i++ {
		p := parent + "/" + numbered(safe, i, limit)
		switch same, err := s.same(ctx, p, j.e); {
		case errors.Is(err, fs.ErrNotExist):
			if suffix != "" {
				if _, err := s.Root.Lstat(p + suffix); !errors.Is(err, fs.ErrNotExist) {
					continue
				}
				if err := s.writeText(p+suffix, missingText(j.e)); err != nil {
					return err
				}
			}
			j.path = p
			return s.Root.Rename(j.temp, p)
		case err != nil:
			return err
		case same:
			j.path, j.already = p, true
			return s.Root.Remove(j.temp)
		}
	}
	return errNoName
}

// stands reports whether a file whose hash is known stands there already, so that it need not be written to be compared:
// going on takes no room for what is saved.
func (s *saver) stands(ctx context.Context, j *job) bool {
	if !j.e.Mode.IsRegular() || j.e.SHA256 == "" || sidecar(j.e) != "" {
		return false
	}
	parent, err := s.folderHere(j.e, false)
	if err != nil {
		return false // writing it tells why
	}
	_, name := s.namer.folders(j.e)
	limit := s.namer.room(parent, 0)
	safe := safeName(name, &s.Target, limit)
	for i := 1; i <= maxSameName; i++ {
		p := parent + "/" + numbered(safe, i, limit)
		same, err := s.same(ctx, p, j.e)
		if err != nil {
			return false
		}
		if same {
			j.path, j.already, j.state = p, true, Saved
			s.progress.Bytes += j.e.Size
			return true
		}
	}
	return false
}

// foldersElsewhere gives the folders that were made or used their times and permissions, which saving files in them
// changed. Folders that stood there before with files of someone else's in them are among them only when they have the
// name and the place of one of the device.
func (s *saver) foldersElsewhere(ctx context.Context) error {
	q := Query{IncludeDirs: true, Sources: s.Query.Sources, Volumes: s.Query.Volumes, kinds: []int{kindDir}}
	for e, err := range s.c.Select(ctx, q) {
		if err != nil {
			return err
		}
		folders, name := s.namer.folders(e)
		rest := "/" + strings.Join(append(folders, name), "/")
		for _, top := range []string{e.Drawer(), "partial/" + e.Drawer()} {
			if p, ok := s.here[top+rest]; ok {
				if err := s.dress(p, e); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// same reports whether what stands at p is what e is saved as.
func (s *saver) same(ctx context.Context, p string, e *Entry) (bool, error) {
	info, err := s.Root.Lstat(p)
	if err != nil {
		return false, err
	}
	if e.SHA256 == "" {
		if info.Mode().Type() != fs.ModeSymlink {
			return false, nil
		}
		target, err := s.Root.Readlink(p)
		return target == e.Target, err
	}
	size := e.Size
	if e.Mode.Type() == fs.ModeSymlink {
		size = int64(len(e.Target))
	}
	if !info.Mode().IsRegular() || info.Size() != size {
		return false, nil
	}
	sum, err := s.hashFile(ctx, p)
	return sum == e.SHA256, err
}

func (s *saver) hashFile(ctx context.Context, p string) (string, error) {
	f, err := s.Root.Open(p)
	if err != nil {
		return "", err
	}
	defer f.Close()
	forget(f) // what is compared is what the disk holds
	h := sha256.New()
	if _, err := io.CopyBuffer(onlyWriter{h}, stoppableReader{ctx, f}, s.buf); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// stoppableReader ends with its context. It and onlyWriter hide what would make io.Copy use a buffer of its own.
type (
	stoppableReader struct {
		ctx context.Context
		r   io.Reader
	}
	onlyWriter struct{ io.Writer }
)

func (r stoppableReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

func hashText(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
