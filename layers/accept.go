package layers

import (
	"context"
	"slices"
)

// accept takes the best candidates that do not overlap.
func (r *resolver) accept(ctx context.Context) error {
	leaves := r.leaves()
	r.ciphertext(leaves)
	for _, v := range r.volumes {
		r.rateVolume(v, leaves)
	}
	if r.demote() {
		leaves = nil
		for _, v := range r.volumes {
			r.rateVolume(v, leaves)
		}
	}
	if err := r.fit(ctx, leaves); err != nil {
		return err
	}
	slices.SortStableFunc(r.volumes, byScore)
	for _, v := range r.members() {
		r.weigh(v)
	}
	r.halfWritten(leaves)
	r.rivals = slices.DeleteFunc(r.rivals, func(v *candidate) bool { return slices.Contains(r.accepted, v) })
	if len(r.rivals) > maxRivals {
		r.dropped += len(r.rivals) - maxRivals
		r.rivals = r.rivals[:maxRivals]
	}
	return ctx.Err()
}

func byScore(a, b *candidate) int {
	if d := b.score - a.score; d != 0 {
		return d
	}
	if a.rooted != b.rooted {
		if a.rooted {
			return -1
		}
		return 1
	}
	if d := byPromise(a, b); d != 0 {
		return d
	}
	return cmpInt(b.Extent.Length, a.Extent.Length)
}

// ciphertext gives encrypted volumes, whose headers do not say how long they are, the room up to the end of
// their partition, or up to what follows.
func (r *resolver) ciphertext(leaves []*part) {
	for _, v := range r.volumes {
		if !v.Locked {
			continue
		}
		end := r.size
		own := false
		for _, p := range leaves {
			switch {
			case p.Extent.Offset == v.Extent.Offset:
				end, own = p.Extent.End(), true
			case !own && p.Extent.Has(v.Extent.Offset):
				end = min(end, p.Extent.End())
			case !own && p.Extent.Offset >= v.Extent.End():
				end = min(end, p.Extent.Offset)
			}
		}
		if !own {
			for _, o := range r.volumes {
				if o.Extent.Offset >= v.Extent.End() && o.convincing() {
					end = min(end, o.Extent.Offset)
				}
			}
		}
		v.Extent.Length = max(v.Extent.Length, end-v.Extent.Offset)
	}
}

// demote gives the disk's table up when a volume that opens covers the disk from its start and no partition
// holds one: the table is the older. It reports whether it did.
func (r *resolver) demote() bool {
	if r.chosen == nil || r.share(r.chosen) > 0 || len(r.chosen.parts) == 0 {
		return false
	}
	for _, v := range r.volumes {
		if v.rooted && v.Extent.Offset == 0 && v.Extent.Length > r.chosen.parts[0].Extent.Offset {
			r.chosen.rival, r.chosen.same = true, false
			r.chosen.score = min(r.chosen.score, AcceptScore-1)
			for _, p := range r.chosen.parts {
				p.id = r.chosen.id + p.id[lastIndexOf(p.id, ".p"):]
			}
			r.chosen = nil
			return true
		}
	}
	return false
}

// fit cuts volumes that reach over the end of their partition into another one, since those bytes are not
// theirs any more, and opens them again as what they have left.
func (r *resolver) fit(ctx context.Context, leaves []*part) error {
	for _, v := range r.volumes {
		if v.part == nil || v.Extent.End() <= v.part.Extent.End() {
			continue
		}
		if !slices.ContainsFunc(leaves, func(p *part) bool { return p != v.part && p.Extent.Overlaps(v.Extent) }) {
			continue
		}
		v.own = v.Extent.Length
		v.Extent.Length = v.part.Extent.Length
		if v.fs != nil {
			if err := r.try(ctx, v, v.Extent); err != nil {
				return err
			}
		}
	}
	return nil
}

// weigh decides what becomes of v, after all that score better.
func (r *resolver) weigh(v *candidate) {
	var over *candidate
	wraps := wrappers[v.row.Name] && v.fs == nil
	for _, a := range r.accepted {
		if !a.Extent.Overlaps(v.Extent) {
			continue
		}
		switch {
		case wraps && v.Extent.Contains(a.Extent) && v.Extent != a.Extent:
			// What v holds was read without it.
		case a.fs == nil && !a.Locked && a.Extent.Contains(v.Extent) && (v.Extent != a.Extent || wrappers[a.row.Name]) && v.rooted:
			// A volume inside of one that is only recognised.
		default:
			if over == nil || a.Extent.Contains(v.Extent) {
				over = a
			}
		}
	}
	file := r.file(v)
	switch {
	case over == nil && v.score >= AcceptScore && file != nil:
		v.outer = file
		r.rivals = append(r.rivals, v)
	case over == nil && v.score >= AcceptScore:
		r.accepted = append(r.accepted, v)
	case over == nil && v.score >= weakScore:
		v.weak = true
		r.rivals = append(r.rivals, v)
	case over == nil:
		r.dropped++
	case r.overlaid(v):
		v.overlay = true
		r.accepted = append(r.accepted, v)
	case v.older(over):
		v.outer, v.old = over, true
		r.rivals = append(r.rivals, v)
	case over.healthy() && over.Extent.Contains(v.Extent) && (v.score < showScore || over.row == v.row && over.Extent == v.Extent):
		r.inside++
	case v.score >= AcceptScore:
		v.outer = over
		r.rivals = append(r.rivals, v)
	default:
		r.dropped++
	}
}

// halfWritten accepts, in each partition that has no volume yet, the best candidate at its very start that
// has anything for it: a slot whose update was cut off has its superblock and little else.
func (r *resolver) halfWritten(leaves []*part) {
	for _, p := range leaves {
		if slices.ContainsFunc(r.accepted, func(v *candidate) bool { return v.Extent.Overlaps(p.Extent) }) {
			continue
		}
		for _, v := range r.volumes {
			if v.part == p && (v.Confirmed > 0 || v.rooted) {
				v.score, v.weak, v.outer = max(v.score, AcceptScore), false, nil
				r.accepted = append(r.accepted, v)
				break
			}
		}
	}
}
