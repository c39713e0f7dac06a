package rescue

import (
	"errors"

	"salvor/casefile"
	"salvor/internal/wire"
)

// keepComparison puts what came out into the case: as lines, and as a picture into its report.
func keepComparison(o CompareOptions, c *Compared) (err error) {
	k, err := casefile.Open(o.Path, casefile.Writer, casefile.Options{Program: o.Program})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.Close()) }()
	return k.PutComparison(o.Package, c.Lines())
}

// Lines are what came out as lines of JSON.
func (c *Compared) Lines() wire.Comparing {
	var out wire.Comparing
	for i := range c.Targets {
		t := &c.Targets[i]
		out.Parts = append(out.Parts, wire.FromTarget(t, &c.Regions[t.Region]))
	}
	for i := range c.Others {
		out.Others = append(out.Others, wire.FromOther(&c.Others[i], &c.Regions[c.Others[i].Region], c.Least))
	}
	for i := range c.Choices {
		out.Boots = append(out.Boots, wire.FromChoice(&c.Choices[i], string(c.Leads(c.Regions, &c.Choices[i]))))
	}
	for _, f := range c.Findings {
		out.Findings = append(out.Findings, wire.FromFinding(f))
	}
	return out
}
