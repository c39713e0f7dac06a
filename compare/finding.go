package compare

import (
	"fmt"
	"slices"
	"strings"

	"salvor/block"
	"salvor/compare/boot"
	"salvor/finding"
)

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{
	written, stoppedAt, complete, notBegun, tornBlock, badBlock, noRoom, lostBlocks, foreignBlocks, behindPart, unplaced, oldUnknown, bothHold, erasedOnly,
	touched, unchanged, nothingFound, bootNext, bootSwitched, bootNotSwitched, bootPending, bootUnknown,
}

var (
	written = &finding.Def{Code: "compare.fraction", Severity: finding.Error,
		Text: "{part} is on {region} in part only: {found} of it, written {order}"}
	stoppedAt = &finding.Def{Code: "compare.stopped", Severity: finding.Error,
		Text: "the writing of {part} to {region} was left between byte {from} and byte {to} of it: {found}"}
	complete = &finding.Def{Code: "compare.complete", Severity: finding.Info,
		Text: "{part} is on {region}, whole and unchanged"}
	notBegun = &finding.Def{Code: "compare.not-begun", Severity: finding.Warning,
		Text: "nothing of {part} is on {region} that was not there before"}
	tornBlock = &finding.Def{Code: "compare.torn", Severity: finding.Error,
		Text: "a block of {region} is torn: of its bytes, {found} are those of {part}"}
	badBlock = &finding.Def{Code: "compare.stopped.bad-block", Severity: finding.Error,
		Text: "the writing of {part} was left at a place of {region} that cannot be read: {found}"}
	noRoom = &finding.Def{Code: "compare.no-room", Severity: finding.Error,
		Text: "{part} has {expected} bytes and {region} has room for {found}"}
	lostBlocks = &finding.Def{Code: "compare.unreadable", Severity: finding.Warning,
		Text: "{found} bytes of {region} where {part} goes could not be read: they say nothing"}
	foreignBlocks = &finding.Def{Code: "compare.foreign", Severity: finding.Warning,
		Text: "{found} bytes of {region} where {part} goes are neither the package's nor the old content"}
	behindPart = &finding.Def{Code: "compare.behind", Severity: finding.Info,
		Text: "{found} bytes stand behind {part} in the package and are not on {region}: as a rule they are not meant for it"}
	oldUnknown = &finding.Def{Code: "compare.old-unknown", Severity: finding.Warning,
		Text: "what {region} held before is not known: bytes that were the same before count as new"}
	erasedOnly = &finding.Def{Code: "compare.erased", Severity: finding.Warning,
		Text: "{found} bytes of {region} where {part} goes are erased: it was never written, or it was erased for this update and nothing followed"}
	bothHold = &finding.Def{Code: "compare.both", Severity: finding.Warning,
		Text: "{region}, which is taken for the old content, holds {found} bytes of {part} of its own: the version before may be another one, which can be named"}
	unplaced = &finding.Def{Code: "compare.unplaced", Severity: finding.Warning,
		Text: "the package installs {part} to {expected}, and no such place, and no trace of it, was found"}
	touched = &finding.Def{Code: "compare.touched", Severity: finding.Warning,
		Text: "{region} was touched: it holds {found} bytes of the package"}
	unchanged = &finding.Def{Code: "compare.unchanged", Severity: finding.Info,
		Text: "{region} is unchanged: {found}"}
	nothingFound = &finding.Def{Code: "compare.no-trace", Severity: finding.Info,
		Text: "no trace of this update was found on {region}; a piece of {expected} bytes would have been"}
	bootNext = &finding.Def{Code: "compare.boot.next", Severity: finding.Info,
		Text: "by the {scheme} in {where} the device starts {found} next"}
	bootSwitched = &finding.Def{Code: "compare.boot.switched", Severity: finding.Warning,
		Text: "boot selection was switched: by the {scheme} in {where} the device starts {found}, the slot that was being written"}
	bootNotSwitched = &finding.Def{Code: "compare.boot.not-switched", Severity: finding.Info,
		Text: "boot selection was not switched: by the {scheme} in {where} the device starts {found}, the slot that was not being written"}
	bootPending = &finding.Def{Code: "compare.boot.pending", Severity: finding.Warning,
		Text: "by the {scheme} in {where} something waits for the next start: {found}"}
	bootUnknown = &finding.Def{Code: "compare.boot.unknown", Severity: finding.Info,
		Text: "nothing was found that says which slot the device starts next"}
)

