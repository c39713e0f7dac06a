package hfsplus

import (
	"fmt"
	"io"
	"io/fs"

	"salvor/block"
	"salvor/cursor"
	"salvor/filesystem"
	"salvor/finding"
)

const (
	resourceStream  = "rsrc"
	finderAttribute = "com.apple.FinderInfo"
	maxLinkTarget   = 64 << 10
)

// file turns a record of the catalogue into a file.
func (w *walker) file(o *object, path, id string, state filesystem.State) *filesystem.File {
	v := w.v
	f := &filesystem.File{
		ID: id, Path: path, State: state, Mode: o.fileMode(), HasOwner: o.mode != 0, UID: o.uid, GID: o.gid,
		Times: o.times(), Sound: state != filesystem.Deleted,
	}
	if odd := o.odd(); odd != "" && path != "" {
		f.Sound = false
		f.Findings = append(f.Findings, fileOdd.New(finding.Expected(nil, odd)))
	}
	if o.finder != [32]byte{} {
		f.Attributes = map[string][]byte{finderAttribute: o.finder[:]}
	}
	packed := v.addAttributes(f, o)
	if o.folder {
		return f
	}
	content := v.stream(f, "", &o.data, o.id, forkData)
	var streams []filesystem.Stream
	resource := o.resource
	switch {
	case packed == nil || o.ownerFlags&flagCompressed == 0 || content.Size > 0:
		streams = append(streams, content)
	case packed.inResource():
		s := v.stream(f, "", &resource, o.id, forkResource)
		s.Size, s.Encoding = packed.size, packed.encoding()
		streams = append(streams, s)
		resource = fork{}
	default:
		streams = append(streams, packed.stream)
	}
	if resource.size > 0 {
		streams = append(streams, v.stream(f, resourceStream, &resource, o.id, forkResource))
	}
	streams = append(streams, packed.extra()...)
	f.Streams = streams
	if f.Mode.Type() == fs.ModeSymlink {
		f.Target = v.target(f)
		f.Streams = nil
	}
	if f.Mode.Type() != 0 && f.Mode.Type() != fs.ModeSymlink {
		f.Streams = nil
	}
	return f
}

// stream places a fork.
func (v *volume) stream(f *filesystem.File, name string, k *fork, id uint32, kind uint8) filesystem.Stream {
	s := filesystem.Stream{Name: name, Size: max(k.size, 0)}
	if k.size < 0 || v.needed(s.Size) > int64(v.h.blocks) {
		f.Sound = false
		f.Findings = append(f.Findings, fileBeyond.New(finding.Expected(fmt.Sprintf("%d bytes", v.h.size()), k.size)))
		s.Size = min(s.Size, v.h.size())
	}
	if s.Size == 0 {
		return s
	}
	l := v.layout(k, id, kind)
	if l.beyond != nil {
		f.Sound = false
		f.Findings = append(f.Findings, fileBeyond.New(finding.Expected(v.h.blocks, fmt.Sprintf("%d blocks from %d", l.beyond.count, l.beyond.start))))
	}
	if need := v.needed(s.Size); int64(l.blocks) < need {
		f.Sound = false
		f.Findings = append(f.Findings, fileExtents.New(finding.Expected(need, l.blocks)))
	}
	runKind := isData
	if f.State == filesystem.Deleted {
		runKind = v.deletedKind(f)
	} else {
		v.checkAllocated(f, l)
	}
	s.Runs = v.runs(v.split(l.extents, f.State == filesystem.Deleted), s.Size, runKind)
	return s
}

// checkAllocated compares a live file with the volume's map of blocks.
func (v *volume) checkAllocated(f *filesystem.File, l layout) {
	free := uint32(0)
	for _, e := range l.extents {
		if n, known := v.allocation.count(e); known {
			free += e.count - n
		}
	}
	if free > 0 {
		f.Sound = false
		f.Findings = append(f.Findings, fileUnallocated.New(finding.Expected(0, free)))
	}
}

// packing is what the attribute of a compressed file says, and further streams from attributes.
type packing struct {
	compression
	stream filesystem.Stream // of content that stands in the attribute itself
	more   []filesystem.Stream
}

func (p *packing) extra() []filesystem.Stream {
	if p == nil {
		return nil
	}
	return p.more
}

