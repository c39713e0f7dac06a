// Package zipfile says where the members of a zip archive stand, for formats that are one with a meaning, and opens them
// as parts.
//
// It promises that each member's own header is held against the directory, that the CRC-32 of each member's content is
// computed, and that members do not overlap. An archive whose end is missing is walked from its beginning as far as it
// goes. Encrypted members, and ways of packing but stored and deflate, are told and not opened.
//
// Followed: PKWARE APPNOTE.TXT 6.3.10.
package zipfile

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"salvor/block"
	"salvor/cursor"
)

const (
	structure    = "zip archive"
	localMagic   = 0x04034b50
	centralMagic = 0x02014b50
	endMagic     = 0x06054b50
	end64Magic   = 0x06064b50
	locateMagic  = 0x07064b50
	localSize    = 30
	centralSize  = 46
	endSize      = 22
	maxMembers   = 50_000
	maxDirectory = 64 << 20
	big32        = 0xFFFFFFFF
)

// Ways of packing.
const (
	Stored  = 0
	Deflate = 8
)

// Member is a file of an archive.
type Member struct {
	Name   string // hostile text
	Method uint16
	Flags  uint16
	CRC    uint32
	Size   int64 // of the content, bytes
	// Header has the member's own header, Data what is stored, on the archive. Data may end behind the source.
	Header, Data block.Extent
	extra        int64 // bytes of the header whose value nothing settles
	// Trouble is what does not fit between the header and the directory; "" for nothing.
	Trouble string
}

// Folder reports whether the member is one.
func (m *Member) Folder() bool { return len(m.Name) > 0 && m.Name[len(m.Name)-1] == '/' }

// Archive is what was read of one.
type Archive struct {
	Members   []Member // by their places
	Directory block.Extent
	Comment   block.Extent // at the end
	End       int64        // where the archive ends
	// Broken says why the directory could not be read, so that the archive was walked from its beginning.
	Broken error
}

// Starts reports whether a zip archive begins src: a member's header, with a name.
func Starts(src block.Source) (name string, err error) {
	m, err := local(src, 0)
	if err != nil {
		return "", err
	}
	return m.Name, nil
}

// Read reads the directory of an archive that begins at offset 0, or walks over its members. Its error is cursor.ErrNot
// when none begins there, or that of ctx.
func Read(ctx context.Context, src block.Source) (*Archive, error) {
	if _, err := Starts(src); err != nil {
		return nil, err
	}
	a := &Archive{}
	if err := a.directory(ctx, src); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		a = &Archive{Broken: err}
		a.walk(ctx, src)
		return a, ctx.Err()
	}
	slices.SortStableFunc(a.Members, func(x, y Member) int { return cmp.Compare(x.Header.Offset, y.Header.Offset) })
	for i := range a.Members {
		if i%256 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		a.Members[i].place(src)
		if end := a.Members[i].Header.Offset; i > 0 && a.Members[i-1].Data.End() > end && a.Members[i].Trouble == "" {
			a.Members[i].Trouble = fmt.Sprintf("it begins at %d, inside of the one before", end)
		}
	}
	return a, nil
}

// end finds the record at the end of an archive.
func findEnd(src block.Source) (at int64, record []byte, err error) {
	n := min(src.Size(), endSize+0xFFFF)
	p, err := cursor.Read(src, structure, src.Size()-n, n, n)
	if err != nil {
		return 0, nil, err
	}
	for i := len(p) - endSize; i >= 0; i-- {
		if binary.LittleEndian.Uint32(p[i:]) == endMagic && i+endSize+int(binary.LittleEndian.Uint16(p[i+20:])) == len(p) {
			return src.Size() - n + int64(i), p[i:], nil
		}
	}
	return 0, nil, cursor.Corrupt(structure, src.Size(), "the end of the directory, as the last thing in the file", "none")
}

func (a *Archive) directory(ctx context.Context, src block.Source) error {
	at, p, err := findEnd(src)
	if err != nil {
		return err
	}
	c := cursor.New(structure, at, p)
	c.Skip(8)
	c.Skip(2)
	count, size, start := int64(c.Uint16()), int64(c.Uint32()), int64(c.Uint32())
	a.Comment, a.End = block.Between(at+endSize, src.Size()), src.Size()
	last := at
	if count == 0xFFFF || size == big32 || start == big32 {
		if count, size, start, last, err = wide(src, at); err != nil {
			return err
		}
	}
	if start > last || size > last-start || start+size != last || size > maxDirectory || count > maxMembers {
		return cursor.Corrupt(structure, at, fmt.Sprintf("a directory that ends at %d, of up to %d members", last, maxMembers), fmt.Sprintf("%d members, %d bytes at %d", count, size, start))
	}
	a.Directory = block.Extent{Offset: start, Length: size}
	b, err := cursor.Read(src, structure, start, size, maxDirectory)
	if err != nil {
		return err
	}
	c = cursor.New(structure, start, b)
	for range count {
		if err := ctx.Err(); err != nil {
			return err
		}
		m, err := central(c)
		if err != nil {
			return err
		}
		a.Members = append(a.Members, m)
	}
	if c.Len() > 0 {
		return cursor.Corrupt(structure, c.Offset(), "the end of the directory", fmt.Sprintf("%d more bytes", c.Len()))
	}
	return nil
}

