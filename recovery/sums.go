package recovery

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"strings"
)

// SumsName is the list of the hashes of all saved files, in the folder of the case.
const SumsName = "SHA256SUMS"

// sumsTemp is the list while it is written.
const sumsTemp = reservedPrefix + "-sums"

// savedFile is a row of what was saved.
type savedFile struct {
	id, path, sum string // sum is "" for what has no content of its own: folders and links
	size          int64
	kind          int
}

const savedFilesSQL = `SELECT id, saved_as, sha256, size, kind FROM entries WHERE saved_as > ? AND save = 1
	ORDER BY saved_as LIMIT ?`

// savedFiles yields all that was saved, by path.
func (c *Catalog) savedFiles(ctx context.Context) iter.Seq2[savedFile, error] {
	return func(yield func(savedFile, error) bool) {
		const size = 4096
		for after := ""; ; {
			var page []savedFile
			err := c.each(ctx, savedFilesSQL, []any{after, size}, func(row scanner) error {
				var f savedFile
				var sum []byte
				err := row.Scan(&f.id, &f.path, &sum, &f.size, &f.kind)
				f.sum = hex.EncodeToString(sum)
				page = append(page, f)
				return err
			})
			if err != nil {
				yield(savedFile{}, err)
				return
			}
			for _, f := range page {
				if !yield(f, nil) {
					return
				}
			}
			if len(page) < size {
				return
			}
			after = page[len(page)-1].path
		}
	}
}

// sumLine returns a line as sha256sum writes it: where the name holds a backslash or a line break, these
// are escaped and the line begins with a backslash.
func sumLine(sum, name string) string {
	if !strings.ContainsAny(name, "\\\n\r") {
		return sum + "  " + name + "\n"
	}
	return `\` + sum + "  " + strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`).Replace(name) + "\n"
}

// WriteSums writes SHA256SUMS for all that the catalogue says is saved, sorted by path, in the place of the
// one before. When nothing is saved there is no list, since sha256sum does not accept an empty one.
func WriteSums(ctx context.Context, c *Catalog, root *os.Root) error {
	f, err := root.OpenFile(sumsTemp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("recovery: %s: %w", SumsName, err)
	}
	w, lines := bufio.NewWriterSize(f, 64<<10), 0
	for saved, err := range c.savedFiles(ctx) {
		if err == nil && saved.sum != "" {
			lines++
			_, err = w.WriteString(sumLine(saved.sum, saved.path))
		}
		if err != nil {
			return errors.Join(fmt.Errorf("recovery: %s: %w", SumsName, err), f.Close(), root.Remove(sumsTemp))
		}
	}
	err = errors.Join(w.Flush(), f.Sync(), f.Close())
	switch {
	case err != nil:
	case lines > 0:
		err = root.Rename(sumsTemp, SumsName)
	default:
		err = root.Remove(sumsTemp)
		if rm := root.Remove(SumsName); !errors.Is(rm, fs.ErrNotExist) {
			err = errors.Join(err, rm)
		}
	}
	if err != nil {
		if rm := root.Remove(sumsTemp); !errors.Is(rm, fs.ErrNotExist) {
			err = errors.Join(err, rm)
		}
		return fmt.Errorf("recovery: %s: %w", SumsName, err)
	}
	return nil
}

// MappedName is an entry that is saved under another path than its own, because the target cannot hold
// that, or something else has it.
type MappedName struct {
	ID       string
	Original string // as the path would be in the case; hostile text
	Saved    string
}

// MappedNames yields the entries that are saved under another path than their own, by ID.
func (c *Catalog) MappedNames(ctx context.Context) iter.Seq2[MappedName, error] {
	return func(yield func(MappedName, error) bool) {
		for after := ""; ; {
			var page []MappedName
			err := c.each(ctx, "SELECT id, original, saved FROM mapped WHERE id > ? ORDER BY id LIMIT ?", []any{after, pageSize},
				func(row scanner) error {
					var m MappedName
					err := row.Scan(&m.ID, &m.Original, &m.Saved)
					page = append(page, m)
					return err
				})
			if err != nil {
				yield(MappedName{}, err)
				return
			}
			for _, m := range page {
				if !yield(m, nil) {
					return
				}
			}
			if len(page) < pageSize {
				return
			}
			after = page[len(page)-1].ID
		}
	}
}
