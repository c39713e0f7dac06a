package mp4

import (
	"fmt"
	"strings"
	"time"

	"salvor/block"
	"salvor/block/probe"
	"salvor/filetype"
	"salvor/filetype/internal/window"
	"salvor/finding"
)

// Formats returns the rows of this family: mp4 for files that begin with their brands, and mov for older
// QuickTime files that do not.
func Formats() []filetype.Format {
	first := func(id, kind string) probe.Probe {
		return probe.Probe{ID: "mov." + id, Bytes: []byte(kind), At: 4, Align: 512}
	}
	return []filetype.Format{{
		Name:       "mp4",
		Class:      filetype.Video,
		Extensions: []string{"mp4", "mov", "m4a", "m4v", "m4b", "3gp", "3g2", "heic", "heif", "avif", "cr3", "f4v"},
		Signatures: []probe.Probe{{ID: "mp4.ftyp", Bytes: []byte("ftyp"), At: 4, Align: 512}},
		Ceiling:    filetype.Consistent,
		Carve:      true,
		Single:     true,
		Examine:    examine,
		Scout:      Scout,
		Preview:    preview,
		Thumbnail:  thumbnail,
	}, {
		Name:       "mov",
		Class:      filetype.Video,
		Extensions: []string{"mov", "qt"},
		Signatures: []probe.Probe{first("moov", "moov"), first("mdat", "mdat"), first("wide", "wide"),
			first("free", "free"), first("skip", "skip"), first("pnot", "pnot")},
		Ceiling:   filetype.Consistent,
		Carve:     true,
		Examine:   examine,
		Scout:     Scout,
		Preview:   preview,
		Thumbnail: thumbnail,
	}}
}

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{badBox, noIndex, noData, overlap, openEnd, externalData, length, cutOff}

var (
	badBox = &finding.Def{Code: "mp4.structure", Severity: finding.Error,
		Text: "{what}: {found}, expected {expected}"}
	noIndex = &finding.Def{Code: "mp4.no-index", Severity: finding.Error,
		Text: "the index (moov) was never written, as when a recording is interrupted; the data is there and may be repaired with a file of the same camera"}
	noData = &finding.Def{Code: "mp4.no-data", Severity: finding.Error,
		Text: "there is no picture and no track in the file"}
	overlap = &finding.Def{Code: "mp4.overlap", Severity: finding.Error,
		Text: "two chunks of samples share a part of the file: one at {found}, expected {expected}"}
	openEnd = &finding.Def{Code: "mp4.open-end", Severity: finding.Warning,
		Text: "the last box does not tell its size: it goes on to the end of the source"}
	externalData = &finding.Def{Code: "mp4.external", Severity: finding.Warning,
		Text: "a track has its samples in another file"}
	length = &finding.Def{Code: "mp4.length", Severity: finding.Info,
		Text: "{count} samples in their places, {duration} long; pictures and sound carry no checksum and were not decoded"}
	cutOff = &finding.Def{Code: "mp4.cut", Severity: finding.Error,
		Text: "the file ends before its boxes or samples do"}
)

// scratch returns a window for short tables.
func (x *exam) scratch() *window.Window { return window.New(x.ctx, x.src, 4<<10) }

// report sums up the examination.
func (x *exam) report() filetype.Report {
	r := filetype.Report{Size: x.end, Missing: x.missing, Hints: x.hints}
	r.Extension, r.Class = x.kind()
	r.Hints.Camera = strings.TrimSpace(x.maker + " " + x.model)
	have := min(x.end, x.src.Size())
	content := x.moov != nil || len(x.moofs) > 0 || r.Class == filetype.Photo && x.meta != nil
	if !content || x.cut && x.missing.Empty() && x.end < x.src.Size() {
		x.missing.Add(block.Extent{Offset: max(x.end, x.src.Size()), Length: 1})
		if x.end < x.src.Size() && !x.cut && !x.short {
			x.missing = block.SetOf(block.Extent{Offset: x.end, Length: 1})
		}
		r.Missing = x.missing
	}
	for e := range x.missing.All() {
		r.Size = max(r.Size, e.End())
	}
	first := have
	for e := range x.missing.All() {
		first = min(first, e.Offset)
		break
	}
	switch {
	case x.broken >= 0:
		r.Verdict, r.GoodUntil = filetype.Damaged, x.goodUntil(min(x.broken, first))
	case !x.missing.Empty():
		r.Verdict, r.GoodUntil = filetype.Partial, x.goodUntil(first)
		if !content {
			r.Findings = append(r.Findings, noIndex.New(finding.At(x.end, 0)))
		} else {
			e := x.missing.Extents()[0]
			r.Findings = append(r.Findings, cutOff.New(finding.At(e.Offset, e.Length)))
		}
	case len(x.tracks) == 0 && len(x.moofs) == 0 && x.samples == 0:
		r.Verdict, r.GoodUntil = filetype.Unknown, have
		r.Findings = append(r.Findings, noData.New())
	default:
		r.Verdict, r.GoodUntil = filetype.Consistent, x.end
		r.Size = x.end
	}
	if !content && r.Verdict == filetype.Damaged {
		r.Findings = append(r.Findings, noIndex.New(finding.At(x.end, 0)))
	}
	if r.Verdict == filetype.Damaged || r.Verdict == filetype.Partial {
		x.plays(&r)
	}
	r.Findings = append(r.Findings, x.found...)
	if (r.Verdict == filetype.Damaged || r.Verdict == filetype.Partial) && (!content || r.Class == filetype.Photo) {
		filetype.TellPart(&r, "mp4")
		return r
	}
	filetype.TellPart(&r, "mp4")
	if r.Verdict >= filetype.Partial {
		r.Findings = append(r.Findings, length.New(finding.Arg("count", fmt.Sprint(x.samples)),
			finding.Arg("duration", x.duration.Round(100*time.Millisecond))))
	}
	return r
}
