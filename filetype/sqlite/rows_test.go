package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filetype"
	"salvor/internal/need"
)

// made is a database that sqlite3 makes out of these statements.
func made(t *testing.T, sql string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.db")
	cmd := need.Command(t, "sqlite3", path)
	cmd.Stdin = strings.NewReader(sql)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	p, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestRows compares rows with what was put in.
func TestRows(t *testing.T) {
	p := made(t, `PRAGMA page_size=512;
		CREATE TABLE "a b" (id INTEGER PRIMARY KEY, [t,x] TEXT DEFAULT (1), /* , */ n REAL, b BLOB, -- c
			"q""q" INT CHECK (n > -100), UNIQUE (id, n));
		INSERT INTO "a b" VALUES (7, 'Grüße' || char(10) || '<b>', 2.5, x'00ff', -300), (9, NULL, 1e300, zeroblob(40), 9007199254740993);
		CREATE TABLE many (x);
		WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM c WHERE i < 249) INSERT INTO many SELECT 'row ' || i FROM c;
		CREATE TABLE keyed (k TEXT PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO keyed VALUES ('b', 1), ('a', 0);
		CREATE TABLE long (x); INSERT INTO long VALUES (hex(zeroblob(5000)));
		CREATE VIEW v AS SELECT * FROM many;
		CREATE TABLE none (a, b);`)
	get := func(member, skip int) filetype.Rows {
		t.Helper()
		r, err := rows(t.Context(), block.Bytes(p), member, skip)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	got := get(0, 0)
	if want := []string{"id", "t,x", "n", "b", `q"q`}; !slices.Equal(got.Columns, want) {
		t.Errorf("columns %q", got.Columns)
	}
	if want := "[[7 Grüße\n<b> 2.5 2 bytes: 00ff -300] [9 NULL 1e+300 40 bytes: 00000000000000000000000000000000… 9007199254740993]]"; fmt.Sprint(got.Values) != want {
		t.Errorf("%v", got.Values)
	}
	list, err := preview(t.Context(), block.Bytes(p))
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) int {
		return slices.IndexFunc(list.Members, func(m filetype.Member) bool { return m.Name == name })
	}
	var all []string
	for skip := 0; ; skip += filetype.MaxRows {
		r := get(at("many"), skip)
		for _, v := range r.Values {
			all = append(all, v...)
		}
		if !r.More {
			break
		}
	}
	if len(all) != 250 || all[0] != "row 0" || all[249] != "row 249" {
		t.Errorf("%d rows, %q", len(all), all)
	}
	if r := get(at("keyed"), 0); fmt.Sprint(r.Values) != "[[a 0] [b 1]]" || r.Columns != nil {
		t.Errorf("%+v", r)
	}
	if r := get(at("long"), 0); len(r.Values) != 1 || len([]rune(r.Values[0][0])) != filetype.MaxCell+1 {
		t.Errorf("%+v", r)
	}
	for _, member := range []int{at("none"), -5, 99} {
		if r := get(member, 0); len(r.Values) != 0 || r.More {
			t.Errorf("%d: %+v", member, r)
		}
	}
	if _, err := rows(t.Context(), block.Bytes([]byte("no database")), 0, 0); !errors.Is(err, filetype.ErrNot) {
		t.Error(err)
	}
	// A page that cannot be read takes its own rows with it, and no others.
	hole := bytes.Index(p, []byte("row 100")) / 512 * 512
	src := block.Join(block.Bytes(p), []block.Run{{Length: int64(hole)}, {Logical: int64(hole), Length: 512, Kind: block.Lost},
		{Logical: int64(hole) + 512, Physical: int64(hole) + 512, Length: int64(len(p) - hole - 512)}}, int64(len(p)))
	count, broken := 0, int64(0)
	for skip := 0; ; skip += filetype.MaxRows {
		r, err := rows(t.Context(), src, at("many"), skip)
		if err != nil {
			t.Fatal(err)
		}
		count, broken = count+len(r.Values), r.Broken
		if !r.More {
			break
		}
	}
	if count < 150 || count > 249 || broken != 1 {
		t.Errorf("%d rows, %d broken", count, broken)
	}
}

// TestRowsOfText reads names and values in UTF-16.
func TestRowsOfText(t *testing.T) {
	p, err := os.ReadFile("testdata/utf16.db")
	if err != nil {
		t.Fatal(err)
	}
	r, err := rows(t.Context(), block.Bytes(p), 0, 0)
	if err != nil || fmt.Sprint(r.Columns, r.Values) != "[x] [[ä]]" {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestRowsOfDamage reads tables out of databases with other bytes in them.
func TestRowsOfDamage(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, name := range []string{"p512-auto.db", "p1024.db", "fts.db", "utf16.db"} {
		whole, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		for range 150 {
			p := bytes.Clone(whole)
			for range 1 + r.IntN(20) {
				p[100+r.IntN(len(p)-100)] = byte(r.Uint32())
			}
			for member := range 4 {
				got, err := rows(t.Context(), block.Bytes(p), member, r.IntN(20))
				if err != nil || len(got.Values) > filetype.MaxRows {
					t.Fatalf("%s: %d rows, %v", name, len(got.Values), err)
				}
			}
		}
	}
}

func TestColumnNames(t *testing.T) {
	for sql, want := range map[string]string{
		"CREATE TABLE t(a,b)": "[a b] -1",
		"CREATE TABLE t (\"id\" integer  primary key autoincrement, x)":     "[id x] 0",
		"CREATE TABLE t(a DECIMAL(10,2), `b,` TEXT, CONSTRAINT x CHECK(a))": "[a b,] -1",
		"CREATE TABLE t(a, b":      "[a b] -1",
		"CREATE TABLE t":           "[] -1",
		"(":                        "[] -1",
		"x('":                      "['] -1",
		"CREATE TABLE t(/* a, b":   "[] -1",
		"CREATE TABLE t(-- a\nb":   "[b] -1",
		"create table t((a,b),c))": "[c] -1",
	} {
		if names, key := columnNames(sql); fmt.Sprint(names, key) != want {
			t.Errorf("%s: %v %d, want %s", sql, names, key, want)
		}
	}
}

func FuzzRows(f *testing.F) {
	for _, name := range []string{"p512-auto.db", "utf16.db", "fts.db"} {
		p, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(p, 0, 0)
		f.Add(p, 1, 3)
	}
	f.Fuzz(func(t *testing.T, p []byte, member, skip int) {
		if r, err := rows(context.Background(), block.Bytes(p), member, skip); err != nil && !errors.Is(err, filetype.ErrNot) {
			t.Error(err)
		} else if len(r.Values) > filetype.MaxRows {
			t.Errorf("%d rows", len(r.Values))
		}
	})
}
