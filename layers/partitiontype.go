package layers

import (
	"slices"
	"strings"

	"salvor/volume"
)

type entry = volume.Entry

// maxPrimary is how many partitions an MBR names without an extended one.
const maxPrimary = 4

// types are the types of partitions that hold a kind of volume: in a GPT and in an MBR.
var types = []struct{ kind, gpt, mbr, name string }{
	{"fat12", "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", "0x01", "FAT12"},
	{"fat16", "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", "0x0e", "FAT16"},
	{"fat", "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", "0x0c", "FAT32"},
	{"exfat", "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", "0x07", "exFAT"},
	{"ntfs", "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", "0x07", "NTFS"},
	{"bitlocker", "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", "0x07", "BitLocker"},
	{"hfs", "48465300-0000-11AA-AA11-00306543ECAC", "0xaf", "Apple HFS"},
	{"apfs", "7C3457EF-0000-11AA-AA11-00306543ECAC", "0xaf", "Apple APFS"},
	{"swap", "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F", "0x82", "Linux swap"},
	{"linux_raid", "A19D880F-05FC-4D3B-A006-743F0F84911E", "0xfd", "Linux RAID"},
	{"lvm2", "E6D6D379-F507-44C2-A23C-238F2A3DF928", "0x8e", "Linux LVM"},
	{"luks", "CA7D7CCB-63ED-4C53-861C-1742536059CC", "0x83", "Linux LUKS"},
	{"zfs", "6A898CC3-1DD2-11B2-99A6-080020736631", "0xbf", "ZFS"},
}

// other is the type for every other kind.
var other = struct{ gpt, mbr, name string }{"0FC63DAF-8483-4772-8E79-3D69D8477DE4", "0x83", "Linux filesystem"}

// typeOf returns the type of a partition with a volume of that kind.
func typeOf(kind, scheme string) (code, name string) {
	code, name = other.gpt, other.name
	if scheme == "mbr" {
		code = other.mbr
	}
	for _, t := range types {
		if strings.HasPrefix(kind, t.kind) {
			if scheme == "mbr" {
				return t.mbr, t.name
			}
			return t.gpt, t.name
		}
	}
	return code, name
}

// chooseScheme settles the kind of the table and gives slots without a type, or with one of another scheme, theirs.
func (t *Partitioning) chooseScheme(root, chosen *Layer, scheme string) {
	switch {
	case scheme != "":
		if t.Scheme != "" && t.Scheme != scheme {
			t.UUID = ""
			t.Doubts = append(t.Doubts, "the table that was found is of another kind: "+t.Scheme)
		}
		t.Scheme = scheme
	case chosen != nil:
	default:
		t.guessScheme(root)
	}
	for i := range t.Slots {
		s := &t.Slots[i]
		guid := strings.Count(s.Type, "-") == 4
		if s.Type != "" && (t.Scheme == "gpt" && guid || t.Scheme == "mbr" && strings.HasPrefix(s.Type, "0x") || chosen != nil && t.Scheme == chosen.Kind) {
			continue
		}
		kind := ""
		if s.Volume != nil {
			kind = s.Volume.Kind
		}
		s.Type, s.TypeName = typeOf(kind, t.Scheme)
		if s.Container && t.Scheme == "gpt" {
			s.Doubts = append(s.Doubts, "an extended partition has no place in a GPT")
		}
	}
}

// guessScheme chooses between a GPT and an MBR for a disk that has neither.
func (t *Partitioning) guessScheme(root *Layer) {
	rivals := map[string]bool{}
	for _, l := range root.Children {
		if l.Table != nil {
			rivals[l.Table.Scheme] = true
		}
	}
	switch {
	case len(t.Slots) == 0:
		return
	case rivals["gpt"]:
		t.Scheme = "gpt"
		t.Evidence = append(t.Evidence, "remains of a GPT are there")
	case rivals["mbr"] && len(t.Slots) <= maxPrimary:
		t.Scheme = "mbr"
		t.Evidence = append(t.Evidence, "an MBR is there")
	case t.Size > 1<<41 || len(t.Slots) > maxPrimary:
		t.Scheme = "gpt"
		t.Evidence = append(t.Evidence, "only a GPT can name these partitions")
	case slices.ContainsFunc(t.Slots, func(s Slot) bool { return s.Extent.Offset < 34*512 || s.Extent.End() > t.Size-33*512 }):
		t.Scheme = "mbr"
		t.Evidence = append(t.Evidence, "a volume stands where a GPT would")
	default:
		t.Scheme = "gpt"
		t.Doubts = append(t.Doubts, "what kind of table stood here is not known: a GPT is the usual one, --scheme mbr gives the other")
	}
}
