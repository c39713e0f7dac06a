package all_test

import (
	"os"
	"strings"
	"testing"
)

// The table of formats for people names each one, with the best verdict that it can get.
func TestFormatsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/carve.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{}
	for line := range strings.Lines(string(page)) {
		if cells := strings.Split(line, " | "); len(cells) == 6 {
			rows[strings.TrimPrefix(cells[0], "| ")] = cells
		}
	}
	for _, f := range table(t).Formats() {
		row := rows[f.Name]
		if row == nil {
			t.Errorf("%s is not in the table", f.Name)
			continue
		}
		if row[3] != f.Ceiling.Words() {
			t.Errorf("%s is %q at best, the table says %q", f.Name, f.Ceiling.Words(), row[3])
		}
		delete(rows, f.Name)
	}
	delete(rows, "|")
	for name := range rows {
		if name != "" {
			t.Errorf("there is no format %s", name)
		}
	}
}
