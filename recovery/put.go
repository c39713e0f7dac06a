package recovery

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"io/fs"
	"math"
	"path"
	"slices"
	"time"

	"salvor/filesystem"
	"salvor/filetype"
)

// The numbers that stand for words in the columns of the catalogue. They never change.
var (
	origins = []Origin{FromFileSystem, FromContent}
	saves   = []SaveState{Pending, Saved, Skipped, Failed}
	drawers = []string{"files", "deleted", "older", "carved"}
	classes = append(filetype.Classes(), "")
)

// The values of the column kind.
const (
	kindFile = iota
	kindDir
	kindLink
	kindSpecial
)

// The bits of the column flags.
const (
	flagSound = 1 << iota
	flagOwned
	flagErased
)

// noTime stands in the column time for an entry whose time is not known, so that it sorts as the oldest.
const noTime = math.MinInt64

func kindOf(m fs.FileMode) int {
	switch {
	case m.IsDir():
		return kindDir
	case m&fs.ModeSymlink != 0:
		return kindLink
	case !m.IsRegular():
		return kindSpecial
	}
	return kindFile
}

// number returns the place of v in list. What is not in it counts as the last.
func number[T comparable](list []T, v T) int {
	if i := slices.Index(list, v); i >= 0 {
		return i
	}
	return len(list) - 1
}

func word[T any](list []T, n int) T { return list[max(0, min(n, len(list)-1))] }

// moment is the time by which an entry is filtered and sorted: when it was last changed, for carved files
// when their content says that it was made.
func (e *Entry) moment() time.Time {
	if e.Times.Modified.IsZero() {
		return e.Hints.Taken
	}
	return e.Times.Modified
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return noTime
	}
	return t.UnixMilli()
}

// place returns where the content of e begins, -1 when it stands nowhere, and a hash of all its runs, 0
// when it has none: entries that are equal in both, and in size, hold the same bytes.
func (e *Entry) place() (first, hash int64) {
	first = -1
	runs := e.places()
	for _, r := range runs {
		if r.Kind.Stands() {
			first = r.Physical
			break
		}
	}
	if len(runs) == 0 {
		return first, 0
	}
	enc := encoder{}
	enc.int(int64(e.Source))
	enc.string(e.Encoding)
	enc.runs(runs)
	h := fnv.New64a()
	h.Write(enc.b)
	return first, int64(h.Sum64())
}

// putSQL keeps the saved state of an entry that is put again with the same place and verdict group, unless
// the new one brings a state of its own. A changed entry becomes pending again, and keeps the name under
// which it was saved, so that the saver can replace what stands there.
const putSQL = `
INSERT INTO entries (id, source, volume, origin, state, drawer, kind, path, name, stream, size, time, format, class,
	verdict, missing, stored, flags, first, place, save, sha256, saved_as, saved_time, duplicate_of, data)
VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
ON CONFLICT (id) DO UPDATE SET
	source=excluded.source, volume=excluded.volume, origin=excluded.origin, state=excluded.state,
	drawer=excluded.drawer, kind=excluded.kind, path=excluded.path, name=excluded.name, stream=excluded.stream,
	size=excluded.size, time=excluded.time, format=excluded.format, class=excluded.class,
	verdict=excluded.verdict, missing=excluded.missing, stored=excluded.stored, flags=excluded.flags, first=excluded.first,
	place=excluded.place, data=excluded.data,
	save = CASE WHEN excluded.save <> 0 THEN excluded.save WHEN ` + sameContentSQL + ` THEN save ELSE 0 END,
	sha256 = CASE WHEN excluded.save <> 0 THEN excluded.sha256 WHEN ` + sameContentSQL + ` THEN sha256 END,
	saved_time = CASE WHEN excluded.save <> 0 THEN excluded.saved_time WHEN ` + sameContentSQL + ` THEN saved_time ELSE 0 END,
	duplicate_of = CASE WHEN excluded.save <> 0 THEN excluded.duplicate_of WHEN ` + sameContentSQL + ` THEN duplicate_of ELSE '' END,
	saved_as = CASE WHEN excluded.saved_as IS NOT NULL THEN excluded.saved_as ELSE saved_as END`

// sameContentSQL holds when nothing changed that decides what is saved and in which tree.
const sameContentSQL = `(size = excluded.size AND place = excluded.place AND path = excluded.path AND
	drawer = excluded.drawer AND flags & 4 = excluded.flags & 4 AND
	(verdict IN (2, 3)) = (excluded.verdict IN (2, 3)))`

