package recovery

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"salvor/filetype"
)

// The files that stand beside a saved one.
const (
	missingSuffix = ".missing.txt"
	linkSuffix    = ".symlink.txt"
)

// maxSameName is the most files that may want one name.
const maxSameName = 100_000

// errNoName says that no free name was found.
var errNoName = errors.New("too many files of one name")

// layout turns an entry into the folders and the name that it should have in the case.
type layout struct {
	target  *Target
	labelOf func(volume int) string
}

// tree returns the top folder for e.
func tree(e *Entry) string {
	if !e.IsDir() && (e.Verdict == filetype.Partial || e.Verdict == filetype.Damaged) {
		return "partial/" + e.Drawer()
	}
	return e.Drawer()
}

// folders returns the folders of e below its tree, as they should be called, not made safe; name is that
// of the file itself, "" for the root folder of a volume.
func (l *layout) folders(e *Entry) (folders []string, name string) {
	if e.Origin == FromContent {
		class := e.Class
		if class == "" {
			class = filetype.Other
		}
		return []string{string(class)}, e.Name
	}
	folders = []string{l.volume(e.Volume)}
	parts := strings.Split(e.Path, "/")
	if e.Path == "" {
		parts = nil
		if e.IsDir() {
			return nil, folders[0]
		}
	}
	if len(parts) == 0 {
		name = e.ID // metadata that lost its name
	} else {
		folders, name = append(folders, parts[:len(parts)-1]...), parts[len(parts)-1]
	}
	if e.Stream != "" {
		name += "~" + e.Stream
	}
	return folders, name
}

