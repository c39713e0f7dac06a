package cpio

import (
	"bytes"
	"context"
	"fmt"
	"strconv"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/region"
)

const (
	structure  = "cpio archive"
	headerSize = 110
	trailer    = "TRAILER!!!"
	maxNames   = 200_000
	maxName    = 4096
	typeBits   = 0o170000
	typeFile   = 0o100000
	typeFolder = 0o040000
)

// The numbers of a header, by their order.
const (
	fieldMode = 1
	fieldSize = 6
	fieldName = 11
	fieldSum  = 12
	fields    = 13
)

// Member is a file or folder of an archive.
type Member struct {
	Name string // hostile text
	Dir  bool
	File bool // a regular file
	// Header has the name too, with its filling; Data the content, Fill what fills it up. Data may end behind the source.
	Header, Data, Fill block.Extent
	Summed             bool // the archive has a sum over the content
	Sum                uint32
	named              bool // the name ends with its only zero and is filled up with zeros
}

// Archive is what was read of one.
type Archive struct {
	Members []Member
	// Last is the header of the last member, the trailer; empty where reading ended before.
	Last block.Extent
	// End is where the last member ends, filled up.
	End    int64
	Broken error // why reading ended before the trailer; nil at it
	// Refused says that what ended it is not wrong: there are more members than are read.
	Refused bool
	named   bool
}

// Look reports whether an archive begins at offset 0, and returns the name of its first member.
func Look(src block.Source) (string, error) {
	m, err := read(src, 0)
	if err != nil {
		return "", region.NotHere(err)
	}
	return m.Name, nil
}

// Read reads the headers of an archive that begins at offset 0. Its error is cursor.ErrNot when none begins there, that of
// reading its first header, or that of ctx.
func Read(ctx context.Context, src block.Source) (*Archive, error) {
	a := &Archive{}
	for len(a.Members) < maxNames {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m, err := read(src, a.End)
		if err != nil {
			if len(a.Members) == 0 && a.End == 0 {
				return nil, region.NotHere(err)
			}
			a.Broken = err
			return a, nil
		}
		if m.Name == trailer && m.Data.Length == 0 {
			a.Last, a.named = m.Header, m.named
			a.End = m.Header.End()
			return a, nil
		}
		a.Members = append(a.Members, m)
		if a.End = m.Fill.End(); a.End > src.Size() {
			return a, nil
		}
	}
	a.Broken, a.Refused = cursor.Corrupt(structure, a.End, fmt.Sprintf("at most %d members", maxNames), "more"), true
	return a, nil
}

// read reads a header with its name.
func read(src block.Source, at int64) (m Member, err error) {
	p, err := cursor.Read(src, structure+": header", at, headerSize, headerSize)
	if err != nil {
		return m, err
	}
	if magic := string(p[:6]); magic != "070701" && magic != "070702" {
		return m, cursor.Corrupt(structure+": header", at, "070701 or 070702", strconv.Quote(magic))
	}
	var v [fields]uint64
	for i := range v {
		digits := string(p[6+8*i : 14+8*i])
		if v[i], err = strconv.ParseUint(digits, 16, 32); err != nil || digits[0] == '+' || digits[0] == '-' {
			return m, cursor.Corrupt(structure+": header", at+6+8*int64(i), "8 hex digits", strconv.Quote(digits))
		}
	}
	length := int64(v[fieldName])
	if length < 2 || length > maxName {
		return m, cursor.Corrupt(structure+": header", at, fmt.Sprintf("a name of 1 to %d bytes", maxName-1), length)
	}
	m.Header = block.Between(at, up(at+headerSize+length))
	name, err := cursor.Read(src, structure+": name", at+headerSize, m.Header.End()-at-headerSize, maxName+4)
	if err != nil {
		return m, err
	}
	zero := bytes.IndexByte(name, 0)
	m.named = int64(zero) == length-1 && len(bytes.Trim(name[zero:], "\x00")) == 0
	if zero < 0 {
		zero = int(length)
	}
	m.Name = string(name[:min(zero, int(length))])
	m.Dir, m.File = v[fieldMode]&typeBits == typeFolder, v[fieldMode]&typeBits == typeFile
	m.Data = block.Extent{Offset: m.Header.End(), Length: int64(v[fieldSize])}
	m.Fill = block.Between(m.Data.End(), up(m.Data.End()))
	m.Sum = uint32(v[fieldSum])
	m.Summed = p[5] == '2' && m.File
	return m, nil
}

func up(n int64) int64 { return (n + 3) &^ 3 }

