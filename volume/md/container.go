package md

import (
	"encoding/binary"
	"fmt"
	"strings"

	"salvor/block"
	"salvor/finding"
	"salvor/volume"
)

// Signatures of sets whose metadata is not Linux's own.
const (
	imsmMagic = "Intel Raid ISM Cfg Sig. "
	ddfMagic  = "\xde\x11\xde\x11"
)

func leUint64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

// containerMember recognises the metadata of other makers at off of src.
func containerMember(src block.Source, b []byte, off int64) (volume.Member, bool) {
	m := volume.Member{Stack: "md", Header: off, Extent: block.Extent{Length: src.Size()}, Source: src, Valid: true, Role: "disk"}
	switch {
	case len(b) >= 64 && strings.HasPrefix(string(b[:32]), imsmMagic):
		version := strings.TrimRight(string(b[24:32]), " \x00")
		for _, c := range version {
			if c != '.' && (c < '0' || c > '9') {
				return m, false
			}
		}
		m.Format = "Intel Matrix (IMSM) " + version
		m.Set = fmt.Sprintf("imsm-%08x", binary.LittleEndian.Uint32(b[40:]))
	case len(b) >= 512 && string(b[:4]) == ddfMagic && string(b[32:34]) == "01":
		m.Format = "SNIA DDF " + strings.TrimRight(string(b[32:40]), "\x00")
		m.Set = fmt.Sprintf("ddf-%x", b[8:32])
	default:
		return m, false
	}
	m.Findings = append(m.Findings, container.New(finding.At(off, sector), finding.Arg("format", m.Format)))
	return m, true
}

// containers returns a set without volumes for each that members without a superblock of Linux name.
func containers(members []volume.Member) []volume.Set {
	var out []volume.Set
	index := map[string]int{}
	for i := range members {
		m := &members[i]
		if m.Stack != "md" || m.Detail != nil || m.Set == "" {
			continue
		}
		at, ok := index[m.Set]
		if !ok {
			at = len(out)
			index[m.Set] = at
			out = append(out, volume.Set{
				Stack: "md", UUID: m.Set, Level: m.Format + " set",
				Findings: []finding.Finding{containerSet.New(finding.Arg("format", m.Format))},
			})
		}
		out[at].Members = append(out[at].Members, i)
	}
	return out
}