// volume returns the folder of a volume: its number and its label.
func (l *layout) volume(n int) string {
	label := ""
	if l.labelOf != nil {
		label = strings.ReplaceAll(strings.TrimSpace(l.labelOf(n)), "/", "_")
	}
	if label == "" {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%d-%s", n, label)
}

// natural returns the path that e has when nothing about it must be changed.
func (l *layout) natural(e *Entry) string {
	folders, name := l.folders(e)
	return path.Join(tree(e), strings.Join(folders, "/"), name)
}

// room returns how many bytes a name in the folder parent may have, with extra bytes kept free behind it.
func (l *layout) room(parent string, extra int) int {
	n := min(l.target.maxName(), l.target.maxPath()-len(parent)-1) - extra
	return max(n, leastName)
}

// maxFolder is the longest path of a folder, which leaves room for the names of files in it.
func (l *layout) maxFolder() int {
	return max(l.target.maxPath()-l.target.maxName()-1, l.target.maxPath()/2)
}

// sidecar returns the suffix of the file that will stand beside e, "" when there is none.
func sidecar(e *Entry) string {
	if !e.Missing.Empty() {
		return missingSuffix
	}
	return ""
}

// namer gives each entry a path of its own. What it gave is kept in the catalogue, so that a rescue which is
// killed and goes on gives the same.
type namer struct {
	layout
	c *Catalog
	// made holds the folders that were given, by owner; it is emptied when it grows large.
	made map[string]string
}

// maxMade bounds the folders that are remembered.
const maxMade = 64 << 10

// place returns where e is to be saved, and reserves that path.
func (n *namer) place(ctx context.Context, tx *sql.Tx, e *Entry) (string, error) {
	folders, name := n.folders(e)
	parent := tree(e)
	if e.IsDir() {
		if name == "" {
			return "", errNoName
		}
		p, err := n.folder(ctx, tx, parent, append(folders, name))
		if err == nil {
			err = n.note(ctx, tx, e, p)
		}
		return p, err
	}
	parent, err := n.folder(ctx, tx, parent, folders)
	if err != nil {
		return "", err
	}
	suffix := sidecar(e)
	if e.Mode.Type() == fs.ModeSymlink && linkReason(e, n.target, parent) != "" {
		name += linkSuffix
	}
	limit := n.room(parent, len(suffix))
	safe := safeName(name, n.target, limit)
	for i := 1; i <= maxSameName; i++ {
		p := parent + "/" + numbered(safe, i, limit)
		free, err := n.free(ctx, tx, p, e.ID)
		if err != nil {
			return "", err
		}
		if free && suffix != "" {
			free, err = n.free(ctx, tx, p+suffix, e.ID)
			if err != nil {
				return "", err
			}
		}
		if free {
			return p, n.reserve(ctx, tx, e, p, suffix)
		}
	}
	return "", errNoName
}

// free reports whether nobody but the entry id has the path p.
func (n *namer) free(ctx context.Context, tx *sql.Tx, p, id string) (bool, error) {
	var taken bool
	key := nameKey(p, n.target)
	err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM entries WHERE saved_key = ? AND id <> ?) OR
		EXISTS (SELECT 1 FROM taken WHERE key = ? AND owner <> ?)`, key, id, key, "sidecar "+id).Scan(&taken)
	return !taken, err
}

// reserve notes that p belongs to e, and p with the suffix too.
func (n *namer) reserve(ctx context.Context, tx *sql.Tx, e *Entry, p, suffix string) error {
	_, err := tx.ExecContext(ctx, "UPDATE entries SET saved_as = ?, saved_key = ? WHERE id = ?", p, nameKey(p, n.target), e.ID)
	if err == nil {
		_, err = tx.ExecContext(ctx, "DELETE FROM taken WHERE owner = ?", "sidecar "+e.ID)
	}
	if err == nil && suffix != "" {
		_, err = tx.ExecContext(ctx, "INSERT INTO taken VALUES (?, ?, ?)", nameKey(p+suffix, n.target), "sidecar "+e.ID, p+suffix)
	}
	if err != nil {
		return err
	}
	return n.note(ctx, tx, e, p)
}

// note records that e is saved under another path than its own, for the report.
func (n *namer) note(ctx context.Context, tx *sql.Tx, e *Entry, p string) (err error) {
	natural := n.natural(e)
	if p == natural {
		_, err = tx.ExecContext(ctx, "DELETE FROM mapped WHERE id = ?", e.ID)
	} else {
		_, err = tx.ExecContext(ctx, "INSERT OR REPLACE INTO mapped VALUES (?, ?, ?)", e.ID, natural, p)
	}
	return err
}

// release gives back what was reserved for e.
func (n *namer) release(ctx context.Context, tx *sql.Tx, id string) error {
	for _, text := range []string{
		"UPDATE entries SET saved_as = NULL, saved_key = NULL WHERE id = ?1", "DELETE FROM mapped WHERE id = ?1",
		"DELETE FROM taken WHERE owner = 'sidecar ' || ?1",
	} {
		if _, err := tx.ExecContext(ctx, text, id); err != nil {
			return err
		}
	}
	return nil
}

// folder returns where the folder of these names stands below parent, and reserves it. The same names always
// give the same folder; names that the target would take for one give different ones.
func (n *namer) folder(ctx context.Context, tx *sql.Tx, parent string, names []string) (string, error) {
	owner, top := "folder "+parent, parent
	for i, name := range names {
		owner += "/" + name
		if i == 0 && parent != "" {
			top = ""
		}
		p, err := n.step(ctx, tx, owner, top, parent, name)
		if err != nil {
			return "", err
		}
		if top == "" {
			top = p // folders that are too deep go below the volume's
		}
		parent = p
	}
	return parent, nil
}

// step returns the folder name inside parent.
func (n *namer) step(ctx context.Context, tx *sql.Tx, owner, top, parent, name string) (string, error) {
	if p, ok := n.made[owner]; ok {
		return p, nil
	}
	var p string
	err := tx.QueryRowContext(ctx, "SELECT saved FROM taken WHERE owner = ?", owner).Scan(&p)
	if errors.Is(err, sql.ErrNoRows) {
		p, err = n.newFolder(ctx, tx, owner, top, parent, name)
	}
	if err != nil {
		return "", err
	}
	if n.made == nil || len(n.made) >= maxMade {
		n.made = map[string]string{}
	}
	n.made[owner] = p
	return p, nil
}

func (n *namer) newFolder(ctx context.Context, tx *sql.Tx, owner, top, parent, name string) (string, error) {
	limit := n.room(parent, 0)
	safe := safeName(name, n.target, limit)
	if top != "" && len(parent)+1+len(safe) > n.maxFolder() {
		parent, safe = top, "deep-"+shortHash(owner)
	}
	for i := 1; i <= maxSameName; i++ {
		p := parent + "/" + numbered(safe, i, limit)
		free, err := n.free(ctx, tx, p, "")
		if err != nil {
			return "", err
		}
		if free {
			_, err = tx.ExecContext(ctx, "INSERT INTO taken VALUES (?, ?, ?)", nameKey(p, n.target), owner, p)
			return p, err
		}
	}
	return "", errNoName
}
