package archive

import (
	"context"
	"encoding/binary"

	"salvor/block"
	"salvor/cursor"
	"salvor/finding"
	"salvor/firmware"
	"salvor/firmware/internal/zipfile"
)

const (
	localSize   = 30
	centralSize = 46
	endSize     = 22
	maxDir      = 64 << 20
)

func lookZip(_ context.Context, src block.Source) (firmware.Sighting, error) {
	name, err := zipfile.Starts(src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: "zip archive", Name: name}, nil
}

func openZip(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	a, err := zipfile.Read(ctx, src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: "zip archive", Role: firmware.Package, Checks: a.Checks(src)}
	if a.Broken == nil {
		used, unused := frames(src, a)
		part.Unused = unused
		part.Checks = append(part.Checks, stretches("headers", "structure", used)...)
	}
	if len(a.Members) > maxOpened {
		part.Findings = append(part.Findings, tree.New(finding.Expected(maxOpened, len(a.Members))))
	}
	var proven block.Set
	for i := range a.Members {
		if ctx.Err() != nil {
			break
		}
		m := &a.Members[i]
		if m.Folder() && m.Size == 0 || m.Trouble != "" {
			continue
		}
		child := m.Open(ctx, src, opened(o, len(a.Members)), roleOf(m.Name))
		if len(a.Members) > maxOpened && i >= maxListed && firmware.Whole(child).Answer == firmware.OK {
			proven.Add(m.Data)
			continue
		}
		part.Children = append(part.Children, child)
	}
	if !proven.Empty() {
		part.Checks = append(part.Checks, stretches("members", "CRC-32", proven)...)
	}
	return part, ctx.Err()
}

// opened is the opening for members: of a tree of files they are checked and not opened.
func opened(o *firmware.Opening, members int) *firmware.Opening {
	if members > maxOpened {
		return o.Closed()
	}
	return o
}

// frames returns the bytes of headers and of the directory that are held against each other, and those that nothing
// reads: versions, times, attributes, extra fields, comments. It takes only what has the usual form.
func frames(src block.Source, a *zipfile.Archive) (used, unused block.Set) {
	drop := func(at int64, n int64) {
		e := block.Extent{Offset: at, Length: n}
		used.Remove(e)
		unused.Add(e)
	}
	for i := range a.Members {
		m := &a.Members[i]
		if m.Trouble != "" {
			continue
		}
		at := m.Header.Offset
		used.Add(m.Header)
		drop(at+4, 2)
		drop(at+10, 4)
		if extra := m.Header.Length - localSize - int64(len(m.Name)); extra > 0 {
			drop(m.Header.End()-extra, extra)
		}
		// A data descriptor says once more what the directory says.
		next := a.Directory.Offset
		if i+1 < len(a.Members) {
			next = a.Members[i+1].Header.Offset
		}
		if gap := block.Between(m.Data.End(), next); m.Flags&8 != 0 && gap.Length >= 12 && gap.Length <= 24 {
			unused.Add(gap)
			drop(at+14, 12) // zeros, or the same numbers
		}
	}
	p, err := cursor.Read(src, "zip archive", a.Directory.Offset, a.Directory.Length, maxDir)
	if err != nil {
		return used, unused
	}
	used.Add(a.Directory)
	for at := 0; at+centralSize <= len(p); {
		base := a.Directory.Offset + int64(at)
		drop(base+4, 4)
		drop(base+12, 4)
		drop(base+34, 8)
		name, more := int(binary.LittleEndian.Uint16(p[at+28:])), int(binary.LittleEndian.Uint16(p[at+30:]))+int(binary.LittleEndian.Uint16(p[at+32:]))
		if more > 0 && at+centralSize+name+more <= len(p) {
			drop(base+centralSize+int64(name), int64(more))
		}
		at += centralSize + name + more
	}
	if end := block.Between(a.Directory.End(), src.Size()); end.Length >= endSize && a.Comment.Offset == a.Directory.End()+endSize {
		used.Add(end)
		drop(end.Offset+4, 6)
		if a.Comment.Length > 0 {
			drop(a.Comment.Offset, a.Comment.Length)
		}
	}
	return used, unused
}
