package filetypetest_test

import (
	"testing"

	"salvor/filetype"
	"salvor/filetype/filetypetest"
)

var rows = []filetype.Format{toy}

func fixtures() map[string][]byte {
	return map[string][]byte{"small": toyFile(10), "large": toyFile(3000)}
}

func TestRunAll(t *testing.T) {
	filetypetest.RunAll(t, rows, fixtures(), map[string]filetypetest.Sample{
		"small": {Verdict: filetype.Proven}, "large": {Row: "toy", Verdict: filetype.Proven},
	})
	if r := filetypetest.Accepted(t, filetypetest.Row(t, rows, "toy"), toyFile(10)); r.Verdict != filetype.Proven {
		t.Errorf("%v %v", r.Verdict, r.Findings)
	}
}

func FuzzRows(f *testing.F) { filetypetest.FuzzAll(f, rows, fixtures(), 1<<10) }
