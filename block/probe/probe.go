// Package probe says what to look for on a medium: short byte patterns at fixed places of a structure.
// Volumes, file systems and file types export theirs; the sweep looks for all of them in one pass; what
// it finds are landmarks, which are kept, so that no later question needs the medium again.
//
// A probe is a hint, never a verdict: whoever owns it examines the place.
package probe

import (
	"bytes"
	"fmt"
)

// MaxBytes is the longest pattern that a probe may have.
const MaxBytes = 64

// MaxAt is the farthest that a pattern may stand behind the start of its structure.
const MaxAt = 1 << 20

// Probe is a pattern to look for.
type Probe struct {
	ID    string // unique among all probes: "ext.superblock", "jpeg.exif"
	Bytes []byte // the pattern, 2 to [MaxBytes] bytes
	Mask  []byte // nil, or as long as Bytes: a bit counts where it is set
	At    int64  // offset of the pattern in its structure, 0 to [MaxAt]
	Align int64  // the structure starts at a multiple of this, in bytes; 0 and 1 mean anywhere
}

// Hit is a place where a probe matched.
type Hit struct {
	ID     string
	Offset int64 // of the structure, not of the pattern; may be negative when At reaches before the medium
}

// Validate returns an error for a probe that breaks the limits above.
func (p *Probe) Validate() error {
	switch {
	case p.ID == "":
		return fmt.Errorf("probe: no ID")
	case len(p.Bytes) < 2 || len(p.Bytes) > MaxBytes:
		return fmt.Errorf("probe %s: %d bytes, expected 2 to %d", p.ID, len(p.Bytes), MaxBytes)
	case p.Mask != nil && len(p.Mask) != len(p.Bytes):
		return fmt.Errorf("probe %s: a mask of %d bytes over %d", p.ID, len(p.Mask), len(p.Bytes))
	case p.At < 0 || p.At > MaxAt:
		return fmt.Errorf("probe %s: at %d, expected 0 to %d", p.ID, p.At, MaxAt)
	case p.Align < 0:
		return fmt.Errorf("probe %s: alignment %d", p.ID, p.Align)
	}
	return nil
}

// Matches reports whether b starts with the pattern.
func (p *Probe) Matches(b []byte) bool {
	if len(b) < len(p.Bytes) {
		return false
	}
	if p.Mask == nil {
		return b[0] == p.Bytes[0] && bytes.Equal(b[:len(p.Bytes)], p.Bytes) // most places differ in their first byte
	}
	for i, m := range p.Mask {
		if b[i]&m != p.Bytes[i]&m {
			return false
		}
	}
	return true
}

// Aligned reports whether a structure may start at off.
func (p *Probe) Aligned(off int64) bool { return p.Align <= 1 || off%p.Align == 0 }