// Switched says whether boot selection leads to the slot that was being written.
type Switched string

// The answers.
const (
	SwitchedYes Switched = "yes"
	SwitchedNo  Switched = "no"
	SwitchedNot Switched = "cannot tell"
)

// Leads says of what starts next by a boot loader's choice whether it is the slot that was being written.
func (r *Result) Leads(regions []Region, c *boot.Choice) Switched {
	if c.Next == "" {
		return SwitchedNot
	}
	answer := SwitchedNot
	for _, t := range r.Targets {
		region := &regions[t.Region]
		if t.Reference || region.Group == "" || t.fresh() == 0 && t.Order != Complete {
			continue
		}
		switch {
		case leadsTo(c.Next, region):
			return SwitchedYes
		case slices.ContainsFunc(regions, func(o Region) bool { return o.Group == region.Group && leadsTo(c.Next, &o) }):
			answer = SwitchedNo
		}
	}
	return answer
}

// leadsTo reports whether a loader's name for a slot means this one.
func leadsTo(next string, r *Region) bool {
	next = strings.ToLower(strings.TrimSpace(next))
	if next == strings.ToLower(r.Name) || next == r.Slot || next == r.Group+"."+r.Slot || strings.TrimLeft(next, "_-.") == r.Slot {
		return true
	}
	if r.Number > 0 && (next == fmt.Sprintf("partition %d", r.Number) || next == fmt.Sprint(r.Number) || next == fmt.Sprintf("0x%x", r.Number)) {
		return true
	}
	_, slot, ok := SlotName(next)
	return ok && slot == r.Slot
}

// Told returns what comparing came to as findings, with places on the medium.
func (r *Result) Told(regions []Region, choices []boot.Choice) []finding.Finding {
	var out []finding.Finding
	for i := range r.Targets {
		out = append(out, r.Targets[i].told(&regions[r.Targets[i].Region])...)
	}
	for _, o := range r.Others {
		out = append(out, o.told(&regions[o.Region], r.Least))
	}
	for _, p := range r.Unplaced {
		out = append(out, unplaced.New(finding.At(-1, 0), finding.Arg("part", p.words()), finding.Expected(strings.Join(p.Where, ", "), nil)))
	}
	said := false
	for i := range choices {
		c := &choices[i]
		options := []finding.Option{finding.At(c.Offset, 0), finding.Arg("scheme", c.Scheme), finding.Arg("where", c.Where)}
		if c.Next != "" {
			said = true
			def := bootNext
			switch r.Leads(regions, c) {
			case SwitchedYes:
				def = bootSwitched
			case SwitchedNo:
				def = bootNotSwitched
			}
			out = append(out, def.New(append(options, finding.Expected(nil, c.Next))...))
		}
		if c.Pending != "" {
			said = true
			out = append(out, bootPending.New(append(options, finding.Expected(nil, c.Pending))...))
		}
	}
	if !said {
		out = append(out, bootUnknown.New(finding.At(-1, 0)))
	}
	return out
}

func (p *Piece) words() string {
	switch {
	case p.Name != "":
		return p.Name
	case p.Title != "":
		return p.Title
	}
	return "part " + p.ID
}

// Words names the part for people.
func (p Piece) Words() string { return p.words() }

