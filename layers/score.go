package layers

import "salvor/block"

// The weights of a volume's score; see the package's comment.
const (
	baseScore      = 45
	confirmedScore = 6
	maxConfirmed   = 4
	refutedScore   = -10
	maxRefuted     = 4
	supportScore   = 1
	maxSupport     = 4
	openScore      = 12
	closedScore    = -10
	rootScore      = 10
	startScore     = 12
	wholeScore     = 8 // a volume that is the whole medium needs no table
	insideScore    = -4
	crossScore     = -20
	missingScore   = -6
	backupScore    = -4
	alignedScore   = 3
	oldScore       = -40 // another volume was made in the same place later

	// showScore is the least score with which a reading that lost is shown inside of a healthy volume.
	showScore = 70
	// weakScore is the least score with which a reading that was not accepted is shown at all.
	weakScore = 30
)

// rateVolume scores v among the partitions.
func (r *resolver) rateVolume(v *candidate, leaves []*part) {
	s := baseScore + confirmedScore*min(v.Confirmed, maxConfirmed) + refutedScore*min(v.Refuted, maxRefuted) +
		supportScore*min(max(v.support-1, 0), maxSupport)
	if v.row.Open != nil {
		switch {
		case v.fs != nil && v.rooted:
			s += openScore + rootScore
		case v.fs != nil:
			s += openScore
		case v.asked:
			s += closedScore
		}
	}
	if v.FromBackup {
		s += backupScore
	}
	if v.Extent.End() > r.size {
		s += missingScore
	}
	if v.Extent.Offset%mib == 0 {
		s += alignedScore
	}
	if r.superseded(v) {
		s += oldScore
	}
	v.part = nil
	if len(leaves) == 0 {
		if v.Extent.Offset == 0 && !v.bare {
			s += wholeScore
		}
	} else {
		s += r.place(v, leaves)
	}
	v.score = max(0, min(100, s))
}

// place says what the partitions add to v's score, and finds the one at whose start it stands.
func (r *resolver) place(v *candidate, leaves []*part) int {
	crosses, inside := false, false
	for _, p := range leaves {
		switch {
		case p.Extent.Offset == v.Extent.Offset:
			if v.part == nil || p.Extent == v.Extent {
				v.part = p
			}
		case p.Extent.Contains(v.Extent):
			inside = true
		case p.Extent.Overlaps(v.Extent):
			crosses = true
		}
	}
	switch {
	case v.part != nil && v.Extent.Length <= v.part.Extent.Length:
		return startScore
	case v.part != nil && crosses:
		return startScore / 2
	case v.part != nil:
		return startScore
	case crosses:
		return crossScore
	case inside:
		return insideScore
	}
	return 0
}

// healthy reports whether an accepted volume explains everything that stands inside of it.
func (v *candidate) healthy() bool { return v.fs != nil && v.rooted && v.score >= AcceptScore }

// missing returns how many bytes of e lie behind the end of the medium.
func (r *resolver) missing(e block.Extent) int64 {
	return e.Length - e.Intersect(block.Extent{Length: r.size}).Length
}
