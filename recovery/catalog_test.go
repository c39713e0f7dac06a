package recovery

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"salvor/block"
	"salvor/block/probe"
	"salvor/filesystem"
	"salvor/filetype"
	"salvor/finding"
	"salvor/layers"
)

func newCatalog(t testing.TB) *Catalog {
	t.Helper()
	c, err := OpenCatalog(filepath.Join(t.TempDir(), "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func mustPut(t testing.TB, c *Catalog, entries ...*Entry) {
	t.Helper()
	if err := c.Put(t.Context(), entries...); err != nil {
		t.Fatal(err)
	}
}

func mustGet(t testing.TB, c *Catalog, id string) *Entry {
	t.Helper()
	e, err := c.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func ids(t testing.TB, c *Catalog, q Query) []string {
	t.Helper()
	var out []string
	for e, err := range c.Select(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e.ID)
	}
	return out
}

// fullEntry has a value in every field.
func fullEntry() *Entry {
	at := func(s int64) time.Time { return time.Unix(s, 123456789).UTC() }
	return &Entry{
		ID: "v2/i1234:extra", Source: 1, Volume: 2, Origin: FromFileSystem, State: filesystem.Deleted,
		Path: "DCIM/100/ä \\x2f'\"%_.jpg", Name: "ä \\x2f'\"%_.jpg", Mode: fs.ModeSetuid | 0o644, Target: "../x\x00\xff",
		HasOwner: true, UID: 1000, GID: 4294967295,
		Times:      filesystem.Times{Modified: at(1), Accessed: at(-2), Changed: at(3e9), Created: at(4), Deleted: at(5), Local: true},
		Attributes: map[string][]byte{"user.a": {0, 1, 0xff}, "user.b": {}},
		Size:       10000, Stream: "extra",
		Runs: []block.Run{{Logical: 0, Physical: 0x5000, Length: 4096}, {Logical: 4096, Length: 4096, Kind: block.Zero},
			{Logical: 8192, Physical: 0x1000, Length: 1000, Kind: block.Guessed}, {Logical: 9192, Length: 808, Kind: block.Lost}},
		Format: "jpeg", Class: filetype.Photo, Verdict: filetype.Partial,
		Missing:   block.SetOf(block.Extent{Offset: 9192, Length: 808}),
		Uncovered: block.SetOf(block.Extent{Offset: 3, Length: 7}, block.Extent{Offset: 100, Length: 1}), GoodUntil: 9192,
		Hints: filetype.Hints{Title: "bad \xff\x00\u202e title", Author: "a", Camera: "ACME", Taken: time.Unix(77, 0).In(time.FixedZone("", 7200))},
		Sound: true, Owned: true, Erased: true,
		Findings: []finding.Finding{lostBytes.New(finding.At(9192, 808), finding.Arg("count", 808), finding.Expected("x", "y")), empty.New()},
		SHA256:   "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", SavedAs: "partial/deleted/2/a.jpg",
		Save: Saved, DuplicateOf: "c/0x1", AlsoAt: []int64{5, 0x100000000, 7}, SavedTime: time.UnixMilli(1700000000123).UTC(),
	}
}

// sameEntry compares but for the zone's pointer.
func sameEntry(t *testing.T, got, want *Entry) {
	t.Helper()
	if !got.Hints.Taken.Equal(want.Hints.Taken) || got.Hints.Taken.Format(time.RFC3339) != want.Hints.Taken.Format(time.RFC3339) {
		t.Errorf("taken %v, want %v", got.Hints.Taken, want.Hints.Taken)
	}
	g, w := *got, *want
	g.Hints.Taken, w.Hints.Taken = time.Time{}, time.Time{}
	if !reflect.DeepEqual(g, w) {
		t.Errorf("got\n%+v\nwant\n%+v", g, w)
	}
}

func TestEntryRoundTrip(t *testing.T) {
	c := newCatalog(t)
	full := fullEntry()
	bare := &Entry{ID: "c/0x0", Source: 1, Origin: FromContent, State: filesystem.Orphan, Name: "x.jpg", Class: filetype.Other, Save: Pending}
	mustPut(t, c, full, bare)
	sameEntry(t, mustGet(t, c, full.ID), full)
	sameEntry(t, mustGet(t, c, bare.ID), bare)
	if _, err := c.Get(t.Context(), "v9/i1"); !errors.Is(err, ErrNoEntry) {
		t.Errorf("Get of an unknown ID: %v", err)
	}
}

func TestPutRefuses(t *testing.T) {
	c := newCatalog(t)
	for _, e := range []*Entry{{}, {ID: "x", Size: -1}, {ID: "x", SHA256: "zz"}} {
		if err := c.Put(t.Context(), &Entry{ID: "good"}, e); err == nil {
			t.Errorf("%+v was taken", e)
		}
	}
	if got := ids(t, c, Query{}); len(got) != 0 {
		t.Errorf("half of a failed Put stayed: %v", got)
	}
}

func TestPutKeepsSavedState(t *testing.T) {
	base := func() *Entry {
		return &Entry{ID: "v1/i1", Source: 1, Volume: 1, Origin: FromFileSystem, Path: "a", Name: "a", Size: 10,
			Runs: []block.Run{{Physical: 100, Length: 10}}, Verdict: filetype.Consistent}
	}
	saved := func(e *Entry) {
		e.Save, e.SavedAs, e.SHA256 = Saved, "files/1/a", fullEntry().SHA256
	}
	tests := []struct {
		name   string
		change func(*Entry)
		want   SaveState
	}{
		{"the same again", func(*Entry) {}, Saved},
		{"a better verdict", func(e *Entry) { e.Verdict = filetype.Proven }, Saved},
		{"other place", func(e *Entry) { e.Runs[0].Physical = 200 }, Pending},
		{"other size", func(e *Entry) { e.Size = 9 }, Pending},
		{"other path", func(e *Entry) { e.Path, e.Name = "b", "b" }, Pending},
		{"moves to partial", func(e *Entry) { e.Verdict = filetype.Damaged }, Pending},
		{"own state", func(e *Entry) { e.Save = Skipped }, Skipped},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newCatalog(t)
			e := base()
			saved(e)
			mustPut(t, c, e)
			again := base()
			tt.change(again)
			mustPut(t, c, again)
			got := mustGet(t, c, e.ID)
			if got.Save != tt.want {
				t.Errorf("save state %q, want %q", got.Save, tt.want)
			}
			if got.SavedAs != "files/1/a" {
				t.Errorf("the name was lost: %q", got.SavedAs)
			}
			if (got.SHA256 != "") != (tt.want == Saved) {
				t.Errorf("SHA-256 %q beside %s", got.SHA256, got.Save)
			}
		})
	}
}

