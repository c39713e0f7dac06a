package carve

import (
	"fmt"

	"salvor/filetype"
	"salvor/finding"
)

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{interrupted}

var interrupted = &finding.Def{Code: "carve.interrupted", Severity: finding.Error,
	Text: "at {offset} another whole file begins, a {format}: what stands from there on is not of this file"}

// ends reports whether the file at p shows that one of samples or pixels that seems to go on there has ended: it is whole, large
// enough not to be there by chance, and its format sees what is not of it.
func (c *carver) ends(plain *Found, p *place) bool {
	if p.format == nil || p.offset == plain.Offset || p.report.Verdict < filetype.Consistent || p.format.Loose && !long(p.format) {
		return false
	}
	return sizeOf(p.report, c.bound(p.offset).Length) >= substantial
}

// interrupted gives a file that has ended where the one at p begins.
func (c *carver) interrupted(f Found, p *place) error {
	at := p.offset
	f.Report.Verdict = filetype.Damaged
	f.Report.GoodUntil = at - f.Offset
	f.Report.Findings = append([]finding.Finding{interrupted.New(finding.At(f.Report.GoodUntil, 0), finding.Arg("format", p.format.Name))}, f.Report.Findings...)
	if f.Size = sizeOf(f.Report, f.Report.GoodUntil); c.Hold != nil {
		c.Hold(f)
		return nil
	}
	if f.Size == 0 {
		c.stats.Chance++
		return nil
	}
	return c.give(f)
}

// give counts a file and gives it away.
func (c *carver) give(f Found) error {
	c.stats.Found++
	if err := c.Emit(f); err != nil {
		return fmt.Errorf("carve: %w", err)
	}
	return nil
}

// longSignature is how many bytes of a signature are no coincidence among all the sectors of a medium.
const longSignature = 8

// long reports whether all signatures of a format are long.
func long(f *filetype.Format) bool {
	for _, s := range f.Signatures {
		n := 0
		for i := range s.Bytes {
			if s.Mask == nil || s.Mask[i] == 0xFF {
				n++
			}
		}
		if n < longSignature {
			return false
		}
	}
	return true
}
