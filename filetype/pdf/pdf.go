package pdf

import (
	"salvor/block"
	"salvor/block/probe"
	"salvor/filetype"
	"salvor/finding"
)

// Formats returns the row of this family.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name:       "pdf",
		Class:      filetype.Document,
		Extensions: []string{"pdf"},
		Signatures: []probe.Probe{
			{ID: "pdf.header1", Bytes: []byte("%PDF-1."), Align: 512},
			{ID: "pdf.header2", Bytes: []byte("%PDF-2."), Align: 512},
		},
		Ceiling: filetype.Consistent,
		Carve:   true,
		Single:  true,
		Examine: examine,
		Scout:   Scout,
		Preview: preview,
	}}
}

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{badObject, noEnd, badCross, cutOff, unread, pagesFound, pagesLeft, needsPassword, openLock, disproportion, limitReached, lengthDiffers}

var (
	badObject = &finding.Def{Code: "pdf.structure", Severity: finding.Error,
		Text: "{what}: {found}, expected {expected}"}
	noEnd = &finding.Def{Code: "pdf.no-end", Severity: finding.Error,
		Text: "the end of the file is missing: there is no end mark with a cross-reference before it"}
	badCross = &finding.Def{Code: "pdf.cross-reference", Severity: finding.Error,
		Text: "the last cross-reference is not where the end mark says: {found}"}
	cutOff = &finding.Def{Code: "pdf.cut", Severity: finding.Error,
		Text: "the last change of the file is cut off; the version before it ends at {offset}"}
	unread = &finding.Def{Code: "pdf.unread", Severity: finding.Error,
		Text: "bytes of the file could not be read"}
	pagesFound = &finding.Def{Code: "pdf.pages", Severity: finding.Info,
		Text: "{count} pages and all objects in their places; the format carries no check of every byte"}
	pagesLeft = &finding.Def{Code: "pdf.pages-left", Severity: finding.Warning,
		Text: "the first {found} of {expected} pages are there"}
	needsPassword = &finding.Def{Code: "pdf.password", Severity: finding.Warning,
		Text: "the file is encrypted and needs a password"}
	openLock = &finding.Def{Code: "pdf.encrypted", Severity: finding.Info,
		Text: "the file is encrypted and opens without a password; its streams were not unpacked"}
	disproportion = &finding.Def{Code: "pdf.disproportion", Severity: finding.Warning,
		Text: "object {object} expands out of proportion and was not unpacked to its end"}
	limitReached = &finding.Def{Code: "pdf.too-many", Severity: finding.Warning,
		Text: "the file has more objects than are examined ({expected})"}
	lengthDiffers = &finding.Def{Code: "pdf.length", Severity: finding.Info,
		Text: "the file says that it is {expected} bytes long and has {found}, as after a change"}
)

// report sums up the examination.
func (x *exam) report(lock lock) filetype.Report {
	r := filetype.Report{Size: max(x.end, x.badEnd), Hints: x.hints}
	have := x.src.Size()
	add := func(f finding.Finding) { r.Findings = append(r.Findings, f) }
	switch {
	case !x.missing.Empty():
		r.Verdict = filetype.Partial
		e := x.missing.Extents()[0]
		r.GoodUntil = e.Offset
		r.Size = max(r.Size, x.lastEnd)
		add(unread.New(finding.At(e.Offset, e.Length)))
	case x.badEnd > 0:
		r.Verdict = filetype.Damaged
		r.GoodUntil = max(x.end, min(x.sound, x.badEnd))
		add(badCross.New(finding.At(x.badEnd, 0), finding.Expected(nil, x.badErr)))
	case x.unended:
		r.Verdict = filetype.Partial
		from := max(x.lastEnd, x.end)
		r.GoodUntil = max(x.sound, x.end)
		if x.end > 0 {
			add(cutOff.New(finding.At(x.end, 0)))
		} else {
			add(noEnd.New(finding.At(from, 0)))
		}
		if from < have && have-from > maxSilence {
			x.missing.Add(block.Extent{Offset: from, Length: 1}) // other bytes stand there
		} else {
			x.missing.Add(block.Between(have, max(x.linear, have+1)))
		}
		for e := range x.missing.All() {
			r.Size = max(r.Size, e.End())
		}
	case x.broken >= 0:
		r.Verdict, r.GoodUntil = filetype.Damaged, min(x.broken, x.sound)
	case x.tooMany:
		r.Verdict, r.GoodUntil = filetype.Unknown, x.end
		add(limitReached.New(finding.Expected(maxObjects, nil)))
	case lock == locked:
		r.Verdict, r.GoodUntil = filetype.Encrypted, x.end
		add(needsPassword.New())
	default:
		r.Verdict, r.GoodUntil = filetype.Consistent, x.end
		add(pagesFound.New(finding.Arg("count", x.pages)))
	}
	if n := max(x.pagesSaid, x.pages); n > 0 && (r.Verdict == filetype.Partial || r.Verdict == filetype.Damaged) && x.leading < n {
		add(pagesLeft.New(finding.Expected(n, x.leading)))
	}
	r.Size = max(r.Size, r.GoodUntil)
	r.GoodUntil = min(r.GoodUntil, have, max(r.Size, 0))
	filetype.TellPart(&r, "pdf", pagesLeft, cutOff)
	r.Missing = x.missing
	r.Findings = append(r.Findings, x.found...)
	if lock == open {
		add(openLock.New())
	}
	if x.linear > 0 && r.Verdict == filetype.Consistent && x.linear != x.end {
		add(lengthDiffers.New(finding.Expected(x.linear, x.end)))
	}
	return r
}