// Unused are the numbers of headers that no update program reads: everything but the type, the sizes and the sum.
func (a *Archive) Unused() (s block.Set) {
	mark := func(header block.Extent) {
		for i := range int64(fields) {
			if i == fieldMode || i == fieldSize || i == fieldName || i == fieldSum {
				continue
			}
			s.Add(block.Extent{Offset: header.Offset + 6 + 8*i, Length: 8})
		}
		// Of the mode only the digit with the type matters.
		s.Add(block.Extent{Offset: header.Offset + 6 + 8*fieldMode, Length: 4})
		s.Add(block.Extent{Offset: header.Offset + 6 + 8*fieldMode + 5, Length: 3})
	}
	for _, m := range a.Members {
		mark(m.Header)
		if !m.Summed {
			s.Add(block.Extent{Offset: m.Header.Offset + 6 + 8*fieldSum, Length: 8})
		}
	}
	if a.Last.Length > 0 {
		mark(a.Last)
		s.Add(block.Extent{Offset: a.Last.Offset + 6 + 8*fieldMode, Length: 8})
		s.Add(block.Extent{Offset: a.Last.Offset + 6 + 8*fieldSum, Length: 8})
	}
	return s
}

// Checks are those that the archive itself allows: headers, sums of the content, filling, and the end.
func (a *Archive) Checks(ctx context.Context, src block.Source) (out []firmware.Check) {
	for i := range a.Members {
		m := &a.Members[i]
		out = append(out, m.frame()...)
		if m.Data.End() > src.Size() {
			return append(out, firmware.Cut(m.Name, m.Fill.End(), src.Size()))
		}
		if m.Summed {
			out = append(out, m.sum(ctx, src))
		}
		if m.Fill.Length > 0 {
			out = append(out, region.Padding(ctx, src, "filling behind "+m.Name, m.Fill, 0))
		}
	}
	switch {
	case a.Refused:
		out = append(out, firmware.Check{What: "archive", Method: "structure", State: firmware.Cannot, Extent: block.Between(min(a.End, src.Size()), src.Size()), Why: a.Broken.Error()})
	case a.Broken != nil && a.End >= src.Size(), a.Last.Length == 0 && a.Broken == nil:
		out = append(out, firmware.Cut("end of the archive", a.End+headerSize+int64(len(trailer))+4, src.Size()))
	case a.Broken != nil:
		c := firmware.Check{What: "archive", Method: "structure", State: firmware.Failed, Extent: block.Between(min(a.End, src.Size()), src.Size()), Expected: "the header of a member", Found: a.Broken.Error()}
		if a.End+headerSize > src.Size() {
			c.Why = "the file ends inside of it: a download or copy that was cut off"
		}
		out = append(out, c)
	default:
		last := Member{Name: trailer, Header: a.Last, named: a.named}
		out = append(append(out, last.frame()...), last.Vouched("the name of the last member")...)
		if rest := block.Between(a.End, src.Size()); rest.Length > 0 {
			out = append(out, region.Padding(ctx, src, "filling behind the archive", rest, 0))
		}
	}
	return out
}

// digitOfType is the only digit of the mode that matters, from the start of the header.
const digitOfType = 6 + 8*fieldMode + 4

// frame are the checks of a header by its form: its numbers lead from one member to the next. Of the type and the name any
// would do, so that they are vouched for by whoever knows what they must be.
func (m *Member) frame() []firmware.Check {
	c := firmware.Check{What: "header of " + m.Name, Method: "structure", State: firmware.Passed, Strong: true, Expected: "numbers that lead to the next member", Found: "numbers that do"}
	name := c
	c.Extent = block.Extent{Offset: m.Header.Offset, Length: digitOfType}
	rest := c
	rest.Extent = block.Between(m.Header.Offset+digitOfType+1, m.Header.Offset+headerSize)
	name.Extent, name.Strong = block.Between(rest.Extent.End(), m.Header.End()), false
	name.Expected, name.Found = "a name that ends with a zero", "a name that ends with a zero"
	if !m.named {
		name.State, name.Found = firmware.Failed, "another length"
	}
	return []firmware.Check{c, rest, name}
}

// Vouched are the checks over the type and the name of a member, which something else than the archive says.
func (m *Member) Vouched(by string) []firmware.Check {
	c := firmware.Check{What: "name " + m.Name, Method: "structure", State: firmware.Passed, Strong: true, Expected: by, Found: by}
	c.Extent = block.Extent{Offset: m.Header.Offset + digitOfType, Length: 1}
	name := c
	name.Extent = block.Between(m.Header.Offset+headerSize, m.Header.End())
	return []firmware.Check{c, name}
}

// Idle are the type and the name of a member, for whoever knows that nothing reads them.
func (m *Member) Idle() (s block.Set) {
	for _, c := range m.Vouched("") {
		s.Add(c.Extent)
	}
	return s
}

// sum checks the sum of the bytes of the content.
func (m *Member) sum(ctx context.Context, src block.Source) firmware.Check {
	var sum uint32
	err := region.Scan(ctx, src, m.Data, func(p []byte) error {
		for _, c := range p {
			sum += uint32(c)
		}
		return nil
	})
	if err != nil {
		return region.Unread(m.Name, "sum of cpio", m.Data, fmt.Sprintf("%08x", m.Sum), src.Size(), err)
	}
	return firmware.Sum32(m.Name, "sum of cpio", m.Data, m.Sum, sum)
}
