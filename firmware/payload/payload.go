package payload

import (
	"context"
	"fmt"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/region"
)

const (
	headerSize    = 24
	maxSignatures = 1 << 20
	structHeader  = "payload: header"
)

// Format is the row of this package in the table of firmware formats.
func Format() firmware.Format {
	return firmware.Format{
		Name: "android-payload", Title: "Android update payload",
		Probes: []probe.Probe{{ID: "firmware.android-payload.header", Bytes: []byte{'C', 'r', 'A', 'U', 0, 0, 0, 0, 0, 0, 0, 2}}},
		Look:   look, Open: open,
	}
}

// Payload is one that was read, with what is done to which partition.
type Payload struct {
	*Manifest
	Base int64 // where the data of operations begins, bytes
	src  block.Source
	head header
}

type header struct{ manifest, signatures int64 } // sizes

func (h header) base() int64 { return headerSize + h.manifest + h.signatures }

func readHeader(src block.Source) (header, error) {
	p, err := cursor.Read(src, structHeader, 0, headerSize, headerSize)
	if err != nil {
		return header{}, region.NotHere(err)
	}
	c := cursor.New(structHeader, 0, p)
	if string(c.Bytes(4)) != "CrAU" || c.Uint64BE() != 2 {
		return header{}, cursor.ErrNot
	}
	h := header{manifest: int64(min(c.Uint64BE(), 1<<60)), signatures: int64(c.Uint32BE())}
	if h.manifest == 0 || h.manifest > maxManifest || h.signatures > maxSignatures {
		return header{}, cursor.ErrNot
	}
	return h, nil
}

// Read reads the header and the manifest of a payload, and checks nothing else. It answers cursor.ErrNot for what is no
// payload, and a [*cursor.CorruptError] for a manifest that is cut off or broken.
func Read(src block.Source) (*Payload, error) {
	h, err := readHeader(src)
	if err != nil {
		return nil, err
	}
	b, err := cursor.Read(src, structProto, headerSize, h.manifest, maxManifest)
	if err != nil {
		return nil, err
	}
	m, err := parseManifest(b, headerSize)
	if err != nil {
		return nil, err
	}
	return &Payload{Manifest: m, Base: h.base(), src: src, head: h}, nil
}

func look(_ context.Context, src block.Source) (firmware.Sighting, error) {
	if _, err := readHeader(src); err != nil {
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: "Android update payload"}, nil
}

// Delta reports whether some partition is made from its old content.
func (p *Payload) Delta() bool {
	for i := range p.Partitions {
		if p.Partitions[i].NeedsOld() {
			return true
		}
	}
	return false
}

// End is how long the payload is by its own word.
func (p *Payload) End() int64 {
	end := p.Signatures.End()
	for i := range p.Partitions {
		for j := range p.Partitions[i].Operations {
			if d := p.Partitions[i].Operations[j].Data; d.Length > 0 {
				end = max(end, d.End())
			}
		}
	}
	return p.Base + end
}

func (p *Payload) title() string {
	kind := "full"
	switch {
	case p.Delta():
		kind = "delta"
	case p.Partial:
		kind = "partial"
	}
	title := fmt.Sprintf("Android update payload, %s, %d partitions", kind, len(p.Partitions))
	if p.SecurityPatch != "" {
		title += ", security patches of " + p.SecurityPatch
	}
	return title
}

func open(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	h, err := readHeader(src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Role: firmware.Package}
	manifest := block.Extent{Offset: headerSize, Length: h.manifest}
	if manifest.End() > src.Size() {
		part.Checks = append(part.Checks, firmware.Cut("manifest", h.base(), src.Size()))
		return part, nil
	}
	p, err := Read(src)
	if c, broken := cursor.IsCorrupt(err); broken {
		part.Checks = append(part.Checks, firmware.Check{What: "manifest", Method: "structure", State: firmware.Failed, Extent: manifest, Expected: c.Expected, Found: c.Found, Why: c.Error()})
		return part, nil
	} else if err != nil {
		return nil, err
	}
	part.Title, part.Announced = p.title(), p.End()
	add := func(name string, role firmware.Role, e block.Extent) {
		if e.Length > 0 {
			part.Children = append(part.Children, region.Part(src, name, role, e))
		}
	}
	add("manifest", firmware.Metadata, manifest)
	add("signatures of the metadata", firmware.Signed, block.Extent{Offset: manifest.End(), Length: h.signatures})
	add("signatures", firmware.Signed, p.Signatures.Shift(p.Base))
	if part.Announced > src.Size() {
		part.Checks = append(part.Checks, firmware.Cut(p.at(src.Size()), part.Announced, src.Size()))
	}
	p.claims(part)
	p.data(ctx, part)
	p.sign(ctx, part, o)
	for i := range p.Partitions {
		if ctx.Err() != nil {
			break
		}
		part.Children = append(part.Children, p.partition(ctx, &p.Partitions[i], o))
	}
	region.Behind(ctx, src, part, o, block.Between(part.Announced, src.Size()))
	return part, ctx.Err()
}

// at names what stands at a place of the file.
func (p *Payload) at(off int64) string {
	off -= p.Base
	for i := range p.Partitions {
		for j := range p.Partitions[i].Operations {
			if p.Partitions[i].Operations[j].Data.Has(off) {
				return fmt.Sprintf("data of %s", p.Partitions[i].Name)
			}
		}
	}
	return "data"
}
