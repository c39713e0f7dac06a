package layers

import "slices"

// overlaid reports whether v, whose start is overwritten, is still the volume that stands here although better readings
// lie inside of it: an update that stopped wrote an image over its first part. Devices lay out partitions without
// gaps and slots in pairs, so that its neighbours have to say so.
func (r *resolver) overlaid(v *candidate) bool {
	if !v.FromBackup || v.bare || v.Confirmed == 0 || v.row.Open != nil && v.fs == nil || v.score < AcceptScore || r.superseded(v) || r.file(v) != nil {
		return false
	}
	inside := false
	for _, a := range r.accepted {
		if !a.Extent.Overlaps(v.Extent) {
			continue
		}
		if a.Extent.Offset <= v.Extent.Offset || !v.Extent.Contains(a.Extent) || a.part != nil || a.member != nil || a.lock != nil {
			return false
		}
		inside = true
	}
	if !inside {
		return false
	}
	before, behind, sibling := false, false, false
	for _, o := range r.volumes {
		if o == v || !o.convincing() || o.bare || o.Extent.Overlaps(v.Extent) {
			continue
		}
		gap := v.Extent.Offset - o.Extent.End()
		before = before || gap >= 0 && gap < mib
		gap = o.Extent.Offset - v.Extent.End()
		behind = behind || gap >= 0 && gap < mib
		sibling = sibling || o.row == v.row && o.Extent.Length == v.Extent.Length
	}
	return before && behind || sibling && (before || behind)
}

// holder returns the accepted volume that v stands inside of, where that one was overwritten by an image with v in it.
func (r *resolver) holder(v *candidate) *candidate {
	i := slices.IndexFunc(r.accepted, func(o *candidate) bool { return o.overlay && o != v && o.Extent.Contains(v.Extent) })
	if i < 0 {
		return nil
	}
	return r.accepted[i]
}
