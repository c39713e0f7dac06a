package vmdk

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"salvor/cursor"
)

const (
	maxDescriptor = 1 << 20
	maxExtents    = 1 << 16
)

var descriptorMagic = []byte("# Disk DescriptorFile")

// descriptor is the text that says what a disk consists of.
type descriptor struct {
	kind       string // createType
	id         uint32 // CID
	parent     uint32 // parentCID
	parentName string
	extents    []extentLine
}

// noParent is the ID of a parent that is none.
const noParent = 0xffffffff

// extentLine is one line of a descriptor: RW 4192256 SPARSE "x-s001.vmdk" 0.
type extentLine struct {
	sectors int64
	kind    string // "SPARSE", "FLAT", "ZERO", "VMFS"
	name    string
	offset  int64 // sectors, of flat ones
}

// parseDescriptor reads the text of a descriptor.
func parseDescriptor(b []byte) (*descriptor, error) {
	if b, _, _ = bytes.Cut(b, []byte{0}); !bytes.HasPrefix(bytes.TrimLeft(b, "\r\n \t"), descriptorMagic) {
		return nil, cursor.ErrNot
	}
	d := &descriptor{parent: noParent}
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if key, value, ok := strings.Cut(line, "="); ok && !strings.Contains(key, `"`) {
			value = strings.Trim(strings.TrimSpace(value), `"`)
			switch strings.ToLower(strings.TrimSpace(key)) {
			case "createtype":
				d.kind = value
			case "cid":
				d.id = hexID(value, 0)
			case "parentcid":
				d.parent = hexID(value, noParent)
			case "parentfilenamehint":
				d.parentName = value
			}
			continue
		}
		x, ok, err := parseExtent(line)
		if err != nil {
			return nil, err
		}
		if ok {
			if d.extents = append(d.extents, x); len(d.extents) > maxExtents {
				return nil, cursor.Corrupt("vmdk: descriptor", -1, fmt.Sprintf("at most %d extents", maxExtents), "more")
			}
		}
	}
	if len(d.extents) == 0 {
		return nil, cursor.Corrupt("vmdk: descriptor", -1, "extents", "none")
	}
	return d, nil
}

func hexID(s string, otherwise uint32) uint32 {
	n, err := strconv.ParseUint(s, 16, 32)
	if err != nil {
		return otherwise
	}
	return uint32(n)
}

// parseExtent reads a line that describes an extent; ok says that it is one.
func parseExtent(line string) (x extentLine, ok bool, err error) {
	before, rest, quoted := strings.Cut(line, `"`)
	fields := strings.Fields(before)
	if len(fields) < 3 || fields[0] != "RW" && fields[0] != "RDONLY" && fields[0] != "NOACCESS" {
		return x, false, nil
	}
	bad := func(found string) (extentLine, bool, error) {
		return x, false, cursor.Corrupt("vmdk: descriptor: extent", -1, "sectors, a kind and a name", found)
	}
	if x.sectors, err = strconv.ParseInt(fields[1], 10, 64); err != nil || x.sectors <= 0 || x.sectors > 1<<50 {
		return bad(line)
	}
	x.kind = fields[2]
	if quoted {
		name, tail, ok := strings.Cut(rest, `"`)
		if !ok {
			return bad(line)
		}
		x.name = name
		if f := strings.Fields(tail); len(f) > 0 {
			if x.offset, err = strconv.ParseInt(f[0], 10, 64); err != nil || x.offset < 0 || x.offset > 1<<50 {
				return bad(line)
			}
		}
	} else if x.kind != "ZERO" {
		return bad(line)
	}
	return x, true, nil
}