// Put adds entries or replaces those with the same ID, all in one transaction. What became of an entry when
// it was saved is kept when the entry's own Save is empty or Pending and its place, size, path, drawer and
// tree are as before. Thousands of entries in one call are far cheaper than as many calls.
func (c *Catalog) Put(ctx context.Context, entries ...*Entry) error {
	if len(entries) == 0 {
		return nil
	}
	err := c.change(ctx, func(tx *sql.Tx) error {
		return c.putIn(ctx, tx, entries...)
	})
	if err != nil {
		return fmt.Errorf("recovery: catalogue: %w", err)
	}
	return nil
}

// putIn does the work of Put in a transaction that is under way.
func (c *Catalog) putIn(ctx context.Context, tx *sql.Tx, entries ...*Entry) error {
	put := tx.StmtContext(ctx, c.put)
	defer put.Close()
	for _, e := range entries {
		args, err := putArgs(e)
		if err != nil {
			return err
		}
		if _, err := put.ExecContext(ctx, args...); err != nil {
			return fmt.Errorf("entry %s: %w", e.ID, err)
		}
	}
	return nil
}

func putArgs(e *Entry) ([]any, error) {
	if e.ID == "" || e.Size < 0 {
		return nil, fmt.Errorf("entry %q of %d bytes: an ID and a size of at least 0 are needed", e.ID, e.Size)
	}
	var sum, savedAs any
	if e.SHA256 != "" {
		b, err := hex.DecodeString(e.SHA256)
		if err != nil || len(b) != 32 {
			return nil, fmt.Errorf("entry %s: SHA-256 %q", e.ID, e.SHA256)
		}
		sum = b
	}
	if e.SavedAs != "" {
		savedAs = e.SavedAs
	}
	name := e.Name
	if name == lastName(e.Path) {
		name = ""
	}
	saved := int64(0)
	if !e.SavedTime.IsZero() {
		saved = e.SavedTime.UnixMilli()
	}
	save := 0
	if e.Save != "" {
		save = number(saves, e.Save)
	}
	first, place := e.place()
	stored := e.stored()
	flags := bit(e.Sound, 0) | bit(e.Owned, 1) | bit(e.Erased, 2)
	return []any{e.ID, e.Source, e.Volume, number(origins, e.Origin), int(e.State), number(drawers, e.Drawer()),
		kindOf(e.Mode), e.Path, name, e.Stream, e.Size, millis(e.moment()), e.Format, number(classes, e.Class),
		int(e.Verdict), e.Missing.Bytes(), stored, int64(flags), first, place, save, sum, savedAs, saved, e.DuplicateOf,
		encodeEntry(e, e.Size)}, nil
}

func lastName(p string) string {
	if p == "" {
		return ""
	}
	return path.Base(p)
}

// entryColumns are what [scanEntry] reads.
const entryColumns = `seq, id, source, volume, origin, state, path, name, stream, size, format, class, verdict,
	flags, save, sha256, saved_as, saved_time, duplicate_of, data`

type scanner interface{ Scan(...any) error }

// scanEntry reads one row of entryColumns.
func scanEntry(row scanner) (seq int64, e *Entry, err error) {
	e = &Entry{}
	var origin, state, class, verdict, flags, save int
	var sum, data []byte
	var savedAs sql.NullString
	var saved int64
	err = row.Scan(&seq, &e.ID, &e.Source, &e.Volume, &origin, &state, &e.Path, &e.Name, &e.Stream, &e.Size,
		&e.Format, &class, &verdict, &flags, &save, &sum, &savedAs, &saved, &e.DuplicateOf, &data)
	if err != nil {
		return 0, nil, err
	}
	e.Origin = word(origins, origin)
	e.State = filesystem.State(state)
	e.Class = word(classes, class)
	e.Verdict = filetype.Verdict(verdict)
	e.Sound, e.Owned, e.Erased = flags&flagSound != 0, flags&flagOwned != 0, flags&flagErased != 0
	e.Save = word(saves, save)
	if len(sum) > 0 {
		e.SHA256 = hex.EncodeToString(sum)
	}
	e.SavedAs = savedAs.String
	if saved != 0 {
		e.SavedTime = time.UnixMilli(saved).UTC()
	}
	if e.Name == "" {
		e.Name = lastName(e.Path)
	}
	return seq, e, decodeEntry(data, e)
}
