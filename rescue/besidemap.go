package rescue

import (
	"bytes"
	"context"
	"path"
	"strings"

	"salvor/block"
	"salvor/container"
	"salvor/finding"
	"salvor/host"
	"salvor/imaging"
)

var (
	mapBeside = &finding.Def{Code: "rescue.map.beside", Severity: finding.Warning,
		Text: "{path}, a map beside the image, says that {bytes} of it were not read when it was made, in {ranges} places: they cannot be read here either"}
	mapBroken = &finding.Def{Code: "rescue.map.broken", Severity: finding.Warning,
		Text: "{path}, a map beside the image, is damaged ({why}) and was not used: what could not be read when the image was made reads as whatever stands there"}
)

// mapFormat is what an image with its map is called in the record of a case.
const mapFormat = "ddrescue"

// maxBesideMap bounds a map beside an image, in bytes.
const maxBesideMap = 256 << 20

// mapHeads begin the maps of GNU ddrescue, of all versions, and those of this program.
var mapHeads = [][]byte{[]byte("# Mapfile"), []byte("# Rescue Logfile"), []byte("# Logfile")}

// besideMap looks for the map of a copy beside an image of these bytes, under the names that people give it; nil when
// there is none that speaks of more than what was read.
func besideMap(ctx context.Context, o *host.Opened, src block.Source, name string) (*inside, []finding.Finding, error) {
	stem := strings.TrimSuffix(name, path.Ext(name))
	for _, called := range []string{name + ".map", stem + ".map", name + ".mapfile", stem + ".mapfile", name + ".log", stem + ".log"} {
		if called == name {
			continue
		}
		m, why := readBesideMap(ctx, o, called)
		switch {
		case ctx.Err() != nil:
			return nil, nil, ctx.Err()
		case why != nil:
			return nil, []finding.Finding{mapBroken.New(finding.Arg("path", called), finding.Arg("why", why))}, nil
		case m == nil:
			continue
		}
		// Of what the map does not speak, nothing is known to be bad.
		known := m.Size()
		m = m.Fit(src.Size())
		if known < src.Size() {
			m.Set(block.Between(known, src.Size()), imaging.Finished)
		}
		lost := m.Of(imaging.Finished).Complement(block.Extent{Length: src.Size()})
		if lost.Empty() {
			return nil, nil, nil
		}
		for e := range lost.All() { // what was not tried then cannot be tried now
			m.Set(e, imaging.BadSector)
		}
		image := &container.Image{Format: mapFormat, Source: imaging.CopySource(src, m, 0), Files: []string{name, called}}
		image.Findings = []finding.Finding{mapBeside.New(finding.Arg("path", called), finding.Arg("bytes", host.Bytes(lost.Bytes())), finding.Arg("ranges", lost.Count()))}
		in := &inside{files: image.Files}
		in.add(image, "copy with its map")
		return in, nil, nil
	}
	return nil, nil, nil
}

// readBesideMap reads a map; nil when there is none of that name, or what has that name is none.
func readBesideMap(ctx context.Context, o *host.Opened, name string) (*imaging.Map, error) {
	if !o.HasSibling(name) {
		return nil, nil
	}
	f, err := o.Sibling(ctx, name)
	if err != nil || f.Size > maxBesideMap {
		return nil, nil // it is no map, whatever it is
	}
	head := make([]byte, 32)
	n, _ := f.Source.ReadAt(head, 0)
	is := false
	for _, h := range mapHeads {
		is = is || bytes.HasPrefix(head[:n], h)
	}
	if !is {
		return nil, nil
	}
	return imaging.ReadMap(block.Reader(f.Source))
}