// crowd puts entries that differ in everything that a query can ask for.
func crowd(t testing.TB, c *Catalog) []*Entry {
	t.Helper()
	var list []*Entry
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	add := func(id, path string, f func(*Entry)) {
		e := &Entry{ID: id, Source: 1, Volume: 1, Origin: FromFileSystem, Path: path, Name: lastName(path), Size: int64(100 * (len(list) + 1)),
			Class: filetype.Other, Save: Pending}
		e.Times.Modified = day.AddDate(0, 0, len(list))
		if f != nil {
			f(e)
		}
		list = append(list, e)
	}
	add("v1/i1", "DCIM", func(e *Entry) { e.Mode = fs.ModeDir; e.Size = 0; e.Class = "" })
	add("v1/i2", "DCIM/B.JPG", func(e *Entry) { e.Class, e.Format, e.Verdict = filetype.Photo, "jpeg", filetype.Consistent })
	add("v1/i3", "DCIM/a.jpg", func(e *Entry) {
		e.Class, e.Format, e.Verdict, e.State = filetype.Photo, "jpeg", filetype.Damaged, filesystem.Deleted
	})
	add("v1/i4", "DCIM0/c.txt", func(e *Entry) { e.Class, e.Format = filetype.Text, "text" })
	add("v2/i1", "etc/passwd.db", func(e *Entry) {
		e.Volume, e.Class, e.Format, e.Verdict, e.Save = 2, filetype.Database, "sqlite", filetype.Proven, Saved
	})
	add("v2/i2", "etc/old.conf", func(e *Entry) { e.Volume, e.Class, e.State = 2, filetype.Settings, filesystem.Old })
	add("c/0x1000", "", func(e *Entry) {
		e.Volume, e.Origin, e.State, e.Name, e.Class, e.Format = 0, FromContent, filesystem.Orphan, "jpeg at 0x1000.jpg", filetype.Photo, "jpeg"
		e.Times = filesystem.Times{}
		e.Missing = block.SetOf(block.Extent{Length: 50})
	})
	mustPut(t, c, list...)
	return list
}

