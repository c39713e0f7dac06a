package filetype

import (
	"salvor/block"
	"salvor/cursor"
	"salvor/finding"
)

// Findings are the kinds of finding that this package declares, for itself and for every format.
var Findings = []*finding.Def{EndsEarly, Unread, Trailing, Erased, Padded, NoFormat, NoProof, broken, units, unitsBefore,
	partlyChecked, notChecked, part, partBefore, locked, Plays, Upper, Followed, BreaksOff}

// The findings that mean the same in every format. Each takes the argument "format".
var (
	// EndsEarly: the source ends before the file does; its place is the end of the source.
	EndsEarly = &finding.Def{Code: "filetype.ends-early", Severity: finding.Error,
		Text: "the {format} ends at {offset}, before its own end; expected there: {expected}"}
	// Unread: bytes of the file could not be read; its place is the range.
	Unread = &finding.Def{Code: "filetype.unread", Severity: finding.Error,
		Text: "bytes of the {format} could not be read ({found})"}
	// Trailing: bytes that are not all zero follow the end of the file.
	Trailing = &finding.Def{Code: "filetype.trailing", Severity: finding.Warning,
		Text: "{count} bytes follow the end of the {format}"}
	// Padded: zeros follow the end of the file.
	Padded = &finding.Def{Code: "filetype.padded", Severity: finding.Info,
		Text: "{count} zero bytes follow the end of the {format}"}
	// Erased: the whole file holds one constant byte, as erased or trimmed flash does.
	Erased = &finding.Def{Code: "filetype.erased", Severity: finding.Warning,
		Text: "all {count} bytes are {found}: erased or never written, not the content that once stood here"}
	// NoFormat: no format of the table accepts the file.
	NoFormat = &finding.Def{Code: "filetype.no-format", Severity: finding.Info,
		Text: "no known format; the content cannot be checked"}
	// NoProof: decodes to the end; the format carries no check that covers every byte.
	NoProof = &finding.Def{Code: "filetype.no-proof", Severity: finding.Info,
		Text: "the {format} reads to its end with no contradiction; it carries no check that covers every byte"}
	// Plays: sound or film that breaks or is cut; found and expected are times.
	Plays = &finding.Def{Code: "filetype.plays", Severity: finding.Warning,
		Text: "plays 0:00–{found} of {expected}"}
	// Upper: a picture that breaks or is cut; found says how much of it is there: "upper 60 %".
	Upper = &finding.Def{Code: "filetype.upper", Severity: finding.Warning,
		Text: "the {found} of the picture are there"}
	// BreaksOff: a stream that tells no length is followed by bytes that are no fill; its place is there.
	BreaksOff = &finding.Def{Code: "filetype.breaks-off", Severity: finding.Warning,
		Text: "the {format} breaks off at {offset}, where other bytes follow; it does not tell how long it is, so this may be its end or not"}
	// Followed: the structure was followed to the end, the content has no check and was not decoded; found says
	// what was followed.
	Followed = &finding.Def{Code: "filetype.followed", Severity: finding.Info,
		Text: "the {format} reads to its end with no contradiction ({found}); its content carries no check and was not decoded"}
)

var (
	broken = &finding.Def{Code: "filetype.broken", Severity: finding.Error,
		Text: "the {format} breaks at {offset}, in its {structure}: expected {expected}, found {found}"}
	units = &finding.Def{Code: "filetype.units", Severity: finding.Warning,
		Text: "{found} of {expected} {unit} are whole"}
	unitsBefore = &finding.Def{Code: "filetype.units-before", Severity: finding.Warning,
		Text: "{found} {unit} before that are whole"}
)

var (
	part = &finding.Def{Code: "filetype.part", Severity: finding.Warning,
		Text: "the first {share} % of the {format} are good ({found} of {expected} bytes)"}
	partBefore = &finding.Def{Code: "filetype.part-before", Severity: finding.Warning,
		Text: "the first {found} bytes of the {format} are good; it does not tell how many it has"}
)

// Part returns the finding that says how much of a file is good where nothing that a person would count is known of it. size is 0
// where that is not known.
func Part(format string, good, size int64) finding.Finding {
	if size > good {
		return part.New(finding.Arg("format", format), finding.Arg("share", good*100/size), finding.Expected(size, good))
	}
	return partBefore.New(finding.Arg("format", format), finding.Expected(nil, good))
}

