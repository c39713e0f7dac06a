package uefi

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/region"
)

const (
	volumeMin = 56 + 16
	maxHeader = 4096
	maxFiles  = 8192
	pageSize  = 4096
)

// volume is the header of one.
type volume struct {
	system     string // GUID
	size       int64
	attributes uint32
	header     int64
	sum        uint16 // of all words of the header, 0 when it fits
	second     int64  // place of the second header, 0 for none
	revision   uint8
	mapped     int64 // bytes by the map of blocks
}

func parseVolume(p []byte) (*volume, error) {
	c := cursor.New("UEFI volume: header", 0, p)
	c.Skip(16)
	var g guid
	copy(g[:], c.Bytes(16))
	v := &volume{system: g.String(), size: int64(c.Uint64())}
	if !bytes.Equal(c.Bytes(4), []byte("_FVH")) {
		return nil, cursor.ErrNot
	}
	v.attributes = c.Uint32()
	v.header = int64(c.Uint16())
	c.Skip(2)
	v.second = int64(c.Uint16())
	reserved := c.Uint8()
	v.revision = c.Uint8()
	if c.Err() != nil || v.header < volumeMin || v.header > maxHeader || v.header%2 != 0 || v.size < v.header || reserved != 0 || v.revision < 1 || v.revision > 2 || int64(len(p)) < v.header {
		return nil, cursor.ErrNot
	}
	for at := 56; at+8 <= int(v.header); at += 8 {
		n, size := binary.LittleEndian.Uint32(p[at:]), binary.LittleEndian.Uint32(p[at+4:])
		if n == 0 && size == 0 {
			break
		}
		v.mapped += int64(n) * int64(size)
	}
	for i := 0; i+1 < int(v.header); i += 2 {
		v.sum += binary.LittleEndian.Uint16(p[i:])
	}
	if v.sum != 0 && v.mapped != v.size && systems[v.system] == "" { // one of them may be damaged
		return nil, cursor.ErrNot
	}
	return v, nil
}

// readVolume reads the header of a volume at off.
func readVolume(src block.Source, off int64) (*volume, error) {
	n := min(src.Size()-off, maxHeader)
	if n < volumeMin {
		return nil, cursor.ErrNot
	}
	p, err := cursor.Read(src, "UEFI volume: header", off, n, maxHeader)
	if err != nil {
		return nil, err
	}
	return parseVolume(p)
}

// erased is the value of free bytes.
func (v *volume) erased() byte {
	if v.attributes&0x800 != 0 {
		return 0xFF
	}
	return 0
}

func (v *volume) title() string {
	if name := systems[v.system]; name != "" {
		return "UEFI volume, " + name
	}
	return "UEFI volume, file system " + v.system
}

// leading is the first volume of an image: at its beginning, or behind the page with the code that ARM's processors start.
func leading(src block.Source) (v *volume, at int64, err error) {
	if v, err = readVolume(src, 0); err == nil {
		return v, 0, nil
	}
	if other, second := readVolume(src, pageSize); second == nil {
		return other, pageSize, nil
	}
	return nil, 0, region.NotHere(err)
}

func lookVolume(_ context.Context, src block.Source) (firmware.Sighting, error) {
	v, _, err := leading(src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: v.title(), Size: v.size}, nil
}

func openVolume(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	v, at, err := leading(src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: "UEFI firmware", Role: firmware.BootLoader}
	if at == 0 && v.size >= src.Size() {
		part = v.open(ctx, src, o)
	} else {
		volumes(ctx, src, part, o)
	}
	if _, itself := o.File(); itself && part.Role == firmware.BootLoader { // what holds it says so else
		part.Installs = append(part.Installs, firmware.Install{Where: "firmware of the device", Loader: true})
	}
	return part, ctx.Err()
}

// volumes finds all volumes of a region, each of which begins at a page, and what stands between them.
func volumes(ctx context.Context, src block.Source, part *firmware.Part, o *firmware.Opening) {
	size := src.Size()
	from := int64(0) // of what is not known yet
	for at := int64(0); at < size && ctx.Err() == nil && len(part.Children) < maxFiles; {
		v, err := readVolume(src, at)
		if err != nil {
			at += pageSize
			continue
		}
		between(ctx, src, part, o, block.Between(from, at))
		child := region.Part(src, "", firmware.BootLoader, block.Extent{Offset: at, Length: v.size})
		found := v.open(ctx, child.Source, o)
		child.Format, child.Title, child.Role, child.Checks, child.Children, child.Unused = "uefi", found.Title, found.Role, found.Checks, found.Children, found.Unused
		if child.Role == firmware.BootLoader {
			child.Role = firmware.Program // all of them together are what starts the computer
		}
		part.Children = append(part.Children, child)
		at = (at + v.size + pageSize - 1) &^ (pageSize - 1)
		from = min(at, child.Offset+v.size, size)
	}
	between(ctx, src, part, o, block.Between(from, size))
}

// between takes down what stands in no volume: filling, or something else.
func between(ctx context.Context, src block.Source, part *firmware.Part, o *firmware.Opening, e block.Extent) {
	if e.Length <= 0 || ctx.Err() != nil {
		return
	}
	if c, ok := region.Filled(ctx, src, "between volumes", e); ok {
		part.Checks = append(part.Checks, c)
		return
	}
	other := region.Part(src, "between volumes", firmware.Data, e)
	if e.Length < src.Size() { // else it is this very source once more
		o.Inner(ctx, other)
	}
	part.Children = append(part.Children, other)
}