func TestSelect(t *testing.T) {
	c := newCatalog(t)
	crowd(t, c)
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		name string
		q    Query
		want string
	}{
		{"all", Query{}, "v1/i2 v1/i3 v1/i4 v2/i1 v2/i2 c/0x1000"},
		{"with folders", Query{IncludeDirs: true}, "v1/i1 v1/i2 v1/i3 v1/i4 v2/i1 v2/i2 c/0x1000"},
		{"ids", Query{IDs: []string{"c/0x1000", "v1/i2", "none"}}, "v1/i2 c/0x1000"},
		{"name", Query{Name: "*.JpG"}, "v1/i2 v1/i3 c/0x1000"},
		{"prefix", Query{PathPrefix: "DCIM"}, "v1/i2 v1/i3"},
		{"prefix with slash", Query{PathPrefix: "DCIM/", IncludeDirs: true}, "v1/i1 v1/i2 v1/i3"},
		{"whole path", Query{PathPrefix: "DCIM/a.jpg"}, "v1/i3"},
		{"format", Query{Formats: []string{"jpeg", "text"}}, "v1/i2 v1/i3 v1/i4 c/0x1000"},
		{"class", Query{Classes: []filetype.Class{filetype.Database}}, "v2/i1"},
		{"unknown class", Query{Classes: []filetype.Class{"nonsense"}}, ""},
		{"state", Query{States: []filesystem.State{filesystem.Deleted, filesystem.Old}}, "v1/i3 v2/i2"},
		{"verdict", Query{Verdicts: []filetype.Verdict{filetype.Proven}}, "v2/i1"},
		{"drawer", Query{Drawers: []string{"carved", "older"}}, "v2/i2 c/0x1000"},
		{"save", Query{Save: []SaveState{Saved}}, "v2/i1"},
		{"volume", Query{Volumes: []int{2}}, "v2/i1 v2/i2"},
		{"source", Query{Sources: []int{3}}, ""},
		{"size", Query{MinSize: 300, MaxSize: 500}, "v1/i3 v1/i4 v2/i1"},
		{"after", Query{After: day.AddDate(0, 0, 4)}, "v2/i1 v2/i2"},
		{"before", Query{Before: day.AddDate(0, 0, 2)}, "v1/i2"},
		{"by path", Query{Order: ByPath}, "c/0x1000 v1/i2 v1/i3 v1/i4 v2/i2 v2/i1"},
		{"by class", Query{Order: ByClass}, "v1/i2 v1/i3 c/0x1000 v2/i1 v2/i2 v1/i4"},
		{"by size", Query{Order: BySize}, "c/0x1000 v2/i2 v2/i1 v1/i4 v1/i3 v1/i2"},
		{"by time", Query{Order: ByTime}, "v2/i2 v2/i1 v1/i4 v1/i3 v1/i2 c/0x1000"},
		{"limit", Query{Order: BySize, Limit: 2}, "c/0x1000 v2/i2"},
		{"limit with name", Query{Name: "*.jpg", Limit: 2}, "v1/i2 v1/i3"},
		{"from", Query{Order: ByPath, From: "v1/i2", Limit: 2}, "v1/i3 v1/i4"},
		{"from, filtered", Query{Order: ByTime, From: "v2/i1", Classes: []filetype.Class{filetype.Photo}}, "v1/i3 v1/i2 c/0x1000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := fmt.Sprint(ids(t, c, tt.q)); got != "["+tt.want+"]" {
				t.Errorf("got %s, want [%s]", got, tt.want)
			}
		})
	}
	for _, q := range []Query{{Name: "[a"}, {Order: 99}} {
		for _, err := range c.Select(t.Context(), q) {
			if err == nil {
				t.Errorf("%+v was taken", q)
			}
		}
	}
}

