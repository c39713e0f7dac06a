package ntfs

import (
	"fmt"
	"io/fs"
	"strings"
	"unicode/utf16"

	"salvor/block"
	"salvor/cursor"
	"salvor/filesystem"
	"salvor/finding"
)

// Tags of reparse points.
const (
	tagMountPoint = 0xA0000003 // a junction, or a volume in a folder
	tagSymlink    = 0xA000000C
	tagWOF        = 0x80000017 // packed by the system
	tagLinuxLink  = 0xA000001D
	tagSocket     = 0x80000023
	tagFIFO       = 0x80000024
	tagCharacter  = 0x80000025
	tagBlock      = 0x80000026
)

const (
	wofStream    = "WofCompressedData"
	wofFile      = 2 // the provider that keeps the content in a stream of the file
	maxReparse   = 16 << 10
	devicePrefix = `\??\`
)

// reparse is what a reparse point makes of a file.
type reparse struct {
	mode    fs.FileMode // 0 when it stays what it is
	target  string
	packing string // encoding of the content, without the size of a unit
	unit    int64
	absent  bool // the content stands elsewhere
	notes   []finding.Finding
}

// readReparse reads the reparse point of a file, if it has one.
func (v *volume) readReparse(o *object, attributes uint32) reparse {
	e := o.find(typeReparse, "")
	if e == nil {
		return reparse{}
	}
	place := finding.At(max(o.offset(0), 0), v.b.recordSize)
	p, err := v.read(e, maxReparse)
	var r reparse
	if err == nil {
		r, err = parseReparse(p)
	}
	if err != nil {
		r.notes = append(r.notes, reparseBroken.New(place, finding.Expected(nil, err)))
	}
	if r.absent {
		r.notes = append(r.notes, wofElsewhere.New(place))
	}
	return r
}

// parseReparse decodes a reparse point. Those of unknown tags (of clouds, deduplication, archives) change
// nothing.
func parseReparse(p []byte) (reparse, error) {
	c := cursor.New("ntfs: reparse point", 0, p)
	tag, size := c.Uint32(), int(c.Uint16())
	c.Skip(2)
	d := c.Sub("ntfs: reparse point", min(size, c.Len()))
	if err := c.Err(); err != nil {
		return reparse{}, err
	}
	switch tag {
	case tagSymlink, tagMountPoint:
		substituteAt, substitute := int(d.Uint16()), int(d.Uint16())
		printAt, shown := int(d.Uint16()), int(d.Uint16())
		if tag == tagSymlink {
			d.Skip(4)
		}
		names := d.Rest()
		cut := func(at, n int) string {
			if at > len(names) || n > len(names)-at {
				return ""
			}
			return text8(names[at : at+n])
		}
		target := cut(printAt, shown)
		if target == "" {
			target = strings.TrimPrefix(cut(substituteAt, substitute), devicePrefix)
		}
		r := reparse{mode: fs.ModeSymlink, target: target}
		if target == "" {
			return r, cursor.Corrupt("ntfs: reparse point: target", 8, "a name", fmt.Sprintf("%d bytes at %d of %d", substitute, substituteAt, len(names)))
		}
		return r, nil
	case tagLinuxLink:
		d.Skip(4)
		r := reparse{mode: fs.ModeSymlink, target: string(d.Rest())}
		return r, d.Err()
	case tagSocket:
		return reparse{mode: fs.ModeSocket}, nil
	case tagFIFO:
		return reparse{mode: fs.ModeNamedPipe}, nil
	case tagCharacter:
		return reparse{mode: fs.ModeDevice | fs.ModeCharDevice}, nil
	case tagBlock:
		return reparse{mode: fs.ModeDevice}, nil
	case tagWOF:
		d.Skip(4)
		provider := d.Uint32()
		if provider != wofFile {
			return reparse{absent: d.Err() == nil}, d.Err()
		}
		d.Skip(4)
		method := d.Uint32()
		if err := d.Err(); err != nil {
			return reparse{}, err
		}
		switch method {
		case 0:
			return reparse{packing: encodingXPRESS, unit: 4096}, nil
		case 1:
			return reparse{packing: encodingLZX, unit: wofLZXUnit}, nil
		case 2:
			return reparse{packing: encodingXPRESS, unit: 8192}, nil
		case 3:
			return reparse{packing: encodingXPRESS, unit: 16384}, nil
		}
		return reparse{absent: true}, cursor.Corrupt("ntfs: reparse point: packing", 20, "0 to 3", method)
	}
	return reparse{}, nil
}

const wofLZXUnit = 32 << 10

// packed describes the content of a file that the system packed: its size is that of the empty content, its
// bytes stand in another stream.
func (v *volume) packed(o *object, e *value, r *reparse) (s filesystem.Stream, notes []finding.Finding) {
	s = filesystem.Stream{Size: e.length(), Encoding: fmt.Sprintf("%s:%d", r.packing, r.unit)}
	d := o.find(typeData, wofStream)
	place := finding.At(max(o.offset(0), 0), v.b.recordSize)
	if d == nil || !d.headed {
		s.Encoding = ""
		s.Runs = block.Normalize(nil, s.Size)
		return s, append(notes, wofBroken.New(place, finding.Expected(nil, "its stream is gone")))
	}
	if d.flags&(flagCompressed|flagEncrypted) != 0 {
		s.Encoding = ""
		s.Runs = block.Normalize(nil, s.Size)
		return s, append(notes, wofBroken.New(place, finding.Expected("a stream as it is", fmt.Sprintf("flags 0x%x", d.flags))))
	}
	s.Runs = v.plainRuns(d)
	return s, append(notes, v.incomplete(o, s.Runs)...)
}

// text8 decodes UTF-16 of any length.
func text8(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = le.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}
