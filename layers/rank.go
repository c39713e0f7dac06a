package layers

import "slices"

// Schemes whose checks cover the whole table, so that a valid one needs no volume to speak for it, and which stand
// inside of partitions by design.
var selfProving = map[string]bool{"lp": true, "bsd": true, "sun": true, "sgi": true, "apm": true}

// Schemes that have no checksum at all: what they name must be confirmed.
var unchecked = map[string]bool{"atari": true, "pmt": true}

// homeSize is how far from the start of what it describes a table may stand, the backup of a GPT apart.
const homeSize = 4 << 20

// proven reports whether t's own checks are enough to believe it.
func (t *table) proven() bool { return t.Valid && selfProving[t.Scheme] }

// scoreTables scores the tables that stand at one place, the disk or a partition of size bytes.
func (r *resolver) scoreTables(tabs []*table, size int64) {
	regular := false // an MBR that names partitions and does not say that a GPT follows
	for _, t := range tabs {
		if t.Scheme == "mbr" && len(t.parts) > 0 && !hasFinding(t.Findings, "mbr.hybrid") {
			regular = true
		}
	}
	for _, t := range tabs {
		share := r.share(t)
		switch {
		case t.Scheme == "mbr" && hasFinding(t.Findings, "mbr.protective"):
			t.score = 60
		case t.Scheme == "mbr" && hasFinding(t.Findings, "mbr.hybrid"):
			t.score = 40 + int(10*share)
		case t.Scheme == "mbr" && t.Valid:
			t.score = 60 + int(30*share)
		case t.Valid && unchecked[t.Scheme]:
			t.score = 50 + int(40*share)
		case t.Valid:
			t.score = 85 + int(10*share)
			if regular && t.Scheme == "gpt" {
				// The specification wants a protective MBR; one that names partitions was written later.
				t.score -= 30
			}
		default:
			t.score = 30 + int(45*share)
		}
		if t.Copy == "backup" {
			t.score -= 2
		}
		if t.MediaSize != 0 && t.MediaSize != size {
			t.score -= 3
		}
		if hasFinding(t.Findings, "gpt.shifted") {
			t.score -= 10
		}
		if selfProving[t.Scheme] && t.Offset-t.base > homeSize {
			// It describes something that begins elsewhere: an older disk, or a partition that is not known.
			t.score -= 30
		}
		if len(t.parts) == 0 && t.Scheme != "gpt" {
			t.score = min(t.score, AcceptScore)
		}
		t.score = max(0, min(100, t.score))
	}
}

// outermost returns the table that best stands in a partition of, when there is one that can be accepted: what
// stands inside of a partition is read there.
func outermost(tabs []*table, best *table) *table {
	if best == nil || !selfProving[best.Scheme] {
		return best
	}
	for _, o := range tabs {
		if o == best || o.score < AcceptScore || o.Scheme == best.Scheme {
			continue
		}
		if slices.ContainsFunc(o.parts, func(p *part) bool {
			return !p.Container && p.Runs == nil && p.Extent.Has(best.Offset) && p.Extent.Offset > best.base
		}) {
			return o
		}
	}
	return best
}
