package recovery

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"salvor/cursor"
	"salvor/filesystem"
	"salvor/filetype"
)

// shelfOf is a catalogue of files of all kinds in folders of all kinds, of three chunks.
func shelfOf(t *testing.T, c *Catalog, n int) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	words := []string{"a", "B", "IMG_1", "Zoë", "Zoe\u0308", "ÜBER", "\u212aelvin", "x*y", "50%_", "naïve.TXT", "\xff\xfe", "q;", "日本語"}
	folders := []string{"", "DCIM", "dcim", "DCIM/100", "DCIM/100/x y", "DCIM0", "été", "deep/er/and/deeper"}
	var list []*Entry
	for i := range n {
		dir, name := folders[r.IntN(len(folders))], words[r.IntN(len(words))]+words[r.IntN(len(words))]+fmt.Sprint(r.IntN(50))
		e := &Entry{ID: fmt.Sprintf("v%d/i%d", 1+i%2, i), Source: 1, Volume: 1 + i%2, Origin: FromFileSystem, Path: strings.Trim(dir+"/"+name, "/"), Name: name, Mode: 0o644,
			Size: int64(r.IntN(5000)), Class: classes[r.IntN(len(classes))], Verdict: filetype.Verdict(r.IntN(6))}
		e.State = []filesystem.State{filesystem.Live, filesystem.Live, filesystem.Deleted, filesystem.Old}[r.IntN(4)]
		if r.IntN(3) > 0 {
			e.Times.Modified = time.Unix(int64(r.IntN(1000)), 0).UTC()
		}
		switch r.IntN(20) {
		case 0:
			e.Mode |= fs.ModeDir
		case 1:
			e.Origin, e.Volume, e.Path, e.State = FromContent, 0, "", filesystem.Orphan
		case 2:
			e.Size = 5 << 40
		}
		list = append(list, e)
	}
	mustPut(t, c, list...)
}

// plainly answers a listing in the slow way that cannot be wrong.
func plainly(t *testing.T, all []*Entry, l Listing) (items []string, total Count) {
	t.Helper()
	q := l.Query
	q.IncludeDirs = l.InFolder
	drawersOnly := Query{Drawers: q.Drawers, Volumes: q.Volumes, PathPrefix: q.PathPrefix, IncludeDirs: true}
	if l.InFolder {
		q = drawersOnly
	}
	var files []*Entry
	folders := map[string]bool{}
	decide, err := q.Decider()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		if !decide(e) {
			continue
		}
		at := parent(e.Path)
		if e.IsDir() {
			at = e.Path
		} else {
			total.add(Count{Files: 1, Bytes: e.Size})
		}
		if !l.InFolder {
			files = append(files, e)
			continue
		}
		name, exact, ok := folderName(q.PathPrefix, at)
		switch {
		case !ok:
		case !exact:
			folders[name] = true
		case !e.IsDir():
			files = append(files, e)
		}
	}
	sign := 1
	if l.Down {
		sign = -1
	}
	slices.SortStableFunc(files, func(a, b *Entry) int {
		switch l.Sort {
		case SortSize:
			return sign * cmp.Compare(a.Size, b.Size)
		case SortTime:
			switch x, y := millis(a.moment()), millis(b.moment()); {
			case x == y:
				return 0
			case x == noTime:
				return 1
			case y == noTime:
				return -1
			default:
				return sign * cmp.Compare(x, y)
			}
		case SortVerdict:
			rank := func(v filetype.Verdict) int { return (6 - int(v)) % 6 } // Unknown is 0
			x, y := rank(a.Verdict), rank(b.Verdict)
			if !l.Down { // what is not known at all comes last
				if x == 0 {
					x = 9
				}
				if y == 0 {
					y = 9
				}
				return cmp.Compare(x, y)
			}
			return cmp.Compare(int(a.Verdict), int(b.Verdict))
		}
		return sign * cmp.Compare(foldName(a.Name), foldName(b.Name))
	})
	for _, name := range slices.SortedFunc(maps.Keys(folders), compareFolders) {
		items = append(items, name+"/")
	}
	for _, e := range files {
		items = append(items, e.ID)
	}
	return items, total
}