// addAttributes gives f its extended attributes: short ones as such, those that are stored like files as streams.
// It returns what it found of compression; nil for a file without.
func (v *volume) addAttributes(f *filesystem.File, o *object) *packing {
	if v.attributes == nil {
		return nil
	}
	var found *packing
	var forks []attribute
	n := 0
	v.attributes.records(o.id, func(r record) bool {
		a, ok := parseAttribute(r)
		if !ok {
			return true
		}
		if n++; n > maxAttributes {
			return false
		}
		switch {
		case a.fork != nil || a.more != nil:
			forks = append(forks, a)
		case a.name == compressionAttribute && !o.folder:
			if c, ok := parseCompression(a.value); !ok || !c.known() {
				f.Sound = false
				f.Findings = append(f.Findings, fileCompression.New(finding.Expected(nil, fmt.Sprintf("%.16x", a.value))))
			} else {
				found = &packing{compression: c, stream: v.inlineStream(c, a)}
			}
		default:
			if f.Attributes == nil {
				f.Attributes = map[string][]byte{}
			}
			f.Attributes[a.name] = append([]byte{}, a.value...)
		}
		return true
	}, func(error) {})
	if o.folder {
		return found
	}
	var more []filesystem.Stream
	for _, a := range forks {
		if a.fork == nil {
			continue
		}
		k := *a.fork
		l := layout{}
		on := l.add(v.h, k.extents)
		for on && l.blocks < k.blocks {
			before := l.blocks
			for _, m := range forks {
				if m.more != nil && m.name == a.name && m.start == l.blocks {
					on = l.add(v.h, *m.more)
					break
				}
			}
			if l.blocks == before {
				break
			}
		}
		size := min(max(k.size, 0), v.h.size())
		more = append(more, filesystem.Stream{Name: a.name, Size: size, Runs: v.runs(l.extents, size, isData)})
	}
	if len(more) > 0 && found == nil {
		found = &packing{}
		found.compression.kind = 0
	}
	if found != nil {
		found.more = more
	}
	return found
}

// inlineStream is the content of a compressed file whose stored bytes stand in its attribute.
func (v *volume) inlineStream(c compression, a attribute) filesystem.Stream {
	s := filesystem.Stream{Size: c.size}
	stored := int64(len(a.value)) - compressionHeader
	at := block.Extent{Offset: a.at + compressionHeader, Length: stored}
	if c.kind == packedNot {
		at.Length = min(stored, c.size)
		s.Size = max(at.Length, c.size)
	} else {
		s.Encoding = c.encoding()
	}
	for _, r := range block.Slice(v.attributes.runs, at) {
		r.Logical -= at.Offset
		s.Runs = append(s.Runs, r)
	}
	size := at.Length
	if s.Encoding == "" {
		size = s.Size
	}
	s.Runs = block.Normalize(v.current(s.Runs), size)
	return s
}

// current leads runs of the volume's own files to where the newest copy of their blocks stands: in the journal,
// for those that it has not written to their place.
func (v *volume) current(runs []block.Run) []block.Run {
	if v.overlay == nil {
		return runs
	}
	var out []block.Run
	for _, r := range runs {
		if !r.Kind.Stands() {
			out = append(out, r)
			continue
		}
		for _, o := range block.Slice(v.overlay, r.PhysicalExtent()) {
			o.Logical += r.Logical - r.Physical
			out = append(out, o)
		}
	}
	return out
}

// target reads where a symbolic link leads.
func (v *volume) target(f *filesystem.File) string {
	if len(f.Streams) == 0 || f.Streams[0].Size == 0 {
		return ""
	}
	s := f.Streams[0]
	if s.Size > maxLinkTarget {
		f.Sound = false
		f.Findings = append(f.Findings, linkTarget.New(finding.Expected(fmt.Sprintf("at most %d bytes", maxLinkTarget), fmt.Sprintf("%d bytes", s.Size))))
		return ""
	}
	src, err := v.Open(f, "")
	if err == nil {
		var p []byte
		if p, err = io.ReadAll(block.Reader(src)); err == nil {
			return string(p)
		}
	}
	f.Sound = false
	f.Findings = append(f.Findings, linkTarget.New(finding.Expected("a path", err)))
	return ""
}

// corruptRecord is the error for a record of the catalogue that is none.
func (v *volume) corruptRecord(r record) error {
	kind := -1
	if len(r.data) >= 2 {
		kind = int(be.Uint16(r.data))
	}
	return cursor.Corrupt("hfsplus: catalogue record", r.at, "a folder, a file or a thread", fmt.Sprintf("type %d with %d bytes", kind, len(r.data)))
}