// TellPart adds to a report on a file that is cut or broken how much of it is good, unless one of its findings says that already: how
// long it plays, how much of a picture or how many units are there, or one of these.
func TellPart(r *Report, format string, these ...*finding.Def) {
	if r.Verdict != Partial && r.Verdict != Damaged {
		return
	}
	for _, f := range r.Findings {
		for _, d := range append(these, Plays, Upper, units, unitsBefore, part, partBefore) {
			if f.Code == d.Code {
				return
			}
		}
	}
	r.Findings = append(r.Findings, Part(format, r.GoodUntil, r.Size))
}

var (
	partlyChecked = &finding.Def{Code: "filetype.partly-checked", Severity: finding.Info,
		Text: "{covered} of the {format} passes its checks; {uncovered} carries none"}
	notChecked = &finding.Def{Code: "filetype.not-checked", Severity: finding.Warning,
		Text: "the {format} is not checked further: {why}"}
	locked = &finding.Def{Code: "filetype.locked", Severity: finding.Warning,
		Text: "the {format} is encrypted: {why}"}
)

// PartlyChecked returns the finding for a file of which only a part is covered by checks that it passes.
func PartlyChecked(format, covered, uncovered string) finding.Finding {
	return partlyChecked.New(finding.Arg("format", format), finding.Arg("covered", covered), finding.Arg("uncovered", uncovered))
}

// NotChecked returns the finding for a file whose content was not looked at, and why.
func NotChecked(format, why string) finding.Finding {
	return notChecked.New(finding.Arg("format", format), finding.Arg("why", why))
}

// Locked returns the finding for a file that is ciphertext, and how that was seen.
func Locked(format, why string) finding.Finding {
	return locked.New(finding.Arg("format", format), finding.Arg("why", why))
}

// Broken returns the finding for a file whose structure contradicts itself.
func Broken(format string, c *cursor.CorruptError) finding.Finding {
	return broken.New(finding.At(c.Offset, 0), finding.Arg("format", format), finding.Arg("structure", c.Structure),
		finding.Expected(c.Expected, c.Found))
}

// Units returns the finding that says how much of a file is whole: "14 of 17 members". total is 0 where it is not
// known.
func Units(done, total int64, unit string) finding.Finding {
	if total > 0 {
		return units.New(finding.Arg("unit", unit), finding.Expected(total, done))
	}
	return unitsBefore.New(finding.Arg("unit", unit), finding.Expected(nil, done))
}

// Stopped completes r for a file whose reading stopped at off with err, an error of src: the file is
// Partial, and what lies between off and need, the offset up to which its structure is known to go on, is
// Missing as far as it could not be read. expected says what should have stood at off. It returns only an
// error that Examine must return in turn: that of a context.
func Stopped(src block.Source, r *Report, format string, off, need int64, expected string, err error) error {
	if isContext(err) {
		return err
	}
	r.Verdict = Partial
	r.GoodUntil = min(r.GoodUntil, off)
	if r.Size < r.GoodUntil {
		r.Size = r.GoodUntil
	}
	need = max(need, off+1)
	if u, ok := block.IsUnreadable(err); ok {
		for _, e := range u.Ranges {
			if e.Length > 0 {
				r.Missing.Add(e.Extent)
				r.Findings = append(r.Findings, Unread.New(finding.At(e.Offset, e.Length),
					finding.Arg("format", format), finding.Expected(nil, e.Why)))
			}
		}
		if len(u.Ranges) > 0 {
			return nil
		}
	}
	if end := src.Size(); off >= end || isEOF(err) {
		end = min(end, max(off, 0))
		end = max(end, min(src.Size(), need))
		r.Missing.Add(block.Between(end, max(need, end+1)))
		r.Findings = append(r.Findings, EndsEarly.New(finding.At(end, 0),
			finding.Arg("format", format), finding.Expected(expected, "the end")))
		return nil
	}
	r.Missing.Add(block.Extent{Offset: off, Length: 1})
	r.Findings = append(r.Findings, Unread.New(finding.At(off, 1),
		finding.Arg("format", format), finding.Expected(nil, err)))
	return nil
}
