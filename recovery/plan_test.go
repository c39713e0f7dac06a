package recovery

import (
	"slices"
	"strings"
	"testing"
	"time"

	"salvor/filesystem"
	"salvor/filetype"
)

// No page of a walk sorts the catalogue or passes over it again, whatever is asked for: otherwise a walk
// over a million entries takes hours.
func TestPagesFollowIndexes(t *testing.T) {
	c := newCatalog(t)
	if err := c.Optimize(t.Context()); err != nil {
		t.Fatal(err)
	}
	full := Query{Sources: []int{1}, Volumes: []int{2}, Drawers: []string{"files"}, Verdicts: []filetype.Verdict{filetype.Proven},
		Classes: []filetype.Class{filetype.Photo}, States: []filesystem.State{filesystem.Live}, Save: []SaveState{Pending},
		Formats: []string{"jpeg"}, MinSize: 1, MaxSize: 5, After: time.Unix(1, 0), Before: time.Unix(2, 0)}
	for order := range orders {
		for _, q := range []Query{{}, {Sources: []int{1}}, full} {
			q.Order = order
			first, next, args := q.texts()
			for _, text := range []string{first, next} {
				values := slices.Clone(args)
				if text == next {
					values = append([]any{"x"}, values...)
				}
				plan := explain(t, c, text, append(values, 10)...)
				if strings.Contains(plan, "USE TEMP B-TREE") || !strings.Contains(plan, "SCAN entries") && !strings.Contains(plan, "SEARCH entries USING") {
					t.Errorf("order %d: %s\n%s", order, text, plan)
				}
			}
		}
	}
	for text, want := range map[string]string{beginningSQL: "entries_first (source=? AND first=?)", savedBeforeSQL: "entries_sha (sha256=?)", savedFilesSQL: "entries_saved (saved_as>?)"} {
		args := make([]any, strings.Count(text, "?"))
		if plan := explain(t, c, text, args...); !strings.Contains(plan, want) {
			t.Errorf("%s\n%s", text, plan)
		}
	}
	plan := explain(t, c, contestedSQL, int64(-1), 1, 10)
	if strings.Contains(plan, "TEMP B-TREE") || !strings.Contains(plan, "SEARCH e USING INTEGER PRIMARY KEY") ||
		!strings.Contains(plan, "SEARCH o USING INDEX entries_first") {
		t.Error(plan)
	}
}

func explain(t *testing.T, c *Catalog, text string, args ...any) string {
	t.Helper()
	var plan strings.Builder
	err := c.each(t.Context(), "EXPLAIN QUERY PLAN "+text, args, func(row scanner) error {
		var a, b, d int
		var detail string
		err := row.Scan(&a, &b, &d, &detail)
		plan.WriteString(detail + "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return plan.String()
}
