package recovery

import (
	"fmt"
	"io/fs"
	"reflect"
	"testing"

	"salvor/filesystem"
)

// listed walks through all pages of a folder and returns its children, folders with a slash, those without an entry with two.
func listed(t *testing.T, c *Catalog, f Folder) (out []string) {
	t.Helper()
	for {
		list, more, err := c.Children(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) > f.Limit {
			t.Fatalf("%d children, asked for %d", len(list), f.Limit)
		}
		for _, child := range list {
			name := child.Name
			if child.IsDir() {
				name += "/"
			}
			if child.Entry == nil {
				name += "/"
			}
			out = append(out, name)
		}
		if !more {
			return out
		}
		f.After = list[len(list)-1].Position
	}
}

func TestChildren(t *testing.T) {
	c := newCatalog(t)
	n := 0
	put := func(volume int, state filesystem.State, mode fs.FileMode, paths ...string) {
		for _, p := range paths {
			n++
			mustPut(t, c, &Entry{ID: fmt.Sprintf("v%d/i%d", volume, n), Source: 1, Volume: volume, Origin: FromFileSystem, State: state, Path: p, Name: lastName(p), Mode: mode})
		}
	}
	put(1, filesystem.Live, fs.ModeDir|0o755, "", "a", "a/deep", "empty", "z")
	put(1, filesystem.Live, 0o644, "a-b", "a.txt", "a/one", "a/deep/two", "a/deep/two0", "a0", "b/only/inside", "z/last", "\xff\x01/bytes", "%_'\"")
	put(1, filesystem.Deleted, 0o644, "a/gone", "a/gone", "gone")
	put(2, filesystem.Live, 0o644, "other")
	for i := range 150 {
		put(1, filesystem.Live, 0o644, fmt.Sprintf("z/many/%03d", i))
	}
	live := []string{"files"}
	for _, limit := range []int{1, 2, 100} {
		for _, x := range []struct {
			folder Folder
			want   []string
		}{
			{Folder{Volume: 1, Drawers: live}, []string{`%_'"`, "a/", "a-b", "a.txt", "a0", "b//", "empty/", "z/", "\xff\x01//"}},
			{Folder{Volume: 1, Path: "a", Drawers: live}, []string{"deep/", "one"}},
			{Folder{Volume: 1, Path: "/a/", Drawers: live}, []string{"deep/", "one"}},
			{Folder{Volume: 1, Path: "a/deep", Drawers: live}, []string{"two", "two0"}},
			{Folder{Volume: 1, Path: "b", Drawers: live}, []string{"only//"}},
			{Folder{Volume: 1, Path: "b/only", Drawers: live}, []string{"inside"}},
			{Folder{Volume: 1, Path: "empty", Drawers: live}, nil},
			{Folder{Volume: 1, Path: "none", Drawers: live}, nil},
			{Folder{Volume: 1, Drawers: []string{"deleted", "older"}}, []string{"a//", "gone"}},
			{Folder{Volume: 1, Path: "a", Drawers: []string{"deleted"}}, []string{"gone", "gone"}},
			{Folder{Volume: 1, Path: "a"}, []string{"deep/", "gone", "gone", "one"}},
			{Folder{Volume: 1, Path: "z", Drawers: live}, []string{"last", "many//"}},
			{Folder{Volume: 2, Drawers: live}, []string{"other"}},
			{Folder{Volume: 3, Drawers: live}, nil},
		} {
			x.folder.Source, x.folder.Limit = 1, limit
			if got := listed(t, c, x.folder); !reflect.DeepEqual(got, x.want) {
				t.Errorf("%d at a time, %+v:\n%q, expected\n%q", limit, x.folder, got, x.want)
			}
		}
	}
	if got := listed(t, c, Folder{Source: 1, Volume: 1, Path: "z/many", Drawers: live, Limit: 64}); len(got) != 150 {
		t.Errorf("%d of 150", len(got))
	}
}

// BenchmarkChildren lists the first page of a volume with many files, most of them deep.
func BenchmarkChildren(b *testing.B) {
	c := newCatalog(b)
	var batch []*Entry
	for i := range 100_000 {
		p := fmt.Sprintf("top%02d/sub%03d/file%d", i%50, i%977, i)
		batch = append(batch, &Entry{ID: fmt.Sprintf("v1/i%d", i), Source: 1, Volume: 1, Origin: FromFileSystem, Path: p, Name: lastName(p), Mode: 0o644})
		if len(batch) == 1000 {
			mustPut(b, c, batch...)
			batch = batch[:0]
		}
	}
	for b.Loop() {
		list, _, err := c.Children(b.Context(), Folder{Source: 1, Volume: 1, Limit: 100})
		if err != nil || len(list) != 50 {
			b.Fatal(len(list), err)
		}
	}
}