func TestSelectPages(t *testing.T) {
	c := newCatalog(t)
	var list []*Entry
	const n = 3*pageSize + 7
	for i := range n {
		list = append(list, &Entry{ID: fmt.Sprintf("v1/i%d", i), Source: 1, Volume: 1, Path: fmt.Sprintf("d/%d", i%10), Size: int64(i % 7), Class: filetype.Other})
	}
	mustPut(t, c, list...)
	for order := range orders {
		seen := map[string]bool{}
		for e, err := range c.Select(t.Context(), Query{Order: order}) {
			if err != nil {
				t.Fatal(err)
			}
			if seen[e.ID] {
				t.Fatalf("order %d: %s came twice", order, e.ID)
			}
			seen[e.ID] = true
			if len(seen)%500 == 0 { // a change while walking neither fails nor deadlocks
				mustPut(t, c, list[0])
			}
		}
		if len(seen) != n {
			t.Errorf("order %d: %d entries, want %d", order, len(seen), n)
		}
	}
}

func TestSummary(t *testing.T) {
	c := newCatalog(t)
	crowd(t, c)
	s, err := c.Summary(t.Context(), Query{})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Total(nil); got != (Count{6, 200 + 300 + 400 + 500 + 600 + 700, 50}) {
		t.Errorf("total %+v", got)
	}
	photos := s.Total(func(g Group) bool { return g.Class == filetype.Photo })
	if photos != (Count{3, 1200, 50}) {
		t.Errorf("photos %+v", photos)
	}
	carved := s.Total(func(g Group) bool { return g.Drawer == "carved" && g.Save == Pending && g.Format == "jpeg" })
	if carved.Files != 1 {
		t.Errorf("carved %+v", carved)
	}
	named, err := c.Summary(t.Context(), Query{Name: "*.jpg"})
	if err != nil {
		t.Fatal(err)
	}
	if got := named.Total(nil); got != photos {
		t.Errorf("by name %+v, want %+v", got, photos)
	}
	if _, err := c.Summary(t.Context(), Query{Name: "["}); err == nil {
		t.Error("a bad pattern was taken")
	}
}

func TestNotes(t *testing.T) {
	c := newCatalog(t)
	ctx := t.Context()
	root := &layers.Layer{ID: "d1", Kind: "disk", Extent: block.Extent{Length: 1 << 30}, State: layers.Good, Score: 100}
	child := &layers.Layer{ID: "v1", Parent: root, Kind: "ext4", Extent: block.Extent{Offset: 1 << 20, Length: 1 << 29}, Label: "DATA\xff",
		UUID: "u", State: layers.Damaged, Score: 77, Rival: true, Readable: true, Volume: 1, Findings: []finding.Finding{empty.New()}}
	root.Children = []*layers.Layer{child}
	rows := LayerRows(root, 1)
	other := LayerRows(&layers.Layer{ID: "d2", Kind: "disk"}, 2)
	for range 2 { // again: replaced, not doubled
		if err := c.PutLayers(ctx, rows); err != nil {
			t.Fatal(err)
		}
		if err := c.PutLayers(ctx, other); err != nil {
			t.Fatal(err)
		}
	}
	got, err := c.Layers(ctx)
	if err != nil || !reflect.DeepEqual(got, slices.Concat(rows, other)) {
		t.Errorf("layers %+v, %v", got, err)
	}

	list := []finding.Finding{empty.New(), lostBytes.New(finding.Arg("count", 3), finding.At(5, 3))}
	if err := c.PutFindings(ctx, "source 1", list); err != nil {
		t.Fatal(err)
	}
	if err := c.PutFindings(ctx, "a", list[:1]); err != nil {
		t.Fatal(err)
	}
	if err := c.PutFindings(ctx, "source 1", list); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Findings(ctx, "source 1"); err != nil || !reflect.DeepEqual(got, list) {
		t.Errorf("findings %+v, %v", got, err)
	}
	if got, err := c.FindingScopes(ctx); err != nil || !slices.Equal(got, []string{"a", "source 1"}) {
		t.Errorf("scopes %v, %v", got, err)
	}

	if done, err := c.Done(ctx, "copy"); done || err != nil {
		t.Error(done, err)
	}
	if err := c.SetDone(ctx, "copy"); err != nil {
		t.Fatal(err)
	}
	if done, err := c.Done(ctx, "copy"); !done || err != nil {
		t.Error(done, err)
	}
	if err := c.ClearStep(ctx, "copy", "never"); err != nil {
		t.Fatal(err)
	}
	if done, err := c.Done(ctx, "copy"); done || err != nil {
		t.Error(done, err)
	}
}

