package ext

import (
	"os"
	"slices"
	"testing"

	"salvor/block"
	"salvor/filesystem"
	"salvor/filesystem/filesystemtest"
	"salvor/internal/need"
)

// TestJournalConformance holds volumes with a journal to the suite of all file systems.
func TestJournalConformance(t *testing.T) {
	for _, x := range journals {
		if x.name == "journal-data" {
			// Where its log cannot be read, older bytes of files stand in their places, and nothing tells of which.
			continue
		}
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			truth := filesystemtest.TruthFile(t, os.DirFS("testdata"), x.name+".json")
			deleted := 0
			for _, w := range truth {
				if w.State != "" {
					deleted++
				}
			}
			if x.named < deleted { // what need not come back is in TestJournals
				truth = slices.DeleteFunc(truth, func(w filesystemtest.Truth) bool { return w.State != "" })
			}
			rounds := 8
			if need.CI() {
				rounds = 40
			}
			p := readImage(t, x.name)
			v := mustOpen(t, p)
			filesystemtest.Run(t, openTest, block.Bytes(p), truth, filesystemtest.Options{
				Rounds: rounds, Seed: 5, Checked: v.sb.metaCsum() && v.fast == nil && v.over == nil,
				Extra: func(f *filesystem.File) bool { return f.Path == "lost+found" || f.Path == "" },
			})
		})
	}
}
