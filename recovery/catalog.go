package recovery

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"modernc.org/sqlite" // pure Go driver, registers "sqlite"

	"salvor/finding"
)

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{
	guessedPlace, empty, notChecked, special, lockedContent, notOpened, notIdentified, erasedSkipped, encodedContent, foreignBytes, lostBytes,
	unreadBytes, deletedFolder, twinCarved, twinFound, firstPiece, sameContent, nothingLeft, tooLarge, tooManyHoles,
	notWritten, unreadWhileSaving, linkAsText, cutShort, notAsWritten, tarDiffers, tarUnread,
}

// schemaVersion is the version of the tables below; a catalogue of another one is refused.
const schemaVersion = 1

// applicationID marks a SQLite file as a catalogue: "SLVR".
const applicationID = 0x534c5652

// busyTimeout is how long a statement waits for another process's lock.
const busyTimeout = 30 * time.Second

var (
	// ErrNoEntry is what [Catalog.Get] answers for an ID that the catalogue does not hold.
	ErrNoEntry = errors.New("recovery: no such entry in the catalogue")
	// ErrSchema is what opening answers for a file that is no catalogue, or one of another version.
	ErrSchema = errors.New("recovery: not a catalogue of this version")
	// ErrReadOnly is what a changing method answers on a catalogue that was opened for reading.
	ErrReadOnly = errors.New("recovery: the catalogue was opened for reading only")
)

// schema keeps what filters and orders need in columns, and all else of an entry in one encoded blob.
// States, verdicts and classes stand as numbers, whose order is that of trust or of saving.
const schema = `
CREATE TABLE entries (
	seq          INTEGER PRIMARY KEY,
	id           TEXT NOT NULL UNIQUE,
	source       INTEGER NOT NULL,
	volume       INTEGER NOT NULL,
	origin       INTEGER NOT NULL,
	state        INTEGER NOT NULL,
	drawer       INTEGER NOT NULL,
	kind         INTEGER NOT NULL,
	path         TEXT NOT NULL,
	name         TEXT NOT NULL,
	stream       TEXT NOT NULL,
	size         INTEGER NOT NULL,
	time         INTEGER NOT NULL,
	format       TEXT NOT NULL,
	class        INTEGER NOT NULL,
	verdict      INTEGER NOT NULL,
	missing      INTEGER NOT NULL,
	stored       INTEGER NOT NULL,
	flags        INTEGER NOT NULL,
	first        INTEGER NOT NULL,
	place        INTEGER NOT NULL,
	save         INTEGER NOT NULL,
	sha256       BLOB,
	saved_as     TEXT,
	saved_key    TEXT,
	saved_time   INTEGER NOT NULL,
	duplicate_of TEXT NOT NULL,
	data         BLOB NOT NULL
);
CREATE INDEX entries_path  ON entries (source, volume, path);
CREATE INDEX entries_class ON entries (class, drawer);
CREATE INDEX entries_first ON entries (source, first);
CREATE INDEX entries_sha   ON entries (sha256) WHERE sha256 IS NOT NULL;
CREATE INDEX entries_saved ON entries (saved_as) WHERE saved_as IS NOT NULL;
CREATE UNIQUE INDEX entries_key ON entries (saved_key) WHERE saved_key IS NOT NULL;
CREATE TABLE taken (
	key   TEXT PRIMARY KEY,
	owner TEXT NOT NULL,
	saved TEXT NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX taken_owner ON taken (owner);
CREATE TABLE mapped (
	id       TEXT PRIMARY KEY,
	original TEXT NOT NULL,
	saved    TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE layers (
	source   INTEGER NOT NULL,
	n        INTEGER NOT NULL,
	data     BLOB NOT NULL,
	PRIMARY KEY (source, n)
) WITHOUT ROWID;
CREATE TABLE probes (
	n  INTEGER PRIMARY KEY,
	id TEXT NOT NULL UNIQUE
);
CREATE TABLE landmarks (
	source INTEGER NOT NULL,
	offset INTEGER NOT NULL,
	probe  INTEGER NOT NULL,
	PRIMARY KEY (source, offset, probe)
) WITHOUT ROWID;
CREATE TABLE findings (
	scope TEXT NOT NULL,
	n     INTEGER NOT NULL,
	data  BLOB NOT NULL,
	PRIMARY KEY (scope, n)
) WITHOUT ROWID;
CREATE TABLE steps (
	step TEXT PRIMARY KEY,
	time INTEGER NOT NULL
) WITHOUT ROWID;
`

// Catalog is the file in which everything found is kept. It is safe for concurrent use.
type Catalog struct {
	path string
	r, w *sql.DB // w is nil when it was opened for reading
	put  *sql.Stmt
	// aside has chunks that this one lacks; nil for none.
	aside *Aside
}

