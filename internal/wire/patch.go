package wire

import (
	"encoding/hex"

	"salvor/mend"
)

// Patch is a line of type "patch": bytes of a boot structure or a table that are given back in a mended copy.
type Patch struct {
	V         int      `json:"v"`
	Type      string   `json:"type"`
	Structure string   `json:"structure"`
	Offset    int64    `json:"offset"`
	Size      int64    `json:"size"`
	Unread    int64    `json:"unread"` // bytes of them that could not be read on the source
	Evidence  []string `json:"evidence"`
	// At is where the first piece that changes stands; Old and New are that piece, in hex, at most 32 bytes. The undo
	// file has all of them.
	At  int64  `json:"at"`
	Old string `json:"old"`
	New string `json:"new"`
}

const patchSample = 32 // bytes that a line shows

// FromPatch returns the line of p.
func FromPatch(p mend.Patch) Patch {
	e := p.Extent()
	i := 0
	for i < len(p.New)-1 && p.Old[i] == p.New[i] {
		i++
	}
	end := min(i+patchSample, len(p.New))
	return Patch{V: Version, Type: "patch", Structure: p.Structure, Offset: e.Offset, Size: e.Length, Unread: p.Unread.Bytes(),
		Evidence: append([]string{}, p.Evidence...), At: e.Offset + int64(i), Old: hex.EncodeToString(p.Old[i:end]), New: hex.EncodeToString(p.New[i:end])}
}
