package wire

import "salvor/layers"

// Table is a line of type "table": a partition table as it should be. Lines of type "entry" follow it.
type Table struct {
	V          int      `json:"v"`
	Type       string   `json:"type"`
	Scheme     string   `json:"scheme"` // "" when the medium has no table
	SectorSize int64    `json:"sector_size"`
	Size       int64    `json:"size"` // of the medium
	UUID       string   `json:"uuid,omitempty"`
	Evidence   []string `json:"evidence"`
	Doubts     []string `json:"doubts"`
}

// Entry is a line of type "entry": a partition of a table as it should be.
type Entry struct {
	V         int      `json:"v"`
	Type      string   `json:"type"`
	Number    int      `json:"number"`
	Offset    int64    `json:"offset"`
	Size      int64    `json:"size"`
	Code      string   `json:"code"` // the type of the partition: GUID, or 0x83
	TypeName  string   `json:"type_name,omitempty"`
	Name      string   `json:"name,omitempty"`
	UUID      string   `json:"uuid,omitempty"`
	Active    bool     `json:"active"`
	Container bool     `json:"container"`
	Flags     uint64   `json:"flags"`
	Notes     []string `json:"notes,omitempty"`
	Kind      string   `json:"kind,omitempty"` // of the volume that stands at its start
	Label     string   `json:"label,omitempty"`
	Volume    int      `json:"volume,omitempty"`
	Score     int      `json:"score"`
	Evidence  []string `json:"evidence"`
	Doubts    []string `json:"doubts"`
}

// FromTable returns the lines of t.
func FromTable(t *layers.Partitioning) (Table, []Entry) {
	table := Table{V: Version, Type: "table", Scheme: t.Scheme, SectorSize: t.SectorSize, Size: t.Size, UUID: Text(t.UUID), Evidence: words(t.Evidence), Doubts: words(t.Doubts)}
	var entries []Entry
	for _, s := range t.Slots {
		e := Entry{
			V: Version, Type: "entry", Number: s.Number, Offset: s.Extent.Offset, Size: s.Extent.Length, Code: Text(s.Type), TypeName: Text(s.TypeName),
			Name: Text(s.Name), UUID: Text(s.UUID), Active: s.Active, Container: s.Container, Flags: s.Flags, Score: s.Score,
			Evidence: words(s.Evidence), Doubts: words(s.Doubts),
		}
		if len(s.Notes) > 0 {
			e.Notes = words(s.Notes)
		}
		if s.Volume != nil {
			e.Kind, e.Label, e.Volume = s.Volume.Kind, Text(s.Volume.Label), s.Volume.Volume
		}
		entries = append(entries, e)
	}
	return table, entries
}

// words makes a list of hostile texts, which is never null.
func words(list []string) []string {
	out := []string{}
	for _, s := range list {
		out = append(out, Text(s))
	}
	return out
}