// open reads the volume that src begins with.
func (v *volume) open(ctx context.Context, src block.Source, o *firmware.Opening) *firmware.Part {
	part := &firmware.Part{Title: v.title(), Role: firmware.BootLoader, Announced: v.size}
	head := firmware.Check{What: "header", Method: "sum of 16 bits", State: firmware.Passed, Extent: block.Extent{Length: v.header}, Expected: "0000", Found: fmt.Sprintf("%04x", v.sum)}
	if v.sum != 0 {
		head.State = firmware.Failed
	}
	part.Checks = append(part.Checks, head)
	if src.Size() < v.size {
		part.Checks = append(part.Checks, firmware.Cut("volume", v.size, src.Size()))
	}
	switch v.system {
	case ffs1, ffs2, ffs3, appleFFS:
		v.files(ctx, src, part, o)
	case nvram:
		part.Role = firmware.Settings
	}
	return part
}

// fileHeader is that of a file.
type fileHeader struct {
	name       guid
	kind       uint8
	attributes uint8
	state      uint8
	header     int64
	size       int64 // with the header
	sum        uint8 // of the header, 0 when it fits
	dataSum    uint8
}

func (v *volume) parseFile(p []byte) (*fileHeader, error) {
	c := cursor.New("UEFI volume: file", 0, p)
	f := &fileHeader{header: 24}
	copy(f.name[:], c.Bytes(16))
	c.Skip(1)
	f.dataSum = c.Uint8()
	f.kind, f.attributes = c.Uint8(), c.Uint8()
	b := c.Bytes(3)
	f.state = c.Uint8()
	if err := c.Err(); err != nil {
		return nil, err
	}
	f.size = int64(b[0]) | int64(b[1])<<8 | int64(b[2])<<16
	if f.attributes&1 != 0 && v.system == ffs3 {
		f.header, f.size = 32, int64(c.Uint64())
	}
	if err := c.Err(); err != nil {
		return nil, err
	}
	for i, b := range p[:f.header] {
		if i != 17 && i != 23 { // the sum of the data, and the state
			f.sum += b
		}
	}
	if v.erased() == 0xFF {
		f.state = ^f.state
	}
	return f, nil
}

// files walks over the files of a volume.
func (v *volume) files(ctx context.Context, src block.Source, part *firmware.Part, o *firmware.Opening) {
	at := v.header
	if v.second > 0 {
		p, err := cursor.Read(src, "UEFI volume: second header", v.second, 20, 20)
		if err != nil || int64(binary.LittleEndian.Uint32(p[16:])) > v.size {
			part.Checks = append(part.Checks, firmware.Check{What: "second header", Method: "structure", State: firmware.Failed, Extent: block.Extent{Length: v.size}, Expected: "a header in the volume", Found: fmt.Sprintf("one at %d", v.second)})
			return
		}
		at = max(at, v.second+int64(binary.LittleEndian.Uint32(p[16:])))
	}
	end := min(v.size, src.Size())
	count := 0
	fail := func(e block.Extent, method, expected, found string) {
		part.Checks = append(part.Checks, firmware.Check{What: fmt.Sprintf("file at %d", e.Offset), Method: method, State: firmware.Failed, Extent: e, Expected: expected, Found: found})
	}
	for at = (at + 7) &^ 7; at+24 <= end && ctx.Err() == nil; {
		p := make([]byte, min(32, end-at))
		if _, err := src.ReadAt(p, at); err != nil {
			part.Checks = append(part.Checks, firmware.Check{What: "files", Method: "structure", State: firmware.Cannot, Extent: block.Between(at, end), Why: err.Error()})
			return
		}
		if len(bytes.Trim(p[:24], string([]byte{v.erased()}))) == 0 {
			v.free(ctx, src, part, block.Between(at, end))
			break
		}
		f, err := v.parseFile(p)
		switch here := (block.Extent{Offset: at, Length: 24}); {
		case err != nil:
			return // the end of what is there, which is told
		case f.sum != 0:
			fail(here, "sum of 8 bits", "00", fmt.Sprintf("%02x", f.sum))
			return // nothing says where the next file begins
		case f.size < f.header || at+f.size > v.size:
			fail(here, "size", fmt.Sprintf("at most %d bytes", v.size-at), fmt.Sprintf("%d bytes", f.size))
			return
		case f.state&^0x3F != 0 || f.state&7 == 0:
			fail(here, "state", "a state of files", fmt.Sprintf("0x%02x", f.state))
		case count == maxFiles:
			part.Checks = append(part.Checks, firmware.Check{What: "files", Method: "structure", State: firmware.Cannot, Extent: block.Between(at, end), Why: fmt.Sprintf("more than %d files", maxFiles)})
			return
		}
		count++
		if f.state&0x38 == 0 || f.state&0x38 == 8 { // neither deleted nor unfinished
			v.file(ctx, src, part, o, f, at)
		}
		at = (at + f.size + 7) &^ 7
	}
	if count > 0 {
		part.Checks = append(part.Checks, firmware.Check{What: fmt.Sprintf("headers of %d files", count), Method: "sum of 8 bits", State: firmware.Passed, Extent: block.Extent{Length: v.size}, Expected: "00", Found: "00"})
	}
}

// free checks the free space of a volume. Some makers put something there: few other bytes are damage, many are data.
func (v *volume) free(ctx context.Context, src block.Source, part *firmware.Part, e block.Extent) {
	c := region.Padding(ctx, src, "free space", e, v.erased())
	if c.State == firmware.Failed {
		others := 0
		if err := region.Scan(ctx, src, e, func(p []byte) error { others += len(p) - bytes.Count(p, []byte{v.erased()}); return nil }); err == nil && others > 16 {
			part.Children = append(part.Children, region.Part(src, "behind the files", firmware.Data, e))
			return
		}
	}
	part.Checks = append(part.Checks, c)
}
