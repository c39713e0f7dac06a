package ext

// readNode reads a block to which an inode leads: a node of its map, its attributes. For a record out of the
// journal that is the block as it was then: the newest copy that is not younger, then what stands on the
// volume, then younger copies. The first that fits is taken; where none does, what stands on the volume.
func (v *volume) readNode(in *inode, structure string, b []byte, at uint64, fits func([]byte) bool) error {
	place := int64(at) * v.sb.blockSize
	if in.past == nil {
		err := v.cache.read(structure, b, place)
		if v.history == nil || err == nil && fits(b) {
			return err
		}
		if _, ok := v.newestNode(v.history, at, b, fits); ok {
			return nil
		}
		return v.cache.read(structure, b, place)
	}
	copies := in.past.of(at)
	younger := len(copies)
	for younger > 0 && in.past.copies[copies[younger-1]].when > in.when {
		younger--
	}
	for i := younger - 1; i >= 0; i-- {
		if in.past.read(in.past.copies[copies[i]], b) && fits(b) {
			return nil
		}
	}
	if err := v.cache.read(structure, b, place); err == nil && fits(b) {
		return nil
	}
	for _, i := range copies[younger:] {
		if in.past.read(in.past.copies[i], b) && fits(b) {
			return nil
		}
	}
	return v.cache.read(structure, b, place)
}
