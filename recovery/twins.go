package recovery

import (
	"context"
	"slices"

	"salvor/block"
	"salvor/filesystem"
	"salvor/filetype"
	"salvor/finding"
)

// JoinTwins joins files of a source that were carved with those that metadata names at the same place. A
// carved file whose bytes are those of a named one, or its beginning, is not a new file: it is Skipped, with
// DuplicateOf. The named one keeps its name, and takes the better verdict when the bytes are the very same:
// that a file ends by its content exactly where its metadata says confirms a guessed place. Where a whole
// carved file of the same beginning and size contradicts nothing but the guess, the guess was wrong, and the
// named file takes its place. It returns how many carved files were joined.
//
// It is called when the source was carved, before saving. Files with the same content at other places are
// found by [Save], which hashes them.
func JoinTwins(ctx context.Context, c *Catalog, source int) (int, error) {
	joined := 0
	var changed []*Entry
	flush := func() error {
		err := c.Put(ctx, changed...)
		changed = changed[:0]
		return err
	}
	q := Query{Sources: []int{source}, Drawers: []string{"carved"}, Save: []SaveState{Pending}}
	for carved, err := range c.Select(ctx, q) {
		if err != nil {
			return joined, err
		}
		if len(carved.Runs) == 0 || !carved.Runs[0].Kind.Stands() {
			continue
		}
		named, err := c.beginningAt(ctx, source, carved.Runs[0].Physical)
		if err != nil {
			return joined, err
		}
		var best *Entry
		for _, n := range named {
			if joinable(n, carved) && (best == nil || better(n, best, carved)) {
				best = n
			}
		}
		if best == nil {
			continue
		}
		changed = append(changed, join(best, carved)...)
		joined++
		if len(changed) >= pageSize {
			if err := flush(); err != nil {
				return joined, err
			}
		}
	}
	return joined, flush()
}

const beginningSQL = "SELECT " + entryColumns + ` FROM entries WHERE source = ? AND first = ? AND origin = 0 AND kind = 0
	AND save <> 2 ORDER BY seq LIMIT 64`

// beginningAt returns the named files whose content begins at this byte of the source.
func (c *Catalog) beginningAt(ctx context.Context, source int, offset int64) ([]*Entry, error) {
	return c.page(ctx, beginningSQL, []any{source, offset})
}

// sameBytes reports whether both stand, whole, at the same place.
func sameBytes(named, carved *Entry) bool {
	return named.Size == carved.Size && covers(named, carved) && named.Missing.Empty() && carved.Missing.Empty()
}

// covers reports whether the bytes of carved are the first bytes of named.
func covers(named, carved *Entry) bool {
	if len(carved.Runs) != 1 {
		return false
	}
	at := carved.Runs[0].Physical
	for _, r := range named.Runs {
		if (r.Kind != block.Data && r.Kind != block.Guessed) || r.Physical != at {
			return false
		}
		if at += r.Length; at-carved.Runs[0].Physical >= carved.Size {
			return true
		}
	}
	return false
}

// fits reports whether carved can be named, whose place was in part only guessed: it begins where named
// does, is exactly as long, is whole, and contradicts nothing but the guess.
func fits(named, carved *Entry) bool {
	if named.Size != carved.Size || len(carved.Runs) != 1 || carved.Verdict < filetype.Consistent ||
		named.Verdict >= filetype.Consistent || !carved.Missing.Empty() || named.State == filesystem.Live {
		return false
	}
	guessed := false
	for i, r := range named.Runs {
		stands := r.Physical == carved.Runs[0].Physical+r.Logical
		switch {
		case r.Kind == block.Data && stands, i == 0 && r.Kind == block.Guessed && stands:
		case i > 0 && (r.Kind == block.Guessed || r.Kind == block.Lost):
			guessed = true
		default:
			return false
		}
	}
	return guessed
}

// joinable reports whether carved brings nothing that named does not have.
func joinable(named, carved *Entry) bool {
	switch {
	case sameBytes(named, carved), fits(named, carved):
		return true
	case covers(named, carved):
		return named.Verdict >= carved.Verdict
	}
	// The carver took what follows the first piece for the rest of the file, and came to a contradiction.
	return named.Verdict >= filetype.Consistent && carved.Verdict < filetype.Consistent && named.Format == carved.Format
}

// better reports whether a is rather the file that carved is than b.
func better(a, b, carved *Entry) bool {
	if x, y := sameBytes(a, carved), sameBytes(b, carved); x != y {
		return x
	}
	if x, y := fits(a, carved), fits(b, carved); x != y {
		return x
	}
	if x, y := a.State == filesystem.Live, b.State == filesystem.Live; x != y {
		return x
	}
	return a.Verdict > b.Verdict
}

// join returns the entries that change when carved is found to be named.
func join(named, carved *Entry) []*Entry {
	def, changed := twinCarved, []*Entry{carved}
	moves := fits(named, carved) && !covers(named, carved)
	if !covers(named, carved) && !moves {
		def = firstPiece
	}
	if moves {
		named.Runs, named.Missing = slices.Clone(carved.Runs), block.Set{}
	}
	if sameBytes(named, carved) && carved.Verdict > named.Verdict && carved.Verdict >= filetype.Consistent {
		named.Verdict, named.Format, named.Class = carved.Verdict, carved.Format, carved.Class
		named.Hints, named.Uncovered, named.GoodUntil = carved.Hints, carved.Uncovered, carved.GoodUntil
		named.Findings = slices.DeleteFunc(named.Findings, func(f finding.Finding) bool {
			return f.Code == guessedPlace.Code || f.Code == lostBytes.Code
		})
		named.Findings = replaceFinding(named.Findings, twinFound.New(finding.Arg("id", carved.ID)))
		named.Save = Pending // Put keeps what was saved when it still fits
		changed = append(changed, named)
	}
	carved.Save, carved.DuplicateOf = Skipped, named.ID
	carved.Findings = replaceFinding(carved.Findings, def.New(finding.Arg("id", named.ID)))
	return changed
}

// replaceFinding returns list with f in the place of earlier findings of its kind, so that doing a thing
// again does not say it again.
func replaceFinding(list []finding.Finding, f finding.Finding) []finding.Finding {
	var out []finding.Finding
	for _, o := range list {
		if o.Code != f.Code {
			out = append(out, o)
		}
	}
	return append(out, f)
}