// wide reads the records of large archives.
func wide(src block.Source, at int64) (count, size, start, last int64, err error) {
	bad := func(found any) (int64, int64, int64, int64, error) {
		return 0, 0, 0, 0, cursor.Corrupt(structure, at, "the records of a large archive", found)
	}
	p, err := cursor.Read(src, structure, at-20, 20, 20)
	if err != nil || binary.LittleEndian.Uint32(p) != locateMagic {
		return bad("none")
	}
	last = int64(min(binary.LittleEndian.Uint64(p[8:]), 1<<62))
	if last+56 != at-20 {
		return bad(fmt.Sprintf("one at %d", last))
	}
	if p, err = cursor.Read(src, structure, last, 56, 56); err != nil || binary.LittleEndian.Uint32(p) != end64Magic {
		return bad("none at its place")
	}
	number := func(i int) int64 { return int64(min(binary.LittleEndian.Uint64(p[i:]), 1<<62)) }
	return number(32), number(40), number(48), last, nil
}

// central reads an entry of the directory.
func central(c *cursor.Cursor) (Member, error) {
	at := c.Offset()
	if c.Uint32() != centralMagic {
		return Member{}, cursor.Corrupt(structure, at, "an entry of the directory", "something else")
	}
	c.Skip(4)
	m := Member{Flags: c.Uint16(), Method: c.Uint16()}
	c.Skip(4)
	m.CRC = c.Uint32()
	packed, size := int64(c.Uint32()), int64(c.Uint32())
	name, extra, comment := int(c.Uint16()), int(c.Uint16()), int(c.Uint16())
	c.Skip(8)
	start := int64(c.Uint32())
	m.Name = string(c.Bytes(name))
	long(c.Bytes(extra), &size, &packed, &start)
	c.Skip(comment)
	m.Size, m.Data.Length, m.Header.Offset = size, packed, start
	return m, c.Err()
}

// long takes what is too large for its field from the extra field of large members.
func long(extra []byte, fields ...*int64) {
	for len(extra) >= 4 {
		id, n := binary.LittleEndian.Uint16(extra), int(binary.LittleEndian.Uint16(extra[2:]))
		if n > len(extra)-4 {
			return
		}
		p := extra[4 : 4+n]
		extra = extra[4+n:]
		if id != 1 {
			continue
		}
		for _, f := range fields {
			if *f == big32 && len(p) >= 8 {
				*f = int64(min(binary.LittleEndian.Uint64(p), 1<<62))
				p = p[8:]
			}
		}
		return
	}
}

// local reads the header of a member.
func local(src block.Source, at int64) (Member, error) {
	p, err := cursor.Read(src, structure, at, localSize, localSize)
	if _, short := cursor.IsCorrupt(err); short {
		return Member{}, fmt.Errorf("%w: %w", cursor.ErrNot, err)
	} else if err != nil {
		return Member{}, err
	}
	c := cursor.New(structure, at, p)
	if c.Uint32() != localMagic {
		return Member{}, cursor.ErrNot
	}
	version := c.Uint16()
	m := Member{Flags: c.Uint16(), Method: c.Uint16()}
	c.Skip(4)
	m.CRC = c.Uint32()
	packed, size := int64(c.Uint32()), int64(c.Uint32())
	name, extra := int64(c.Uint16()), int64(c.Uint16())
	if version > 63 || name == 0 {
		return Member{}, cursor.ErrNot
	}
	b, err := cursor.Read(src, structure, at+localSize, name+extra, 2*0xFFFF)
	if err != nil {
		return Member{}, cursor.ErrNot
	}
	if m.Name = string(b[:name]); bytes.IndexByte(b[:name], 0) >= 0 {
		return Member{}, cursor.ErrNot
	}
	long(b[name:], &size, &packed)
	m.extra = extra
	m.Header = block.Extent{Offset: at, Length: localSize + name + extra}
	m.Data = block.Extent{Offset: m.Header.End(), Length: packed}
	m.Size = size
	return m, nil
}

// place finds the data of a member of the directory, behind its own header.
func (m *Member) place(src block.Source) {
	own, err := local(src, m.Header.Offset)
	if err != nil {
		m.Trouble = fmt.Sprintf("no header at %d", m.Header.Offset)
		m.Data.Offset = m.Header.Offset
		return
	}
	m.Header, m.Data.Offset, m.extra = own.Header, own.Data.Offset, own.extra
	later := own.Flags&8 != 0 // its numbers stand behind the data
	switch {
	case own.Name != m.Name:
		m.Trouble = fmt.Sprintf("its own header calls it %q", own.Name)
	case own.Method != m.Method || own.Flags != m.Flags:
		m.Trouble = fmt.Sprintf("its own header says way %d and flags %#x, the directory %d and %#x", own.Method, own.Flags, m.Method, m.Flags)
	case own.CRC != m.CRC && !(later && own.CRC == 0):
		m.Trouble = fmt.Sprintf("its own header says CRC-32 %08x, the directory %08x", own.CRC, m.CRC)
	case own.Size != m.Size && !(later && own.Size == 0), own.Data.Length != m.Data.Length && !(later && own.Data.Length == 0):
		m.Trouble = fmt.Sprintf("its own header says %d bytes of %d, the directory %d of %d", own.Data.Length, own.Size, m.Data.Length, m.Size)
	}
}

// walk goes from header to header, as long as they say how long the members are.
func (a *Archive) walk(ctx context.Context, src block.Source) {
	for at := int64(0); len(a.Members) < maxMembers && ctx.Err() == nil; {
		m, err := local(src, at)
		if err != nil {
			return
		}
		a.Members = append(a.Members, m)
		if a.End = m.Data.End(); m.Flags&8 != 0 || a.End > src.Size() {
			return
		}
		at = a.End
	}
}
