package layers

import "slices"

// echo reports whether v, which was opened at the start of a partition without any landmark, is only the shifted
// reading of a volume that landmarks place elsewhere inside of it.
func (r *resolver) echo(v *candidate) bool {
	return slices.ContainsFunc(r.volumes, func(o *candidate) bool {
		if o.row != v.row || o.bare || o.Confirmed <= o.Refuted || o.Extent.Offset == v.Extent.Offset || !v.Extent.Has(o.Extent.Offset) {
			return false
		}
		label, id := o.identity()
		return v.Label == "" && v.UUID == "" || id != "" && id == v.UUID || label != "" && label == v.Label
	})
}

// identity returns the label and the identifier of v, by its file system's word where it is open.
func (v *candidate) identity() (label, id string) {
	if v.fs == nil {
		return v.Label, v.UUID
	}
	info := v.fs.Info()
	return orElse(info.Label, v.Label), orElse(info.UUID, v.UUID)
}

// superseded reports whether v, which only backups show, begins where the main structure of another volume stands: that one
// was made later.
func (r *resolver) superseded(v *candidate) bool {
	return v.FromBackup && !v.bare && slices.ContainsFunc(r.volumes, func(o *candidate) bool {
		return o != v && !o.FromBackup && !o.bare && o.Extent.Offset == v.Extent.Offset && o.Confirmed > o.Refuted && (o.row.Open == nil || o.fs != nil) &&
			(o.row != v.row || o.UUID != v.UUID)
	})
}

// file returns the volume whose file v seems to be, when that volume itself is not accepted: v begins where neither
// partitions nor volumes of devices do, inside of a volume that opens.
func (r *resolver) file(v *candidate) *candidate {
	if v.part != nil || v.Extent.Offset%mib == 0 {
		return nil
	}
	for _, o := range r.volumes {
		if o != v && o.rooted && !o.bare && o.Extent.Offset != v.Extent.Offset && o.Extent.Contains(v.Extent) && o.Confirmed > o.Refuted {
			return o
		}
	}
	return nil
}

// older reports whether v is what remains of another volume that stood where over stands now: the two begin together,
// or one was made across the border of the other, and they are not the same by their own words.
func (v *candidate) older(over *candidate) bool {
	if over == nil || v.Confirmed == 0 || v.Confirmed < v.Refuted || v.bare || v.row == over.row && (v.UUID == over.UUID || v.UUID == "" || over.UUID == "") {
		return false
	}
	return v.Extent.Offset == over.Extent.Offset || !over.Extent.Contains(v.Extent)
}
