// Package vendor has what the headers of makers of routers have in common: parts, what one is by its first bytes,
// names in fields of fixed size.
//
// It promises that a part which ends behind the source is told as cut off, with both sizes.
//
// Followed: Documentation of each format is named by its package; the magic numbers are those of squashfs 4.0 and its
// forms of other makers, cramfs, JFFS2, UBI, U-Boot's images, device trees, gzip and the LZMA of LZMA Utils.
package vendor

import (
	"bytes"
	"context"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/region"
)

// beginnings are those of what makers put into images.
var beginnings = []struct {
	magic string
	role  firmware.Role
}{
	{"hsqs", firmware.RootFS}, {"sqsh", firmware.RootFS}, {"shsq", firmware.RootFS}, {"qshs", firmware.RootFS}, {"tqsh", firmware.RootFS}, {"hsqt", firmware.RootFS},
	{"\x45\x3d\xcd\x28", firmware.RootFS}, {"\x28\xcd\x3d\x45", firmware.RootFS}, {"\x85\x19", firmware.RootFS}, {"\x19\x85", firmware.RootFS}, {"UBI#", firmware.RootFS},
	{"\x27\x05\x19\x56", firmware.Kernel}, {"\xd0\x0d\xfe\xed", firmware.Kernel}, {"\x1f\x8b\x08", firmware.Kernel}, {"\x5d\x00\x00", firmware.Kernel}, {"\x6d\x00\x00", firmware.Kernel},
}

// Role says what the bytes at a place are for, by how they begin; "" when they do not tell.
func Role(src block.Source, at int64) firmware.Role {
	p, err := cursor.Read(src, "beginning", at, 4, 4)
	if err != nil {
		return ""
	}
	for _, b := range beginnings {
		if bytes.HasPrefix(p, []byte(b.magic)) {
			return b.role
		}
	}
	return ""
}

// Text is what stands in a field of fixed size up to its first zero, or to what fills it with 0xFF.
func Text(field []byte) string {
	text, _, _ := bytes.Cut(field, []byte{0})
	return string(bytes.TrimSpace(bytes.TrimRight(text, "\xff")))
}

// Inside opens what stands in e as a part of a name, of the role by its beginning, or of another one where that does not
// tell. It adds the check that the source ends behind it.
func Inside(ctx context.Context, src block.Source, o *firmware.Opening, part *firmware.Part, name string, other firmware.Role, e block.Extent) *firmware.Part {
	if e.End() > src.Size() {
		part.Checks = append(part.Checks, firmware.Cut(name, e.End(), src.Size()))
	}
	role := Role(src, e.Offset)
	if role == "" {
		role = other
	}
	child := region.Part(src, name, role, e)
	if child.Size > 0 {
		o.Inner(ctx, child)
	}
	part.Children = append(part.Children, child)
	return child
}