// pages walks over all pages of a listing.
func pages(t *testing.T, c *Catalog, l Listing) (items []string, total Count) {
	t.Helper()
	for n := 0; ; n++ {
		got, err := c.List(t.Context(), l)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range got.Items {
			if i.Entry == nil {
				items = append(items, i.Name+"/")
			} else {
				items = append(items, i.Entry.ID)
			}
		}
		if len(got.Items) > l.Limit || n > 10000 {
			t.Fatalf("page %d of %d items", n, len(got.Items))
		}
		if total = got.Total; got.Next == "" {
			return items, total
		}
		l.After = got.Next
	}
}

var listings = map[string]Listing{
	"all by name":        {},
	"by name, down":      {Down: true},
	"by size":            {Sort: SortSize},
	"largest":            {Sort: SortSize, Down: true, Query: Query{Drawers: []string{"deleted", "older"}}},
	"oldest":             {Sort: SortTime},
	"newest":             {Sort: SortTime, Down: true, Query: Query{Classes: []filetype.Class{filetype.Photo}}},
	"best":               {Sort: SortVerdict, Query: Query{Volumes: []int{2}}},
	"worst":              {Sort: SortVerdict, Down: true},
	"carved":             {Query: Query{Drawers: []string{"carved"}}},
	"root":               {InFolder: true, Query: Query{Volumes: []int{1}, Drawers: []string{"files"}}},
	"folder":             {InFolder: true, Sort: SortSize, Query: Query{Volumes: []int{1}, PathPrefix: "DCIM"}},
	"deleted in folder":  {InFolder: true, Query: Query{Volumes: []int{2}, PathPrefix: "DCIM/100", Drawers: []string{"deleted"}}},
	"below a folder":     {Query: Query{PathPrefix: "DCIM", Verdicts: []filetype.Verdict{filetype.Damaged, filetype.Partial}}},
	"search":             {Query: Query{Name: "*img_1*"}},
	"search of a sign":   {Query: Query{Name: "*zoë*"}, Sort: SortTime},
	"search of an end":   {Query: Query{Name: "*K*"}},
	"search of a star":   {Query: Query{Name: `*x\*y*`}},
	"search of a figure": {Query: Query{Name: "*%_1*"}},
	"pattern":            {Query: Query{Name: "?*[0-4]"}},
	"nothing":            {Query: Query{Name: "*nothing like it*"}},
	"sizes":              {Query: Query{MinSize: 1000, MaxSize: 2000}},
	"huge":               {Query: Query{MinSize: 1 << 33}},
	"times":              {Query: Query{After: time.Unix(100, 0), Before: time.Unix(200, 0)}},
	"before":             {Query: Query{Before: time.Unix(200, 0)}},
}

// some are all questions, or with -short some of them, other ones for each test.
func some(t *testing.T, all map[string]Listing) map[string]Listing {
	if !testing.Short() {
		return all
	}
	out := map[string]Listing{}
	for i, name := range slices.Sorted(maps.Keys(all)) {
		if i%6 == len(t.Name())%6 {
			out[name] = all[name]
		}
	}
	return out
}

