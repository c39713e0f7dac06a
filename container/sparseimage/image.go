package sparseimage

import (
	"context"
	"fmt"

	"salvor/block"
	"salvor/block/probe"
	"salvor/container"
	"salvor/container/internal/mapped"
	"salvor/cursor"
	"salvor/finding"
)

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{twice, outside, large}

var (
	twice   = &finding.Def{Code: "sparseimage.band.twice", Severity: finding.Error, Text: "band {number} of the disk stands in the image twice, and cannot be read"}
	outside = &finding.Def{Code: "sparseimage.band.outside", Severity: finding.Error, Text: "the header names band {number} of a disk that has {count}"}
	large   = &finding.Def{Code: "sparseimage.large", Severity: finding.Error,
		Text: "the disk has {count} bands, of which the header names the first {limit} at most: bands that it does not name cannot be read"}
)

const (
	sector     = 512
	headerSize = 4096
	first      = 64 // where the list of bands begins
	maxBands   = (headerSize - first) / 4
)

// magic begins the header: its name, and the version.
var magic = []byte("sprs\x00\x00\x00\x03")

// Format returns the row of the table of containers.
func Format() container.Format {
	return container.Format{
		Name: "sparseimage", Title: "Apple sparse image", Extensions: []string{".sparseimage"},
		Signatures: []probe.Probe{{ID: "sparseimage.header", Bytes: magic}},
		Open:       Open,
	}
}

// Kinds of places that are none.
const (
	notWritten = 0
	lost       = -1
)

// disk is the disk in an image.
type disk struct {
	src   block.Source
	band  int64           // bytes
	size  int64           // of the disk
	place map[int64]int64 // of each band of the disk in the file; or lost
	all   bool            // the header names all bands
}

// parse reads the header.
func parse(b []byte) (*disk, []finding.Finding, error) {
	if len(b) < len(magic) || string(b[:len(magic)]) != string(magic) {
		return nil, nil, cursor.ErrNot
	}
	c := cursor.New("sparseimage: header", 0, b)
	c.Skip(len(magic))
	sectors := int64(c.Uint32BE())
	c.Skip(4)
	total := int64(c.Uint32BE())
	c.Seek(first)
	d := &disk{band: sectors * sector, size: total * sector, place: map[int64]int64{}}
	if c.Err() == nil && (sectors == 0 || sectors > 1<<24 || total == 0) {
		return nil, nil, cursor.Corrupt("sparseimage: header", 0, "sectors of a band and of the disk", fmt.Sprintf("%d and %d", sectors, total))
	}
	var findings []finding.Finding
	count := (total + sectors - 1) / sectors
	for i := range int64(maxBands) {
		n := int64(c.Uint32BE())
		switch _, again := d.place[n]; {
		case n == notWritten:
		case n > count:
			findings = append(findings, outside.New(finding.Arg("number", n), finding.Arg("count", count)))
		case again:
			if d.place[n] != lost {
				findings = append(findings, twice.New(finding.Arg("number", n)))
			}
			d.place[n] = lost
		default:
			d.place[n] = headerSize + i*d.band
		}
		if len(findings) > 20 {
			return nil, nil, cursor.Corrupt("sparseimage: header", first, "a list of bands", "something else")
		}
	}
	if err := c.Err(); err != nil {
		return nil, nil, err
	}
	if d.all = count <= maxBands; !d.all {
		findings = append(findings, large.New(finding.Arg("count", count), finding.Arg("limit", maxBands)))
	}
	return d, findings, nil
}

// Open opens the disk in src.
func Open(ctx context.Context, src block.Source, name string, _ container.Opener) (*container.Image, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b := make([]byte, min(headerSize, src.Size()))
	n, err := src.ReadAt(b, 0)
	if n < len(b) && err != nil {
		return nil, err
	}
	d, findings, err := parse(b)
	if err != nil {
		return nil, err
	}
	d.src = src
	return &container.Image{Format: "sparseimage", Source: mapped.New(d.size, d), SectorSize: sector, Files: []string{name}, Findings: findings}, nil
}

// Locate says what the disk stands on at off: a band.
func (d *disk) Locate(off int64) (mapped.Piece, error) {
	i := off / d.band
	e := block.Extent{Offset: i * d.band, Length: d.band}.Intersect(block.Extent{Length: d.size})
	at, ok := d.place[i+1]
	switch {
	case !ok && d.all:
		return mapped.Piece{Extent: e}, nil
	case !ok, at == lost:
		return mapped.LostPiece(e), nil
	}
	return mapped.Piece{Extent: e, Kind: mapped.Stored, Source: d.src, At: at}, nil
}
