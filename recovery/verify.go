package recovery

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
)

// maxListed bounds each list of a [VerifyResult]; its counts are not bounded.
const maxListed = 10_000

// Mismatch is a saved file whose content is not what was saved.
type Mismatch struct {
	Path            string
	Expected, Found string // SHA-256, or what stands there in words
}

// VerifyResult says what stands in the trees of a case. Lists are cut at 10000; the counts are not.
type VerifyResult struct {
	Checked Count // files whose content is what was saved
	Bad     []Mismatch
	Missing []string // saved, and not there any more
	Extra   []string // there, and not saved by this program

	BadCount, MissingCount, ExtraCount int64
}

// Whole reports whether all that was saved stands as it was saved.
func (r VerifyResult) Whole() bool { return r.BadCount == 0 && r.MissingCount == 0 }

// Verify reads every saved file again and compares its hash with the catalogue's. Errors are those of ctx
// and of the catalogue; a file that cannot be read is Bad.
func Verify(ctx context.Context, c *Catalog, root *os.Root, progress func(SaveProgress)) (VerifyResult, error) {
	var r VerifyResult
	s := &saver{SaveOptions: SaveOptions{Root: root}, buf: make([]byte, 1<<20)}
	summary, err := c.Summary(ctx, Query{Save: []SaveState{Saved}})
	if err != nil {
		return r, err
	}
	total := summary.Total(nil)
	s.progress.TotalFiles, s.progress.TotalBytes = total.Files, total.Bytes
	s.Progress = progress
	for f, err := range c.savedFiles(ctx) {
		if err != nil {
			return r, err
		}
		if err := ctx.Err(); err != nil {
			return r, err
		}
		s.progress.Current = f.path
		expected, found, err := s.verifyOne(ctx, f)
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		switch {
		case errors.Is(err, fs.ErrNotExist):
			r.MissingCount++
			if len(r.Missing) < maxListed {
				r.Missing = append(r.Missing, f.path)
			}
		case err != nil || expected != found:
			if err != nil {
				found = err.Error()
			}
			r.BadCount++
			if len(r.Bad) < maxListed {
				r.Bad = append(r.Bad, Mismatch{Path: f.path, Expected: expected, Found: found})
			}
		case f.kind != kindDir:
			r.Checked.add(Count{Files: 1, Bytes: f.size})
		}
		if f.kind != kindDir {
			s.progress.Files++
			s.progress.Bytes += f.size
		}
		s.tell()
	}
	return r, s.extra(ctx, c, &r)
}

// verifyOne returns what should stand at the path of f and what does.
func (s *saver) verifyOne(ctx context.Context, f savedFile) (expected, found string, err error) {
	info, err := s.Root.Lstat(f.path)
	if err != nil {
		return "", "", err
	}
	switch {
	case f.kind == kindDir:
		return "a folder", typeName(info.Mode(), "a folder", info.IsDir()), nil
	case f.sum == "":
		return "a link", typeName(info.Mode(), "a link", info.Mode().Type() == fs.ModeSymlink), nil
	case !info.Mode().IsRegular():
		return f.sum, info.Mode().Type().String(), nil
	}
	found, err = s.hashFile(ctx, f.path)
	return f.sum, found, err
}

func typeName(m fs.FileMode, name string, is bool) string {
	if is {
		return name
	}
	return m.Type().String()
}

// extra lists the files in the trees of the case that the catalogue does not know.
func (s *saver) extra(ctx context.Context, c *Catalog, r *VerifyResult) error {
	for _, top := range append([]string{"partial"}, drawers...) {
		err := fs.WalkDir(s.Root.FS(), top, func(p string, d fs.DirEntry, err error) error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil || d.IsDir() {
				return nil // a tree that is not there, or what was Bad or Missing above
			}
			known := false
			err = c.each(ctx, `SELECT 1 FROM entries WHERE saved_as = ?1 AND save = 1 UNION ALL
				SELECT 1 FROM taken WHERE saved = ?1 AND owner LIKE 'sidecar %' AND ?2`, []any{p, strings.HasSuffix(p, missingSuffix)},
				func(scanner) error { known = true; return nil })
			if err != nil {
				return err
			}
			if !known {
				r.ExtraCount++
				if len(r.Extra) < maxListed {
					r.Extra = append(r.Extra, path.Clean(p))
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("recovery: verifying: %w", err)
		}
	}
	return nil
}
