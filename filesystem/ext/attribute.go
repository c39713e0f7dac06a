package ext

import (
	"encoding/binary"
	"fmt"
	"strings"

	"salvor/block"
	"salvor/finding"
)

const (
	attributeMagic    = 0xEA020000
	maxAttribute      = 64 << 10 // bytes of one value, as Linux bounds it
	maxAttributeTotal = 1 << 20  // bytes of all values of one file that stand in inodes of their own
	inlineAttribute   = "system.data"
)

// attribute is one entry of a list of extended attributes.
type attribute struct {
	name  string
	inode uint32 // that holds the value; 0 when it stands in the list's own bytes
	at    int    // of the value in the list's bytes
	size  uint32
	hash  uint32
}

// attributePrefix gives the part of a name that is stored as a number.
func attributePrefix(index uint8) string {
	switch index {
	case 0:
		return ""
	case 1:
		return "user."
	case 2:
		return "system.posix_acl_access"
	case 3:
		return "system.posix_acl_default"
	case 4:
		return "trusted."
	case 6:
		return "security."
	case 7:
		return "system."
	case 8:
		return "system.richacl"
	case 9:
		return "encryption."
	case 10:
		return "gnu."
	}
	return fmt.Sprintf("index-%d.", index)
}

// parseAttributes reads the entries that start at first; their values stand relative to base. Entries before
// a broken one are returned beside the reason.
func parseAttributes(b []byte, first, base int) (out []attribute, broken string) {
	le := binary.LittleEndian
	for at := first; ; {
		if at+4 > len(b) || le.Uint32(b[at:]) == 0 {
			return out, broken
		}
		if at+16 > len(b) {
			return out, fmt.Sprintf("entry %d is cut off", len(out))
		}
		n := int(b[at])
		a := attribute{at: base + int(le.Uint16(b[at+2:])), inode: le.Uint32(b[at+4:]), size: le.Uint32(b[at+8:]), hash: le.Uint32(b[at+12:])}
		if at+16+n > len(b) {
			return out, fmt.Sprintf("the name of entry %d is cut off", len(out))
		}
		a.name = attributePrefix(b[at+1]) + strings.ToValidUTF8(string(b[at+16:at+16+n]), "\ufffd")
		at += 16 + (n+3)&^3
		if a.inode == 0 && (uint64(a.at)+uint64(a.size) > uint64(len(b))) {
			broken = fmt.Sprintf("the value of %q lies outside", a.name)
			continue
		}
		out = append(out, a)
	}
}

// inodeAttributes returns the attributes that stand in the inode, whose places are in in.raw.
func (in *inode) inodeAttributes() ([]attribute, string) {
	start := 128 + in.extra
	if len(in.raw) <= 128 || in.extra == 0 || start+8 > len(in.raw) || binary.LittleEndian.Uint32(in.raw[start:]) != attributeMagic {
		return nil, ""
	}
	return parseAttributes(in.raw, start+4, start+4)
}

