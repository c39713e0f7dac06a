package recovery

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// Folder says which folder of a volume is listed, and from where on.
type Folder struct {
	Source, Volume int
	Path           string   // "" is the root
	Drawers        []string // only entries of these; all when empty
	// After is where to go on: Position of the child behind which the last page ended.
	After Position
	Limit int // most children to return, from 1
}

// Position is the place of a child among those of its folder. The zero value is before the first.
type Position struct {
	Path string
	Seq  int64
}

// Child is what stands in a folder: an entry, or a folder of which only something inside is known.
type Child struct {
	Name     string
	Path     string
	Entry    *Entry // nil for a folder that has no entry among those asked for
	Position Position
}

// IsDir reports whether the child is a folder.
func (c *Child) IsDir() bool { return c.Entry == nil || c.Entry.IsDir() }

// childPage is how many rows are read at once: folders end a page, since what is inside of them is passed over.
const childPage = 64

// Children returns what stands in a folder itself, in order of the names' bytes. What stands deeper is passed over, so
// that a listing costs as much as it shows, however large the volume is. More says that there are further ones.
func (c *Catalog) Children(ctx context.Context, f Folder) (list []Child, more bool, err error) {
	where, args := "source = ? AND volume = ?", []any{f.Source, f.Volume}
	if len(f.Drawers) > 0 {
		n := numbers(drawers, f.Drawers)
		where += " AND +drawer IN (" + strings.Trim(strings.Join(strings.Fields(fmt.Sprint(n)), ","), "[]") + ")"
	}
	inside := ""
	at := Position{"", 1 << 62} // behind the root itself
	scope := where
	if p := strings.Trim(f.Path, "/"); p != "" {
		inside = p + "/"
		at = Position{inside, -1}
		scope, args = where+" AND path < ?", append(args, p+"0") // '0' follows '/'
	}
	if f.After.Path > at.Path || f.After.Path == at.Path && f.After.Seq > at.Seq {
		at = f.After
	}
	for {
		page, seqs, err := c.childPage(ctx, scope, args, at)
		if err != nil {
			return nil, false, err
		}
		for i, e := range page {
			at = Position{e.Path, seqs[i]}
			name, _, deeper := strings.Cut(strings.TrimPrefix(e.Path, inside), "/")
			if !deeper {
				if len(list) == f.Limit {
					return list, true, nil
				}
				list = append(list, Child{Name: name, Path: e.Path, Entry: e, Position: at})
				continue
			}
			folder := inside + name
			at = Position{folder + "0", -1}
			known, err := c.has(ctx, where, append(args[:2:2], folder))
			if err != nil {
				return nil, false, err
			}
			if !known {
				if len(list) == f.Limit {
					return list, true, nil
				}
				list = append(list, Child{Name: name, Path: folder, Position: at})
			}
			break
		}
		if len(page) == 0 {
			return list, false, nil
		}
	}
}

func (c *Catalog) childPage(ctx context.Context, where string, args []any, at Position) (page []*Entry, seqs []int64, err error) {
	rows, err := c.r.QueryContext(ctx, "SELECT "+entryColumns+" FROM entries WHERE "+where+
		" AND (path, seq) > (?, ?) ORDER BY path, seq LIMIT ?", append(args[:len(args):len(args)], at.Path, at.Seq, childPage)...)
	if err != nil {
		return nil, nil, fmt.Errorf("recovery: catalogue: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		seq, e, err := scanEntry(rows)
		if err != nil {
			return nil, nil, fmt.Errorf("recovery: %w", err)
		}
		page, seqs = append(page, e), append(seqs, seq)
	}
	if err := rows.Err(); err != nil {
		return nil, nil, fmt.Errorf("recovery: catalogue: %w", err)
	}
	return page, seqs, nil
}

// has reports whether an entry with the path that is the last argument is among those of where.
func (c *Catalog) has(ctx context.Context, where string, args []any) (bool, error) {
	var one int
	err := c.r.QueryRowContext(ctx, "SELECT 1 FROM entries WHERE "+where+" AND path = ? LIMIT 1", args...).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("recovery: catalogue: %w", err)
	}
	return true, nil
}