// compareListings compares the pages of listings with what the entries themselves say.
func compareListings(t *testing.T, c *Catalog, listings map[string]Listing) {
	t.Helper()
	var all []*Entry
	for e, err := range c.Select(t.Context(), Query{IncludeDirs: true}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	for name, l := range listings {
		if strings.HasPrefix(name, "search of") && strings.HasPrefix(path.Base(t.Name()), "read") {
			continue
		}
		want, total := plainly(t, all, l)
		l.Limit = max(7, len(want)/2)
		got, n := pages(t, c, l)
		if !slices.Equal(got, want) {
			for i := range min(len(got), len(want)) {
				if got[i] != want[i] {
					t.Errorf("%s: item %d is %s, want %s", name, i, got[i], want[i])
					break
				}
			}
			t.Errorf("%s: %d items, want %d", name, len(got), len(want))
		}
		if n != total {
			t.Errorf("%s: %+v in all, want %+v", name, n, total)
		}
		if l.InFolder {
			continue
		}
		if n, err := c.Tally(t.Context(), l.Query); err != nil || n != total {
			t.Errorf("%s: a tally of %+v, want %+v, %v", name, n, total, err)
		}
	}
}

// TestListingsInOrder compares pages of files that were found folder by folder, as they are on most media, so that chunks
// lie beside a folder, or in one of those in it.
func TestListingsInOrder(t *testing.T) {
	c := newCatalog(t)
	var list []*Entry
	for _, dir := range []string{"a", "a/b", "a/b-c", "a/b/d", "a/c", "a.x", "b\x00c", "b/c", "z"} {
		for i := range 1500 {
			name := fmt.Sprintf("%s/%04d", dir, i*7%1500)
			list = append(list, &Entry{ID: fmt.Sprint(dir, i), Source: 1, Volume: 1, Origin: FromFileSystem, Path: name, Name: lastName(name), Mode: 0o644,
				Size: int64(i), Verdict: filetype.Verdict(len(dir)), Times: filesystem.Times{Modified: time.Unix(int64(len(list)), 0).UTC()}})
		}
	}
	mustPut(t, c, list...)
	if err := c.Optimize(t.Context()); err != nil {
		t.Fatal(err)
	}
	in := func(dir string) Listing { return Listing{InFolder: true, Query: Query{PathPrefix: dir}} }
	compareListings(t, c, map[string]Listing{"root": in(""), "a": in("a"), "a/b": in("a/b"), "a/b/d": in("a/b/d"), "b": in("b"), "none": in("c"), "z": in("z"),
		"below a": {Query: Query{PathPrefix: "a"}}, "below a/b": {Sort: SortTime, Down: true, Query: Query{PathPrefix: "a/b"}},
		"largest": {Sort: SortSize, Down: true}, "newest": {Sort: SortTime, Down: true}, "worst": {Sort: SortVerdict, Down: true}})
}

// TestListings compares pages with what the entries themselves say: without columns, with them, and when some are gone.
func TestListings(t *testing.T) {
	c := newCatalog(t)
	shelfOf(t, c, 4500)
	check := func(t *testing.T) { compareListings(t, c, some(t, listings)) }
	t.Run("without columns", check)
	if err := c.Optimize(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := chunksThere(t, c); n != 6 {
		t.Fatalf("%d blobs", n)
	}
	t.Run("with columns", check)
	e, err := c.Get(t.Context(), "v1/i2000")
	if err != nil {
		t.Fatal(err)
	}
	e.Verdict, e.Size = filetype.Verdict((int(e.Verdict)+1)%6), e.Size+1
	mustPut(t, c, e)
	if n := chunksThere(t, c); n != 3 {
		t.Fatalf("%d blobs are left", n)
	}
	mustPut(t, c, &Entry{ID: "v1/new", Source: 1, Volume: 1, Origin: FromFileSystem, Path: "DCIM/new", Name: "new", Size: 1500})
	if n := chunksThere(t, c); n != 0 {
		t.Fatalf("%d blobs are left", n)
	}
	t.Run("after a change", check)
	if err := c.Optimize(t.Context()); err != nil || chunksThere(t, c) != 6 {
		t.Fatal(err)
	}
	e.SHA256, e.Save, e.SavedAs = strings.Repeat("ab", 32), Saved, "files/x"
	mustPut(t, c, e) // tells nothing else of what is listed
	if n := chunksThere(t, c); n != 6 {
		t.Errorf("%d blobs are left", n)
	}
	readOnly, err := OpenCatalogReadOnly(c.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer readOnly.Close()
	c = readOnly
	t.Run("read only", check)
}

func chunksThere(t *testing.T, c *Catalog) (n int) {
	t.Helper()
	if err := c.r.QueryRowContext(t.Context(), "SELECT count(*) FROM chunks").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestCountsBesideAListing holds that each count regards all but what it counts by.
func TestCountsBesideAListing(t *testing.T) {
	c := newCatalog(t)
	shelfOf(t, c, 3000)
	q := Query{Name: "*1*", Drawers: []string{"files"}, Classes: []filetype.Class{filetype.Photo}, Verdicts: []filetype.Verdict{filetype.Proven}}
	got, err := c.List(t.Context(), Listing{Query: q, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	count := func(change func(*Query)) (n Count) {
		q := q
		change(&q)
		for e, err := range c.Select(t.Context(), q) {
			if err != nil {
				t.Fatal(err)
			}
			n.add(Count{Files: 1, Bytes: e.Size})
		}
		return n
	}
	for _, d := range drawers {
		if want := count(func(q *Query) { q.Drawers = []string{d} }); got.ByDrawer[d] != want {
			t.Errorf("%s: %+v, want %+v", d, got.ByDrawer[d], want)
		}
	}
	for _, cl := range filetype.Classes() {
		if want := count(func(q *Query) { q.Classes = []filetype.Class{cl} }); got.ByClass[cl] != want {
			t.Errorf("%s: %+v, want %+v", cl, got.ByClass[cl], want)
		}
	}
	for v := range filetype.Verdict(6) {
		if want := count(func(q *Query) { q.Verdicts = []filetype.Verdict{v} }); got.ByVerdict[v] != want {
			t.Errorf("%v: %+v, want %+v", v, got.ByVerdict[v], want)
		}
	}
}

// TestSteps gathers a choice, and asks for it in all ways that there are.
func TestSteps(t *testing.T) {
	c := newCatalog(t)
	shelfOf(t, c, 2000)
	photos := Query{Classes: []filetype.Class{filetype.Photo}}
	for name, q := range map[string]Query{
		"one":             {Steps: []Step{{Query: Query{IDs: []string{"v1/i2"}}}}},
		"all but one":     {Steps: []Step{{Query: Query{}}, {Query: Query{IDs: []string{"v1/i2", "v2/i3"}}, Out: true}}},
		"out and in":      {Steps: []Step{{Query: photos}, {Query: Query{Name: "*1*"}, Out: true}, {Query: Query{Drawers: []string{"carved"}}}}},
		"nothing":         {Steps: []Step{{Query: photos, Out: true}}},
		"none of that ID": {Steps: []Step{{Query: Query{IDs: []string{"none"}}}}},
	} {
		for range 2 {
			decide, err := q.Decider()
			if err != nil {
				t.Fatal(err)
			}
			var want, got []string
			var bytes int64
			for e, err := range c.Select(t.Context(), Query{}) {
				if err != nil {
					t.Fatal(err)
				}
				if decide(e) {
					want = append(want, e.ID)
					bytes += e.Size
				}
			}
			for e, err := range c.Select(t.Context(), q) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, e.ID)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: %d selected, want %d", name, len(got), len(want))
			}
			n := Count{Files: int64(len(want)), Bytes: bytes}
			if total, err := c.Tally(t.Context(), q); err != nil || total != n {
				t.Errorf("%s: a tally of %+v, want %+v, %v", name, total, n, err)
			}
			if s, err := c.Summary(t.Context(), q); err != nil || s.Total(nil).Bytes != n.Bytes || s.Total(nil).Files != n.Files {
				t.Errorf("%s: a summary of %+v, want %+v, %v", name, s.Total(nil), n, err)
			}
			if total, _, err := Needed(t.Context(), c, q, Target{}); err != nil || total.Files > n.Files {
				t.Errorf("%s: %+v needed of %+v, %v", name, total, n, err)
			}
			if err := c.Optimize(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestOlderProgramsAndDamage opens a catalogue whose columns are not there, are changed by SQL that knows nothing of them,
// or are damaged.
func TestOlderProgramsAndDamage(t *testing.T) {
	c := newCatalog(t)
	shelfOf(t, c, 3000)
	if err := c.Optimize(t.Context()); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", c.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	exec := func(text string, args ...any) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), text, args...); err != nil {
			t.Fatal(err)
		}
	}
	count := func() int64 {
		t.Helper()
		got, err := c.List(t.Context(), Listing{Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		return got.Total.Files
	}
	was := count()
	exec("DELETE FROM entries WHERE id IN ('v1/i0', 'v1/i2', 'v1/i4') OR kind = 1")
	if n := count(); n >= was {
		t.Errorf("%d files, and %d when some were taken away", was, n)
	}
	if err := c.Optimize(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 4))
	was = count()
	largest := func() string {
		t.Helper()
		got, err := c.List(t.Context(), Listing{Limit: 10, Sort: SortSize, Query: Query{Name: "*a*"}})
		if err != nil {
			t.Fatal(err)
		}
		ids := fmt.Sprint(got.Total, got.ByDrawer)
		for _, i := range got.Items {
			ids += " " + i.Entry.ID
		}
		return ids
	}
	want := largest()
	for range 60 {
		part := int64(r.IntN(3)) << partShift
		var p []byte
		if err := c.r.QueryRowContext(t.Context(), "SELECT data FROM chunks WHERE n = ?", part).Scan(&p); err != nil {
			t.Fatal(err)
		}
		bad := slices.Clone(p)
		for range 1 + r.IntN(4) {
			bad[r.IntN(min(len(bad), 300))] ^= byte(1 + r.IntN(255))
		}
		if part > 0 { // nothing covers the digest itself, but that its numbers fit
			exec("UPDATE chunks SET data = ? WHERE n = ?", bad[:len(bad)-r.IntN(2)*r.IntN(len(bad))], part)
			if got := largest(); got != want {
				t.Fatalf("%s, want %s", got, want)
			}
		} else {
			exec("UPDATE chunks SET data = ? WHERE n = ?", bad, part)
			if _, err := c.List(t.Context(), Listing{Limit: 10, Query: Query{Name: "*a*"}}); err != nil {
				t.Fatal(err)
			}
		}
		exec("UPDATE chunks SET data = ? WHERE n = ?", p, part)
	}
	exec("DROP TABLE chunks; DROP TRIGGER chunks_insert; DROP TRIGGER chunks_update; DROP TRIGGER chunks_delete")
	if n := count(); n != was {
		t.Errorf("%d files, want %d", n, was)
	}
	if _, err := c.List(t.Context(), Listing{Limit: 10, After: "%%"}); !errors.Is(err, ErrStart) {
		t.Error("a start that is none")
	}
	if _, err := c.List(t.Context(), Listing{Limit: 10, Query: Query{Name: "[a"}}); err == nil {
		t.Error("a pattern that is none")
	}
	if _, err := c.List(t.Context(), Listing{Limit: 10, Query: Query{Formats: []string{"jpeg"}}}); err == nil {
		t.Error("a listing by format")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.List(ctx, Listing{Limit: 10}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	// The folder may be one that nothing is written to.
	copied := filepath.Join(t.TempDir(), "catalog.db")
	content, err := os.ReadFile(c.Path())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(copied, content, 0o400); err != nil {
		t.Fatal(err)
	}
	o, err := OpenCatalogReadOnly(copied)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if got, err := o.List(t.Context(), Listing{Limit: 10}); err != nil || got.Total.Files == 0 {
		t.Errorf("%+v, %v", got.Total, err)
	}
}

func FuzzChunk(f *testing.F) {
	b := encodeChunk(3, []chunkRow{{seq: 3<<chunkBits + 1, source: 1, volume: 2, path: "a/b", size: 5}, {seq: 3<<chunkBits + 2, path: "a/B c", name: "é", size: 1 << 40}})
	f.Add(b.digest, b.facts, b.names)
	f.Fuzz(func(t *testing.T, raw, facts, names []byte) {
		d, err := decodeDigest(3, raw)
		if err != nil {
			return
		}
		parts := map[int][]byte{partFacts: facts, partNames: names}
		for _, sort := range []Sort{SortName, SortSize, SortTime, SortVerdict} {
			l := Listing{Query: Query{Name: "*b*", PathPrefix: "a"}, InFolder: sort == SortTime, Sort: sort}
			s, err := newSieve(l.Query, l.InFolder, nil)
			if err != nil {
				t.Fatal(err)
			}
			k := &chunk{n: 3, digest: d, load: func(part int) ([]byte, error) { return parts[part], nil }}
			var corrupt *cursor.CorruptError
			if err := l.walk(k, s, &top{sort: sort, limit: 3}, &shelf{limit: 3}, &tally{}); err != nil && !errors.As(err, &corrupt) {
				t.Fatal(err)
			}
		}
	})
}
