package text

import (
	"context"
	"fmt"

	"salvor/block"
	"salvor/filetype"
	"salvor/finding"
)

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{zeros, badEncoding, badJSON}

var (
	zeros = &finding.Def{Code: "text.zeros", Severity: finding.Error,
		Text: "the text turns to zeros at {offset} ({count} bytes): its blocks were never written"}
	badEncoding = &finding.Def{Code: "text.encoding", Severity: finding.Error,
		Text: "the text breaks at {offset}: expected {expected}, found {found}"}
	badJSON = &finding.Def{Code: "text.json", Severity: finding.Error,
		Text: "the JSON breaks at {offset}: expected {expected}, found {found}"}
)

// Formats returns the rows of this package, the most exact first.
func Formats() []filetype.Format {
	return []filetype.Format{
		{Name: "json", Class: filetype.Text, Extensions: []string{"json", "jsonl", "ndjson", "geojson"},
			Ceiling: filetype.Consistent, Examine: examineJSON, Preview: preview},
		{Name: "csv", Class: filetype.Text, Extensions: []string{"csv", "tsv"},
			Ceiling: filetype.Consistent, Examine: examineCSV, Preview: preview},
		{Name: "text", Class: filetype.Text, Extensions: []string{"txt", "log", "md", "conf", "cfg", "ini", "sh", "yaml", "yml", "xml", "html"},
			Ceiling: filetype.Consistent, Examine: examineText, Preview: preview},
	}
}

// minHead is how much of a file must be good text before its breaking is called damage, in bytes.
const minHead = 64

func examineText(ctx context.Context, src block.Source) (filetype.Report, error) {
	s := filetype.NewStream(ctx, src, 0)
	var sh shape
	res, err := judge(s, sh.see)
	if err != nil {
		if ctx.Err() != nil {
			return filetype.Report{}, ctx.Err()
		}
		if _, unread := block.IsUnreadable(err); !unread || res.good < minHead || !res.plausible() {
			return filetype.Report{}, filetype.ErrNot
		}
		r := filetype.Report{GoodUntil: res.good, Size: src.Size()}
		sh.describe(&r, res.encoding)
		return r, filetype.Stopped(src, &r, "text", s.Offset(), s.Offset()+1, "text", err)
	}
	if !res.plausible() {
		return filetype.Report{}, filetype.ErrNot
	}
	r := filetype.Report{Size: src.Size(), GoodUntil: res.good}
	sh.describe(&r, res.encoding)
	switch {
	case res.zeroFrom >= 0:
		if res.zeroFrom < minHead {
			return filetype.Report{}, filetype.ErrNot
		}
		r.Verdict = filetype.Damaged
		r.GoodUntil = res.zeroFrom
		count := fmt.Sprint(res.zeroCount)
		if res.zeroCount >= maxZeros {
			count += " or more"
		}
		r.Findings = append(r.Findings, zeros.New(finding.At(res.zeroFrom, res.zeroCount), finding.Arg("count", count)))
	case res.cut:
		r.Verdict = filetype.Partial
		r.Size = src.Size() + 1
		r.Missing.Add(block.Extent{Offset: src.Size(), Length: 1})
		r.Findings = append(r.Findings, filetype.EndsEarly.New(finding.At(src.Size(), 0),
			finding.Arg("format", "text"), finding.Expected("the rest of a character", "the end")))
	case res.badAt >= 0:
		r.Verdict = filetype.Damaged
		r.GoodUntil = res.badAt
		r.Findings = append(r.Findings, badEncoding.New(finding.At(res.badAt, 0), finding.Expected(res.encoding, "bytes that are not")))
	default:
		r.Verdict, r.GoodUntil = filetype.Consistent, r.Size
		r.Findings = append(r.Findings, filetype.NoProof.New(finding.Arg("format", fmt.Sprintf("text (%s)", res.encoding))))
	}
	return r, nil
}