// readAttributes returns all extended attributes of an inode; what is broken is told and left out.
func (v *volume) readAttributes(in *inode, use *budget) (map[string][]byte, []finding.Finding) {
	var out map[string][]byte
	var problems []finding.Finding
	total := int64(0)
	put := func(list []attribute, b []byte, broken string, at int64) {
		if broken != "" {
			problems = append(problems, attributesBroken.New(finding.At(at, 0), finding.Expected(nil, broken)))
		}
		for _, a := range list {
			if a.name == inlineAttribute {
				continue
			}
			var value []byte
			if a.inode == 0 {
				value = append([]byte{}, b[a.at:a.at+int(a.size)]...)
			} else {
				total += int64(a.size)
				var err string
				if total > maxAttributeTotal {
					err = "the values are larger than 1 MiB"
				} else {
					value, err = v.attributeValue(a, use)
				}
				if err != "" {
					problems = append(problems, attributesBroken.New(finding.At(at, 0), finding.Expected(nil, a.name+": "+err)))
					continue
				}
			}
			if out == nil {
				out = map[string][]byte{}
			}
			if _, taken := out[a.name]; !taken {
				out[a.name] = value
			}
		}
	}
	list, broken := in.inodeAttributes()
	put(list, in.raw, broken, in.offset)
	if in.attributes == 0 {
		return out, problems
	}
	at := int64(in.attributes) * v.sb.blockSize
	b := make([]byte, v.sb.blockSize)
	if in.attributes >= v.sb.blocksCount {
		put(nil, nil, fmt.Sprintf("block %d lies outside of the volume", in.attributes), in.offset)
	} else if err := v.readNode(in, "ext: attribute block", b, in.attributes, func(b []byte) bool {
		return v.checkAttributeBlock(b, in.attributes) == ""
	}); err != nil {
		put(nil, nil, err.Error(), at)
	} else if reason := v.checkAttributeBlock(b, in.attributes); reason != "" {
		put(nil, nil, reason, at)
	} else {
		list, broken := parseAttributes(b, 32, 0)
		put(list, b, broken, at)
	}
	return out, problems
}

func (v *volume) checkAttributeBlock(b []byte, number uint64) string {
	le := binary.LittleEndian
	if le.Uint32(b) != attributeMagic {
		return "the block does not start as one of attributes"
	}
	if v.sb.metaCsum() {
		var n [8]byte
		le.PutUint64(n[:], number)
		sum := crc32c(crc32c(v.sb.seed, n[:]), b[:0x10])
		sum = crc32c(crc32c(sum, zeros[:4]), b[0x14:])
		if sum != le.Uint32(b[0x10:]) {
			return "the block does not match its checksum"
		}
	}
	return ""
}

// attributeValue reads a value that stands in an inode of its own.
func (v *volume) attributeValue(a attribute, use *budget) ([]byte, string) {
	if a.size > maxAttribute {
		return nil, fmt.Sprintf("%d bytes, at most %d", a.size, maxAttribute)
	}
	if use.bytes -= int64(a.size); use.bytes < 0 {
		return nil, "the values of all files are larger than the volume"
	}
	in, err := v.inode(a.inode)
	switch {
	case err != nil:
		return nil, err.Error()
	case in.flags&flagEAInode == 0 || in.kind() != typeRegular || in.size != int64(a.size):
		return nil, fmt.Sprintf("inode %d does not hold a value of %d bytes", a.inode, a.size)
	}
	m := v.mapInode(in, use)
	value := make([]byte, a.size)
	if n, err := block.Join(v.view, m.runs, in.size).ReadAt(value, 0); n < len(value) {
		return nil, fmt.Sprint(err)
	}
	// The inode keeps the value's checksum in the place of its access time.
	if v.sb.metaCsum() && crc32c(v.sb.seed, value) != binary.LittleEndian.Uint32(in.raw[8:]) {
		return nil, "the value does not match its checksum"
	}
	return value, ""
}

// inlineRuns returns the runs of content that stands in the inode: its first 60 bytes in the place of the
// block map, the rest as an attribute.
func (in *inode) inlineRuns() (runs []block.Run, broken string) {
	first := min(in.size, iblockSize)
	runs = append(runs, block.Run{Physical: in.offset + iblockOffset, Length: first})
	list, broken := in.inodeAttributes()
	have := first
	for _, a := range list {
		if a.name == inlineAttribute && a.inode == 0 {
			n := min(int64(a.size), in.size-first)
			runs = append(runs, block.Run{Logical: first, Physical: in.offset + int64(a.at), Length: n})
			have += n
			break
		}
	}
	if have < in.size && broken == "" {
		broken = fmt.Sprintf("%d of %d bytes are there", have, in.size)
	}
	if most := int64(len(in.raw)); in.size > most {
		return block.Normalize(runs, have), fmt.Sprintf("a size of %d in an inode of %d bytes", in.size, most)
	}
	return block.Normalize(runs, in.size), broken
}
