package zip

import (
	"fmt"

	"salvor/block"
	"salvor/block/probe"
	"salvor/filetype"
	"salvor/finding"
)

// Formats returns the row of this family. What is inside a ZIP is told by [filetype.Report.Extension].
//
// The signature of a member is looked for at the start of sectors only: every member of an archive begins
// with it, and nothing else tells the first one.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name:  "zip",
		Class: filetype.Archive,
		Extensions: []string{"zip", "docx", "xlsx", "pptx", "docm", "xlsm", "pptm", "odt", "ods", "odp", "odg", "epub",
			"jar", "war", "apk", "kmz", "xpi"},
		Signatures: []probe.Probe{
			{ID: "zip.local", Bytes: []byte("PK\x03\x04"), Align: 512},
			{ID: "zip.empty", Bytes: []byte("PK\x05\x06\x00\x00\x00\x00"), Align: 512},
		},
		Ceiling: filetype.Proven,
		Carve:   true,
		Examine: examine,
		Scout:   Scout,
		Preview: preview,
	}}
}

// report sums up the examination.
func (x *exam) report() filetype.Report {
	doc := x.kind.document()
	r := filetype.Report{Size: x.size, Extension: doc.extension, Class: doc.class, Hints: x.kind.hints(), Missing: x.missing}
	var count [unchecked + 1]int
	for i := range x.list {
		count[x.list[i].state]++
	}
	total := len(x.list)
	switch {
	case x.broken >= 0:
		r.Verdict, r.GoodUntil = filetype.Damaged, x.broken
		if x.lostAt >= 0 {
			r.GoodUntil = min(x.broken, x.lostAt)
		}
	case !x.missing.Empty():
		r.Verdict, r.GoodUntil = filetype.Partial, x.lostAt
	case x.limited:
		r.Verdict, r.GoodUntil = filetype.Unknown, x.size
		r.Findings = append(r.Findings, tooMany.New(finding.Expected(maxMembers, nil)))
	case !x.complete:
		r.Verdict, r.GoodUntil = filetype.Partial, x.size
		r.Findings = append(r.Findings, directoryMissing.New(finding.At(x.size, 0)))
	case total > 0 && count[locked] == total || x.kind.locked():
		r.Verdict, r.GoodUntil = filetype.Encrypted, x.size
		r.Findings = append(r.Findings, allEncrypted.New())
	default:
		r.Verdict, r.GoodUntil = filetype.Proven, x.size
		if x.weak || !doc.sealed || count[whole] < total {
			r.Verdict = filetype.Consistent
		}
	}
	r.GoodUntil = min(r.GoodUntil, x.w.Size())
	r.Size = max(r.Size, r.GoodUntil)
	if r.Verdict == filetype.Damaged || r.Verdict == filetype.Partial {
		r.Findings = append(r.Findings, members.New(finding.Arg("good", count[whole]), finding.Arg("total", total)))
	}
	if count[locked] > 0 && r.Verdict != filetype.Encrypted {
		r.Findings = append(r.Findings, someEncrypted.New(finding.Arg("count", count[locked]), finding.Arg("total", total)))
	}
	r.Findings = append(r.Findings, x.found...)
	for _, method := range sortedMethods(x.methods) {
		name := knownMethods[method]
		if name == "" {
			name = fmt.Sprint(method)
		}
		r.Findings = append(r.Findings, notDecoded.New(finding.Arg("count", x.methods[method]), finding.Arg("method", name)))
	}
	for _, d := range Findings { // in the order of the table, so that reports are equal from run to run
		if f, ok := x.notes[d]; ok && (r.Verdict == filetype.Consistent || d.Severity > finding.Info) {
			r.Findings = append(r.Findings, f)
		}
	}
	if r.Verdict == filetype.Partial && len(x.found) == 0 && !x.missing.Empty() {
		e := x.missing.Extents()[0]
		def, said := filetype.EndsEarly, "more of the archive"
		if e.Offset < x.w.Size() {
			def = filetype.Unread
		}
		r.Findings = append(r.Findings, def.New(finding.At(e.Offset, e.Length), finding.Arg("format", "zip"), finding.Expected(said, "unreadable")))
	}
	if r.Verdict == filetype.Consistent && !doc.sealed {
		r.Findings = append(r.Findings, plainArchive.New())
	}
	r.Uncovered = x.slackBytes.Within(block.Extent{Length: r.Size})
	return r
}

func sortedMethods(m map[uint16]int) []uint16 {
	var list []uint16
	for i := range uint16(100) {
		if m[i] > 0 {
			list = append(list, i)
		}
	}
	for k := range m {
		if k >= 100 {
			list = append(list, k)
		}
	}
	return list
}
