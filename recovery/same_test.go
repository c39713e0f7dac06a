package recovery

import (
	"fmt"
	"strings"
	"testing"

	"salvor/block"
)

// TestSame finds the other ways to a content: names of one inode, copies that were saved, and the file of a duplicate.
func TestSame(t *testing.T) {
	c := newCatalog(t)
	at := func(id string, runs ...block.Run) *Entry {
		return &Entry{ID: id, Source: 1, Volume: 1, Origin: FromFileSystem, Path: id, Name: id, Size: 1000, Runs: runs}
	}
	run := block.Run{Physical: 4096, Length: 1000}
	saved := at("saved", block.Run{Physical: 90000, Length: 1000})
	copied := at("copied", block.Run{Physical: 190000, Length: 1000})
	for _, e := range []*Entry{saved, copied} {
		e.SHA256, e.Save, e.SavedAs = strings.Repeat("5a", 32), Saved, "files/"+e.ID
	}
	duplicate := at("duplicate", block.Run{Physical: 500000, Length: 1000})
	duplicate.DuplicateOf, duplicate.Save = "saved", Skipped
	longer := at("longer", run)
	longer.Size = 999
	mustPut(t, c, at("name", run), at("link", run), longer, saved, copied, duplicate, at("empty"), at("also empty"))
	for id, want := range map[string]string{"name": "[link]", "link": "[name]", "saved": "[copied]", "duplicate": "[saved]", "empty": "[]", "longer": "[]"} {
		list, err := c.Same(t.Context(), mustGet(t, c, id))
		if err != nil {
			t.Fatal(err)
		}
		ids := []string{}
		for _, e := range list {
			ids = append(ids, e.ID)
		}
		if fmt.Sprint(ids) != want {
			t.Errorf("%s: %v, want %s", id, ids, want)
		}
	}
}
