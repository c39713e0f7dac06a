package recovery

import (
	"slices"

	"salvor/block"
	"salvor/filesystem"
	"salvor/filetype"
	"salvor/finding"
)

// constantMin is the size in bytes from which a file of one constant byte counts as erased.
const constantMin = 4 << 10

// sectorSize is the least unit in which a wrong guess of a file's place can be wrong, in bytes.
const sectorSize = 512

// settle gives e what the table says of it, lowered by what its runs stand on. e has its size, state and
// runs; unread are the bytes that cannot be read, lost and foreign ones included or not.
//
// The rules, in the order in which they hold:
//
//   - A file of 4 KiB or more that holds only 0x00 or only 0xFF is Unknown, and Erased; when it is not live
//     it is not saved.
//   - Bytes that are lost, someone else's or unreadable are Missing, and a file with a missing byte is never
//     better than Partial. A file that breaks or is locked besides stays Damaged or Encrypted.
//   - A format that announces more bytes than the file has makes it Partial.
//   - A guessed place is never Consistent: nothing ties the pieces together, so it is Unknown. It is Proven
//     when the format's checks cover it, except where a whole sector of guessed bytes has no check: bytes
//     of a sector come together, so that a checked neighbour vouches for an unchecked one.
func settle(e *Entry, format *filetype.Format, r filetype.Report, unread block.Set) {
	e.Verdict, e.Uncovered, e.Hints = r.Verdict, r.Uncovered, r.Hints
	e.GoodUntil = max(0, min(r.GoodUntil, e.Size))
	e.Findings = append(e.Findings, r.Findings...)
	if format != nil {
		e.Format, e.Class = format.Name, format.ClassOf(r)
		e.Verdict = min(e.Verdict, format.Ceiling)
	} else {
		e.Verdict = min(e.Verdict, filetype.Unknown)
	}
	if slices.ContainsFunc(r.Findings, func(f finding.Finding) bool { return f.Code == filetype.Erased.Code }) {
		e.Erased, e.Verdict = true, filetype.Unknown
		if e.State != filesystem.Live {
			e.Save = Skipped
			e.Findings = append(e.Findings, erasedSkipped.New())
		}
	}
	settleMissing(e, r, unread)
	settleGuessed(e)
	if e.Verdict >= filetype.Consistent && r.Size > e.Size {
		e.Verdict = filetype.Partial
		e.Missing.Add(block.Between(e.Size, r.Size))
		e.Findings = append(e.Findings, cutShort.New(finding.At(e.Size, 0), finding.Expected(r.Size, e.Size)))
	}
	if e.Verdict >= filetype.Consistent {
		e.GoodUntil = e.Size
	}
	if e.Verdict != filetype.Proven {
		e.Uncovered = block.Set{}
	}
}

// settleMissing names the bytes that are not there.
func settleMissing(e *Entry, r filetype.Report, unread block.Set) {
	all := block.Extent{Length: e.Size}
	lost := block.OfKind(e.Runs, block.Lost)
	foreign := block.OfKind(e.Runs, block.Foreign)
	unread = unread.Within(all).Subtract(lost).Subtract(foreign)
	for _, kind := range []struct {
		set block.Set
		def *finding.Def
	}{{lost, lostBytes}, {foreign, foreignBytes}, {unread, unreadBytes}} {
		if !kind.set.Empty() {
			first := kind.set.Extents()[0]
			e.Findings = append(e.Findings, kind.def.New(finding.At(first.Offset, first.Length),
				finding.Arg("count", kind.set.Bytes())))
		}
	}
	absent := lost.Union(foreign).Union(unread)
	e.Missing = absent.Union(r.Missing.Within(block.Extent{Length: max(e.Size, r.Size)}))
	if !absent.Empty() {
		switch e.Verdict {
		case filetype.Unknown, filetype.Consistent, filetype.Proven:
			e.Verdict = filetype.Partial
		}
		e.GoodUntil = min(e.GoodUntil, absent.Extents()[0].Offset)
	}
}

// settleGuessed lowers what only a guess put together.
func settleGuessed(e *Entry) {
	guessed := block.OfKind(e.Runs, block.Guessed)
	if guessed.Empty() {
		return
	}
	switch e.Verdict {
	case filetype.Proven:
		bare := false
		for x := range guessed.Intersect(e.Uncovered).All() {
			bare = bare || x.Length >= sectorSize
		}
		if !bare {
			return
		}
		e.Verdict = filetype.Unknown
	case filetype.Consistent:
		e.Verdict = filetype.Unknown
	}
	first := guessed.Extents()[0]
	e.Findings = append(e.Findings, guessedPlace.New(finding.At(first.Offset, first.Length)))
}