// place is where bytes of a region stand on the medium.
func (r *Region) place(e block.Extent) block.Extent {
	if runs := block.Origin(r.Source, block.Extent{Offset: e.Offset, Length: max(e.Length, 1)}); len(runs) > 0 && runs[0].Kind.Stands() {
		return block.Extent{Offset: runs[0].Physical, Length: e.Length}
	}
	return block.Extent{Offset: r.Place.Offset, Length: r.Place.Length}
}

func (t *Target) told(r *Region) []finding.Finding {
	var out []finding.Finding
	add := func(def *finding.Def, e block.Extent, options ...finding.Option) {
		at := r.place(e)
		out = append(out, def.New(append([]finding.Option{finding.At(at.Offset, at.Length), finding.Arg("part", t.Piece.words()), finding.Arg("region", r.Name)}, options...)...))
	}
	whole := block.Extent{Offset: t.At, Length: t.Piece.Extent.Length - t.NoRoom}
	if t.Reference {
		if t.Own > 0 {
			add(bothHold, whole, finding.Expected(nil, t.Own))
		}
		return out // the rest of the old content is told of with the slot that was written
	}
	if len(t.Old) == 0 && t.Order != Complete {
		add(oldUnknown, whole)
	}
	least, most := t.Written()
	switch t.Order {
	case Complete:
		add(complete, whole)
	case NotBegun:
		add(notBegun, whole)
		if n := t.Bytes[Erased]; n > 0 {
			add(erasedOnly, whole, finding.Expected(nil, n))
		}
	default:
		add(written, whole, finding.Arg("order", string(t.Order)), finding.Expected(nil, Percent(least, most)))
	}
	if t.Order == Ascending || t.Order == Descending {
		def := stoppedAt
		if t.Stop.Kind == AtBadBlock {
			def = badBlock
		}
		add(def, block.Between(t.At+t.Bracket.From, t.At+t.Bracket.To), finding.Arg("from", t.Bracket.From), finding.Arg("to", t.Bracket.To), finding.Expected(nil, t.Stop.Words))
	}
	n := 0
	for _, run := range t.Runs {
		if run.Class == Torn && n < maxFound {
			n++
			add(tornBlock, run.Shift(t.At), finding.Expected(run.Length, fmt.Sprintf("%d to %d of %d", run.NewPart.Offset-run.Offset, run.NewPart.End()-run.Offset, run.Length)))
		}
	}
	if t.NoRoom > 0 {
		add(noRoom, whole, finding.Expected(t.Piece.Extent.Length, t.Piece.Extent.Length-t.NoRoom))
	}
	if n := t.Bytes[Unreadable]; n > 0 {
		add(lostBlocks, whole, finding.Expected(nil, n))
	}
	if n := t.Bytes[Foreign]; n > 0 && t.Order != NotBegun && t.Bytes[Old] > 0 {
		add(foreignBlocks, whole, finding.Expected(nil, n))
	}
	if t.Behind > 0 {
		add(behindPart, whole, finding.Expected(nil, t.Behind))
	}
	return out
}

func (o *Other) told(r *Region, least int64) finding.Finding {
	name := finding.Arg("region", r.Name)
	switch o.Trace {
	case Touched:
		at := r.place(o.Found[0].Extent)
		return touched.New(name, finding.At(at.Offset, at.Length), finding.Expected(nil, o.Bytes))
	case Unchanged:
		return unchanged.New(name, finding.At(r.Place.Offset, r.Place.Length), finding.Expected(nil, o.Proof))
	}
	return nothingFound.New(name, finding.At(r.Place.Offset, r.Place.Length), finding.Expected(least, nil))
}

// Percent writes how much was written: "37.5 %", "12 % to 14 %".
func Percent(least, most float64) string {
	word := func(x float64) string { return fmt.Sprintf("%.4g %%", x*100) }
	if a, b := word(least), word(most); a != b {
		return a + " to " + b
	}
	return word(most)
}