// OpenCatalog opens the catalogue at path for reading and writing, and creates it when there is none.
// Errors wrap [ErrSchema] when path is something else or of another version.
//
// The journal is a rollback journal that is kept and cut to zero, never a WAL: a case may stand on FAT32,
// exFAT or a network share, where shared memory and unlinking are not to be relied on. Every commit is
// synced (synchronous=FULL), since with less a rollback journal can lose the whole file when power fails;
// work is committed in batches, so that a sync costs little.
func OpenCatalog(path string) (*Catalog, error) {
	w, err := open(path, "rwc", 1, "journal_mode(truncate)", "synchronous(full)", "cache_size(-65536)")
	if err != nil {
		return nil, err
	}
	c := &Catalog{path: path, w: w}
	if err := c.prepare(context.Background()); err != nil {
		w.Close()
		return nil, fmt.Errorf("recovery: %s: %w", path, notDatabase(err))
	}
	if c.r, err = open(path, "rw", 4, "query_only(1)", "cache_size(-8192)"); err == nil {
		c.put, err = w.Prepare(putSQL)
	}
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("recovery: %s: %w", path, err)
	}
	return c, nil
}

// OpenCatalogReadOnly opens the catalogue at path for reading, which many may do while one writes. When
// its writer was killed, the rest of that writer's last change is taken back first, if the folder can be
// written.
func OpenCatalogReadOnly(path string) (*Catalog, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("recovery: %w", err)
	}
	var errs []error
	for _, mode := range []string{"rw", "ro"} {
		r, err := open(path, mode, 4, "query_only(1)", "cache_size(-16384)")
		if err == nil {
			c := &Catalog{path: path, r: r}
			if err = checkSchema(context.Background(), r); err == nil {
				return c, nil
			}
			r.Close()
		}
		errs = append(errs, err)
	}
	if errors.Is(errs[0], ErrSchema) {
		errs = errs[:1]
	}
	return nil, fmt.Errorf("recovery: %s: %w", path, errs[len(errs)-1])
}

func open(path, mode string, conns int, pragmas ...string) (*sql.DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	abs = filepath.ToSlash(abs)
	if !strings.HasPrefix(abs, "/") {
		abs = "/" + abs // a Windows drive
	}
	q := url.Values{"mode": {mode}, "_txlock": {"immediate"}}
	if mode != "rwc" {
		q.Set("_txlock", "deferred")
	}
	q.Add("_pragma", fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()))
	for _, p := range pragmas {
		q.Add("_pragma", p)
	}
	dsn := (&url.URL{Scheme: "file", Path: abs, RawQuery: q.Encode()}).String()
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

// prepare creates the tables in a new file, and checks an old one.
func (c *Catalog) prepare(ctx context.Context) error {
	return c.change(ctx, func(tx *sql.Tx) error {
		var objects int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&objects); err != nil {
			return notDatabase(err)
		}
		if objects > 0 {
			return checkSchema(ctx, tx)
		}
		_, err := tx.ExecContext(ctx, schema+fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d;",
			applicationID, schemaVersion))
		return err
	})
}

type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func checkSchema(ctx context.Context, q querier) error {
	var id, version int
	if err := q.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return notDatabase(err)
	}
	if err := q.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return notDatabase(err)
	}
	switch {
	case id != applicationID:
		return fmt.Errorf("%w: its application id is 0x%08x, expected 0x%08x", ErrSchema, id, applicationID)
	case version > schemaVersion:
		return fmt.Errorf("%w: version %d, made by a newer program; this one reads %d", ErrSchema, version, schemaVersion)
	case version != schemaVersion:
		return fmt.Errorf("%w: version %d, expected %d", ErrSchema, version, schemaVersion)
	}
	return nil
}

// The result codes of SQLite that this package acts on.
const (
	sqliteFull     = 13
	sqliteNotADB   = 26
	sqliteCodeMask = 0xff // the rest of a code is its detail
)

func sqliteCode(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & sqliteCodeMask
	}
	return 0
}

// IsFull reports whether err, of whichever part of this package, says that no space is left where the case
// stands: for a saved file or for the catalogue itself.
func IsFull(err error) bool {
	return err != nil && (isTargetFull(err) || isFull(err) || sqliteCode(err) == sqliteFull)
}

func notDatabase(err error) error {
	if sqliteCode(err) == sqliteNotADB && !errors.Is(err, ErrSchema) {
		return fmt.Errorf("%w: %w", ErrSchema, err)
	}
	return err
}

// change runs fn in one transaction of the writer.
func (c *Catalog) change(ctx context.Context, fn func(*sql.Tx) error) error {
	if c.w == nil {
		return ErrReadOnly
	}
	tx, err := c.w.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := fn(tx); err != nil {
		return errors.Join(err, ignoreDone(tx.Rollback()))
	}
	return tx.Commit()
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// Optimize makes the indexes for [BySize] and [ByTime] and the columns for [Catalog.List], which would slow down filling the
// catalogue. It is called when everything is found, and again when that was changed; [Save] does both.
func (c *Catalog) Optimize(ctx context.Context) error {
	err := c.note(ctx, "indexes", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `CREATE INDEX IF NOT EXISTS entries_size ON entries (size);
			CREATE INDEX IF NOT EXISTS entries_time ON entries (time)`)
		return err
	})
	if err != nil {
		return err
	}
	return c.MakeColumns(ctx)
}

// Path returns where the catalogue stands.
func (c *Catalog) Path() string { return c.path }

// Close closes the catalogue. What was put is already on disk.
func (c *Catalog) Close() error {
	var errs []error
	if c.put != nil {
		errs = append(errs, c.put.Close())
	}
	if c.r != nil {
		errs = append(errs, c.r.Close())
	}
	if c.w != nil {
		errs = append(errs, c.w.Close())
	}
	return errors.Join(errs...)
}
