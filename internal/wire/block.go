package wire

import (
	"salvor/block"
	"salvor/imaging"
)

// Block is a line of type "block": a stretch of a medium and how far its copy is.
type Block struct {
	V      int    `json:"v"`
	Type   string `json:"type"`
	Offset int64  `json:"offset"`
	Size   int64  `json:"size"`
	// State is finished, non-tried, non-trimmed, non-scraped, bad-sector, or absent behind the end of a map.
	State string `json:"state"`
	// Other is the state in the second map, where two are compared.
	Other string `json:"other,omitempty"`
	// Copy is the path of the copy that the bytes were taken from, where several are merged.
	Copy string `json:"copy,omitempty"`
	// Disagree says that another copy has other bytes there.
	Disagree bool `json:"disagree,omitempty"`
}

// NewBlock returns the line of e.
func NewBlock(e block.Extent, s imaging.Status) Block {
	return Block{V: Version, Type: "block", Offset: e.Offset, Size: e.Length, State: StatusName(s)}
}

// StatusName returns the word for a state of a block.
func StatusName(s imaging.Status) string {
	switch s {
	case imaging.Finished:
		return "finished"
	case imaging.NonTried:
		return "non-tried"
	case imaging.NonTrimmed:
		return "non-trimmed"
	case imaging.NonScraped:
		return "non-scraped"
	case imaging.BadSector:
		return "bad-sector"
	}
	return "absent"
}