func TestLandmarks(t *testing.T) {
	c := newCatalog(t)
	ctx := t.Context()
	var hits []probe.Hit
	for i := range 10000 {
		hits = append(hits, probe.Hit{ID: []string{"jpeg.soi", "ext.superblock"}[i%2], Offset: int64(i/2)*512 - 1024})
	}
	back := slices.Clone(hits)
	slices.Reverse(back)
	for _, part := range [][]probe.Hit{back[:6000], back[4000:], {{ID: "jpeg.soi", Offset: -1024}}} {
		if err := c.PutLandmarks(ctx, 1, part); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.PutLandmarks(ctx, 2, hits[:1]); err != nil {
		t.Fatal(err)
	}
	n, last := 0, int64(-1<<62)
	for h, err := range c.Landmarks(ctx, 1) {
		if err != nil {
			t.Fatal(err)
		}
		if h.Offset < last {
			t.Fatalf("0x%x after 0x%x", h.Offset, last)
		}
		if !slices.Contains(hits[(h.Offset+1024)/512*2:][:2], h) {
			t.Fatalf("%+v was never put", h)
		}
		last = h.Offset
		n++
	}
	if n != len(hits) {
		t.Errorf("%d landmarks, want %d", n, len(hits))
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	junk := filepath.Join(dir, "junk.db")
	if err := os.WriteFile(junk, []byte("this is no database at all, and long enough to be looked at by any reader of one"), 0o600); err != nil {
		t.Fatal(err)
	}
	newer := filepath.Join(dir, "newer.db")
	c, err := OpenCatalog(newer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.w.Exec("PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	c.Close()
	alien := filepath.Join(dir, "alien.db")
	db, err := open(alien, "rwc", 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("CREATE TABLE x (y)"); err != nil {
		t.Fatal(err)
	}
	db.Close()
	for _, path := range []string{junk, newer, alien} {
		before, _ := os.ReadFile(path)
		if _, err := OpenCatalog(path); !errors.Is(err, ErrSchema) {
			t.Errorf("OpenCatalog(%s): %v", filepath.Base(path), err)
		}
		if _, err := OpenCatalogReadOnly(path); !errors.Is(err, ErrSchema) {
			t.Errorf("OpenCatalogReadOnly(%s): %v", filepath.Base(path), err)
		}
		if after, _ := os.ReadFile(path); string(before) != string(after) {
			t.Errorf("%s was changed", filepath.Base(path))
		}
	}
	if _, err := OpenCatalogReadOnly(filepath.Join(dir, "none.db")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing catalogue: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "none.db")); err == nil {
		t.Error("opening for reading made a file")
	}
}

// The path of a case may hold anything that a URI would take for its own.
func TestOpenStrangePath(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a?mode=ro&x#y %41 ü")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "catalog.db")
	c, err := OpenCatalog(path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	mustPut(t, c, fullEntry())
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestReadersBesideWriter(t *testing.T) {
	c := newCatalog(t)
	ctx := t.Context()
	r, err := OpenCatalogReadOnly(c.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Put(ctx, fullEntry()); !errors.Is(err, ErrReadOnly) {
		t.Errorf("Put on a reader: %v", err)
	}
	var group sync.WaitGroup
	group.Go(func() {
		for i := range 40 {
			var list []*Entry
			for j := range 100 {
				list = append(list, &Entry{ID: fmt.Sprintf("v1/i%d", i*100+j), Source: 1, Volume: 1, Class: filetype.Other})
			}
			if err := c.Put(ctx, list...); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 3 {
		group.Go(func() {
			for range 20 {
				n := 0
				for _, err := range r.Select(ctx, Query{}) {
					if err != nil {
						t.Error(err)
						return
					}
					n++
				}
				if s, err := c.Summary(ctx, Query{}); err != nil || s.Total(nil).Files%100 != 0 {
					t.Errorf("half of a Put was seen: %+v, %v", s, err)
				}
			}
		})
	}
	group.Wait()
	if n := len(ids(t, r, Query{})); n != 4000 {
		t.Errorf("%d entries, want 4000", n)
	}
}

// The writer is killed in the middle of a transaction that has reached the file: whoever opens next, even
// for reading only, sees what stood before.
func TestKilledWriter(t *testing.T) {
	if path := os.Getenv("RECOVERY_TEST_KILL"); path != "" {
		killedWriter(path)
		return
	}
	path := filepath.Join(t.TempDir(), "catalog.db")
	c, err := OpenCatalog(path)
	if err != nil {
		t.Fatal(err)
	}
	mustPut(t, c, fullEntry())
	c.Close()
	for _, reopen := range []func(string) (*Catalog, error){OpenCatalogReadOnly, OpenCatalog} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledWriter$")
		cmd.Env = append(os.Environ(), "RECOVERY_TEST_KILL="+path)
		out, err := cmd.CombinedOutput()
		if err == nil || cmd.ProcessState.ExitCode() == 1 {
			t.Fatalf("the writer was not killed: %v\n%s", err, out)
		}
		if info, err := os.Stat(path + "-journal"); err != nil || info.Size() == 0 {
			t.Fatalf("no journal was left: %v, %v", info, err)
		}
		c, err := reopen(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := ids(t, c, Query{}); !slices.Equal(got, []string{fullEntry().ID}) {
			t.Errorf("%d entries after the crash", len(got))
		}
		c.Close()
	}
}

func killedWriter(path string) {
	c, err := OpenCatalog(path)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	ctx := context.Background()
	tx, err := c.w.BeginTx(ctx, nil)
	if err == nil {
		_, err = tx.Exec("PRAGMA cache_size = 10") // so that pages reach the file before the commit
	}
	for i := 0; i < 20000 && err == nil; i++ {
		e := &Entry{ID: fmt.Sprintf("v1/i%d", i), Source: 1, Path: fmt.Sprintf("some/longer/path/%d", i), Class: filetype.Other}
		var args []any
		if args, err = putArgs(e); err == nil {
			_, err = tx.Stmt(c.put).Exec(args...)
		}
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	p, _ := os.FindProcess(os.Getpid())
	p.Kill()
	select {}
}

func bigEntry(i int) *Entry {
	p := fmt.Sprintf("home/user%d/folder %d/IMG_%07d.JPG", i%17, i/500, i)
	e := &Entry{ID: fmt.Sprintf("v2/i%d", i), Source: 1, Volume: 2, Origin: FromFileSystem, Path: p, Name: lastName(p), Mode: 0o644,
		HasOwner: true, UID: 1000, GID: 1000, Size: int64(i*7919%5000000) + 1, Format: "jpeg", Class: classes[i%11],
		Verdict: filetype.Verdict(i % 6), Sound: true}
	t := time.Unix(1700000000+int64(i*7919%10000000), 0).UTC()
	e.Times = filesystem.Times{Modified: t, Accessed: t, Changed: t}
	e.GoodUntil = e.Size
	e.Runs = []block.Run{{Physical: int64(i) * 5_000_001, Length: e.Size}}
	e.Findings = []finding.Finding{filetype.NoProof.New(finding.Arg("format", "jpeg"))}
	return e
}

// BenchmarkMillion fills a catalogue with a million entries and asks it what the verbs ask.
func BenchmarkMillion(b *testing.B) {
	const n = 1_000_000
	for b.Loop() {
		c := newCatalog(b)
		start := time.Now()
		for i := 0; i < n; {
			batch := make([]*Entry, 0, 5000)
			for ; len(batch) < cap(batch); i++ {
				batch = append(batch, bigEntry(i))
			}
			mustPut(b, c, batch...)
		}
		b.ReportMetric(n/time.Since(start).Seconds(), "put/s")
		if err := c.Optimize(b.Context()); err != nil {
			b.Fatal(err)
		}
		start = time.Now()
		got := 0
		for _, err := range c.Select(b.Context(), Query{Order: ByClass}) {
			if err != nil {
				b.Fatal(err)
			}
			got++
		}
		if got != n {
			b.Fatalf("%d entries", got)
		}
		b.ReportMetric(n/time.Since(start).Seconds(), "select/s")
		start = time.Now()
		if _, err := c.Summary(b.Context(), Query{}); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(start).Seconds(), "summary-s")
		start = time.Now()
		for _, err := range c.Select(b.Context(), Query{Order: ByPath, From: "v2/i500000", Limit: 100}) {
			if err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(time.Since(start).Seconds()*1000, "page-ms")
		start = time.Now()
		if a, err := Attribute(b.Context(), c, 1); err != nil || a.Owned.Empty() {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(start).Seconds(), "attribute-s")
		if info, err := os.Stat(c.Path()); err == nil {
			b.ReportMetric(float64(info.Size())/n, "B/entry")
		}
	}
}
