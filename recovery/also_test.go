package recovery

import (
	"slices"
	"testing"
)

// TestAlsoIDs asks for files beside those that the other fields ask for.
func TestAlsoIDs(t *testing.T) {
	b := newBench(t)
	for _, name := range []string{"a.db", "a.db-wal", "b.txt", "c.jpg"} {
		b.add(name, []byte(name), nil)
	}
	for _, tc := range []struct {
		name string
		q    Query
		want []string
	}{
		{"by pattern", Query{Name: "*.db", AlsoIDs: []string{"v2/i2"}}, []string{"a.db", "a.db-wal"}},
		{"by path", Query{PathPrefix: "c.jpg", AlsoIDs: []string{"v2/i2", "v2/i1"}}, []string{"a.db", "a.db-wal", "c.jpg"}},
		{"by ID", Query{IDs: []string{"v2/i3"}, AlsoIDs: []string{"v2/i3", "v2/i4"}}, []string{"b.txt", "c.jpg"}},
		{"of no file", Query{Name: "*.db", AlsoIDs: []string{"v9/i9"}}, []string{"a.db"}},
		{"none", Query{Name: "*.db"}, []string{"a.db"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			for e, err := range b.c.Select(t.Context(), tc.q) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, e.Path)
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
	// What is saved is the same selection.
	if r := b.save(func(o *SaveOptions) { o.Query = Query{Name: "*.db", AlsoIDs: []string{"v2/i2"}} }); r.Saved.Files != 2 {
		t.Errorf("%+v", r)
	}
}
