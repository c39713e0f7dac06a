package wire

import (
	"salvor/finding"
	"salvor/host"
	"salvor/layers"
	"salvor/recovery"
)

// Layer is a line of type "layer": a disk, a table, a partition, a file system, and what else stands in
// another.
type Layer struct {
	V      int    `json:"v"`
	Type   string `json:"type"`
	ID     string `json:"id"`
	Parent string `json:"parent"` // ID; "" for a disk
	Source int    `json:"source"` // number of the source in the case; 0 where there is none
	Kind   string `json:"kind"`
	// Offset and Size are the place on the medium, in bytes.
	Offset   int64  `json:"offset"`
	Size     int64  `json:"size"`
	Label    string `json:"label"`
	UUID     string `json:"uuid,omitempty"`
	State    string `json:"state"` // good, damaged, missing, locked
	Score    int    `json:"score"` // 0 to 100
	Rival    bool   `json:"rival"`
	Readable bool   `json:"readable"`
	Volume   int    `json:"volume,omitempty"` // from 1; absent for what is no volume
	// Detail says more of what it is, for people: the level of a RAID set, the cipher.
	Detail string `json:"detail,omitempty"`
	// Set is the layer that this one is a member of; Members are those that this one was put together of. IDs.
	Set     string   `json:"set,omitempty"`
	Members []string `json:"members,omitempty"`
	// Disk is what the system says of a disk of this computer; absent for images and for other layers.
	Disk     *Disk             `json:"disk,omitempty"`
	Findings []finding.Finding `json:"findings,omitempty"`
}

// Disk is the part of a disk's layer that only the operating system knows.
type Disk struct {
	Path         string   `json:"path"`
	Model        string   `json:"model"`
	Serial       string   `json:"serial"`
	Transport    string   `json:"transport"`
	SectorSize   int      `json:"sector_size"`
	Removable    bool     `json:"removable"`
	ReadOnly     bool     `json:"read_only"`
	System       bool     `json:"system"`
	Health       string   `json:"health"` // good, worn or unknown
	HealthDetail string   `json:"health_detail,omitempty"`
	Holders      []Holder `json:"holders"`
}

// Holder is something that uses a disk or a part of it.
type Holder struct {
	Kind     string `json:"kind"` // mount, swap, md, dm, loop, other
	Device   string `json:"device"`
	Name     string `json:"name"` // mount point, or path of the device that holds it
	FS       string `json:"fs,omitempty"`
	ReadOnly bool   `json:"read_only"`
	CanWrite bool   `json:"can_write"`
}

// FromLayer returns the line of l, which belongs to the source of that number.
func FromLayer(l *layers.Layer, source int) Layer {
	out := Layer{
		V: Version, Type: "layer", ID: l.ID, Source: source, Kind: l.Kind, Offset: l.Extent.Offset, Size: l.Extent.Length,
		Label: Text(l.Label), UUID: Text(l.UUID), State: string(l.State), Score: l.Score, Rival: l.Rival,
		Readable: l.Readable, Volume: l.Volume, Findings: cleanFindings(l.Findings),
		Detail: Text(l.Detail), Set: Text(l.Set), Members: texts(l.Members),
	}
	if l.Medium > 0 {
		out.Source = l.Medium
	}
	out.ID = Text(out.ID)
	if out.State == "" {
		out.State = string(layers.Good)
	}
	if l.Parent != nil {
		out.Parent = Text(l.Parent.ID)
	}
	return out
}

func texts(list []string) []string {
	var out []string
	for _, s := range list {
		out = append(out, Text(s))
	}
	return out
}

// FromRow returns the line of a layer of the catalogue.
func FromRow(r recovery.LayerRow) Layer {
	out := FromLayer(&layers.Layer{
		ID: r.ID, Kind: r.Kind, Extent: r.Extent, Label: r.Label, UUID: r.UUID, State: r.State, Score: r.Score,
		Rival: r.Rival, Readable: r.Readable, Volume: r.Volume, Findings: r.Findings, Detail: r.Detail, Set: r.Set, Members: r.Members,
	}, r.Source)
	out.Parent = Text(r.Parent)
	return out
}

// FromTree returns the lines of l and everything below it, parents first.
func FromTree(l *layers.Layer, source int) []Layer {
	var out []Layer
	l.Walk(func(n *layers.Layer, _ int) bool {
		out = append(out, FromLayer(n, source))
		return true
	})
	return out
}

// FromDisk returns the line of a disk of this computer.
func FromDisk(d *host.Disk) Layer {
	out := Layer{
		V: Version, Type: "layer", ID: d.Name, Kind: "disk", Size: d.Size, Label: Text(d.Model),
		State: string(layers.Good), Score: 100, Findings: d.Findings(),
	}
	if d.Size == 0 {
		out.State = string(layers.Missing)
	}
	out.Disk = &Disk{
		Path: d.Path, Model: Text(d.Model), Serial: Text(d.Serial), Transport: d.Transport, SectorSize: d.SectorSize,
		Removable: d.Removable, ReadOnly: d.ReadOnly, System: d.System, Health: "unknown", Holders: []Holder{},
	}
	if d.Health.Known {
		out.Disk.Health, out.Disk.HealthDetail = "good", d.Health.Words()
		if d.Health.Worn() {
			out.Disk.Health = "worn"
		}
	}
	for _, h := range d.Holders {
		out.Disk.Holders = append(out.Disk.Holders, Holder{
			Kind: string(h.Kind), Device: h.Device, Name: Text(h.Name), FS: h.FS, ReadOnly: h.ReadOnly, CanWrite: h.CanWrite,
		})
	}
	return out
}
