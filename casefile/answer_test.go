package casefile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/diagnosis/plan"
	"salvor/internal/wire"
)

// A step that can destroy files stands in the report by its name only, as long as the case does not show them safe.
func TestReportLocksStepsThatDestroy(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	report := filepath.Join(dir, htmlName)
	what := wire.Answering{Steps: []wire.Step{
		{Step: plan.Step{Risk: plan.Reversible, Title: "Try again", Reason: "it can work", Command: "retry-it", Success: "it starts", Otherwise: "stop"}},
		{Step: plan.Step{Risk: plan.Irreversible, Title: "Flash it", Reason: "replaces all", Command: "flash-it now", Conditions: []string{"power holds"}, Success: "it runs", Otherwise: "keep the log"}},
	}}
	hidden := []string{"replaces all", "flash-it now", "power holds", "it runs", "keep the log"}
	for _, safe := range []bool{false, true, false} {
		must(t, os.WriteFile(report, []byte("<section id=\"why\" hidden>\n</section>"), 0o600))
		what.Diagnosis.FilesSafe, what.Diagnosis.Safety = safe, "3 files were found and <not> saved"
		must(t, c.PutAnswer(what))
		page := string(read(t, report))
		for _, text := range hidden {
			if strings.Contains(page, text) != safe {
				t.Errorf("safe %v: %q on %s", safe, text, page)
			}
		}
		if !strings.Contains(page, "Flash it") || !strings.Contains(page, "retry-it") || strings.Contains(page, "can destroy the files") == safe || strings.Contains(page, "<not>") {
			t.Errorf("safe %v: %s", safe, page)
		}
		a, err := c.Answer()
		must(t, err)
		if a.Diagnosis.FilesSafe != safe || len(a.Steps) != 2 || a.Steps[1].Command != "flash-it now" {
			t.Errorf("the case keeps %+v", a)
		}
	}
}
