package uefi

import (
	"context"
	"crypto"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"salvor/block"
	"salvor/cursor"
	"salvor/finding"
	"salvor/firmware"
	"salvor/firmware/internal/cms"
	"salvor/firmware/internal/region"
)

const (
	capsuleHeader = 28
	maxItems      = 256
	authHeader    = 8 + 8 + 16 // counter, certificate, its GUID
	knownFlags    = 0x70000
)

type capsule struct {
	id     string
	header int64
	flags  uint32
	size   int64
}

func readCapsule(src block.Source) (*capsule, error) {
	p, err := cursor.Read(src, "UEFI capsule: header", 0, capsuleHeader, capsuleHeader)
	if err != nil {
		return nil, region.NotHere(err)
	}
	c := cursor.New("UEFI capsule: header", 0, p)
	var g guid
	copy(g[:], c.Bytes(16))
	k := &capsule{id: g.String(), header: int64(c.Uint32()), flags: c.Uint32(), size: int64(c.Uint32())}
	switch {
	case c.Err() != nil || k.header < capsuleHeader || k.header > maxHeader || k.size <= k.header:
		return nil, cursor.ErrNot
	case capsules[k.id] == "" && (k.size != src.Size() || k.flags&^uint32(knownFlags|0xFFFF) != 0 || k.header%4 != 0 || g == guid{}):
		return nil, cursor.ErrNot // a GUID that nobody knows proves nothing
	}
	return k, nil
}

func (k *capsule) title() string {
	if name := capsules[k.id]; name != "" {
		return "UEFI capsule, " + name
	}
	return "UEFI capsule for the device " + k.id
}

func lookCapsule(_ context.Context, src block.Source) (firmware.Sighting, error) {
	k, err := readCapsule(src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: k.title(), Size: k.size}, nil
}

func openCapsule(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	k, err := readCapsule(src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: k.title(), Role: firmware.Package, Announced: k.size}
	if src.Size() < k.size {
		part.Checks = append(part.Checks, firmware.Cut("capsule", k.size, src.Size()))
	}
	for _, e := range []block.Extent{{Offset: 16, Length: 4}, {Offset: 24, Length: 4}} {
		part.Checks = append(part.Checks, firmware.Check{What: "header", Method: "structure", State: firmware.Passed, Extent: e, Strong: src.Size() == k.size, Expected: "sizes that agree", Found: "sizes that agree"})
	}
	body := block.Between(k.header, min(k.size, src.Size()))
	switch {
	case k.id == fmpCapsule:
		k.items(ctx, src, part, o)
	default:
		if capsules[k.id] == "" {
			part.Claims = append(part.Claims, firmware.Claim{Kind: firmware.GUID, Values: []string{k.id}})
		}
		if body.Length > 0 {
			child := region.Part(src, "", firmware.BootLoader, body)
			o.Inner(ctx, child)
			part.Children = append(part.Children, child)
		}
	}
	region.Behind(ctx, src, part, o, block.Between(k.size, src.Size()))
	return part, ctx.Err()
}

// item is a payload of a firmware management capsule.
type item struct {
	version       uint32
	device        guid
	image, vendor int64 // sizes
	header        int64
	support       uint64
}

func readItem(src block.Source, at int64) (*item, error) {
	p, err := cursor.Read(src, "UEFI capsule: item", at, 32, 32)
	if err != nil {
		return nil, err
	}
	c := cursor.New("UEFI capsule: item", at, p)
	i := &item{version: c.Uint32(), header: 32}
	copy(i.device[:], c.Bytes(16))
	c.Skip(4)
	i.image, i.vendor = int64(c.Uint32()), int64(c.Uint32())
	switch {
	case i.version < 1 || i.version > 3:
		return nil, cursor.Corrupt("UEFI capsule: item", at, "version 1, 2 or 3", i.version)
	case i.version >= 2:
		i.header = 40
	}
	if i.version == 3 {
		i.header = 48
		if p, err = cursor.Read(src, "UEFI capsule: item", at+40, 8, 8); err != nil {
			return nil, err
		}
		i.support = binary.LittleEndian.Uint64(p)
	}
	return i, c.Err()
}

// items reads the drivers and payloads of a firmware management capsule.
func (k *capsule) items(ctx context.Context, src block.Source, part *firmware.Part, o *firmware.Opening) {
	end := min(k.size, src.Size())
	fail := func(at int64, err error) {
		if end == k.size { // else it is cut, and told so
			part.Checks = append(part.Checks, firmware.Check{What: "list of items", Method: "structure", State: firmware.Failed, Extent: block.Between(k.header, end), Expected: "items in the capsule", Found: err.Error()})
		}
	}
	section := block.Section(src, block.Between(0, end))
	p, err := cursor.Read(section, "UEFI capsule: list of items", k.header, 8, 8)
	if err != nil {
		fail(k.header, err)
		return
	}
	drivers, items := int(binary.LittleEndian.Uint16(p[4:])), int(binary.LittleEndian.Uint16(p[6:]))
	if v := binary.LittleEndian.Uint32(p); v != 1 || drivers+items > maxItems || items == 0 {
		fail(k.header, cursor.Corrupt("UEFI capsule: list of items", k.header, fmt.Sprintf("version 1 with up to %d items", maxItems), fmt.Sprintf("version %d with %d drivers and %d items", v, drivers, items)))
		return
	}
	list := int64(8 + 8*(drivers+items))
	if p, err = cursor.Read(section, "UEFI capsule: list of items", k.header, list, list); err != nil {
		fail(k.header, err)
		return
	}
	var devices []string
	next := list
	for n := range drivers + items {
		off := int64(binary.LittleEndian.Uint64(p[8+8*n:]))
		if off < list || off > k.size-k.header {
			fail(k.header, cursor.Corrupt("UEFI capsule: list of items", k.header+int64(8+8*n), "a place in the capsule", off))
			return
		}
		if n < drivers {
			to := k.size - k.header
			if n+1 < drivers+items {
				to = int64(binary.LittleEndian.Uint64(p[16+8*n:]))
			}
			child := region.Part(section, "driver", firmware.Program, block.Between(k.header+off, k.header+max(off, min(to, k.size-k.header))))
			o.Inner(ctx, child)
			part.Children, next = append(part.Children, child), to
			continue
		}
		i, err := readItem(section, k.header+off)
		if err == nil && (off+i.header+i.image+i.vendor > k.size-k.header || off < next || off > next+16) {
			err = cursor.Corrupt("UEFI capsule: item", k.header+off, fmt.Sprintf("an item at %d of at most %d bytes", next, k.size-k.header-off), fmt.Sprintf("one at %d of %d bytes", off, i.header+i.image+i.vendor))
		}
		if err != nil {
			fail(k.header+off, err)
			return
		}
		next = off + i.header + i.image + i.vendor
		devices = append(devices, i.device.String())
		i.open(ctx, section, part, o, k.header+off)
	}
	if next+16 < k.size-k.header {
		fail(k.header, cursor.Corrupt("UEFI capsule", k.header+next, fmt.Sprintf("items up to %d", k.size), fmt.Sprintf("up to %d", k.header+next)))
		return
	}
	part.Checks = append(part.Checks, firmware.Check{What: "list of items", Method: "structure", State: firmware.Passed, Extent: block.Extent{Offset: k.header, Length: list}, Strong: true, Expected: "items in the capsule", Found: "items in the capsule"})
	slices.Sort(devices)
	part.Claims = append(part.Claims, firmware.Claim{Kind: firmware.GUID, Values: slices.Compact(devices)})
}

// open makes a part of an item and checks its signature.
func (i *item) open(ctx context.Context, src block.Source, part *firmware.Part, o *firmware.Opening, at int64) {
	e := block.Extent{Offset: at + i.header, Length: i.image}
	child := region.Part(src, i.device.String(), firmware.Data, e)
	child.Title = "payload"
	part.Children = append(part.Children, child)
	if i.vendor > 0 {
		v := region.Part(src, "code of the maker", firmware.Data, block.Extent{Offset: e.End(), Length: i.vendor})
		part.Children = append(part.Children, v)
	}
	child.Installs = append(child.Installs, firmware.Install{Where: "firmware of the device", Loader: true})
	if child.Size < i.image {
		return
	}
	payload := block.Extent{Length: i.image}
	if n := i.signed(ctx, child, o); n > 0 {
		payload = block.Between(n, i.image)
	}
	if n := versions(child, payload); n > 0 {
		payload = block.Between(payload.Offset+n, i.image)
	}
	if payload.Offset == 0 {
		o.Inner(ctx, child)
		return
	}
	inner := region.Part(child.Source, "firmware", firmware.Data, payload)
	o.Inner(ctx, inner)
	child.Children = append(child.Children, inner)
}

// signed checks the certificate in front of an image, and returns how long both headers are; 0 for none.
func (i *item) signed(ctx context.Context, part *firmware.Part, o *firmware.Opening) int64 {
	p, err := cursor.Read(part.Source, "UEFI capsule: certificate", 0, authHeader, authHeader)
	if err != nil {
		return 0
	}
	var g guid
	copy(g[:], p[16:])
	size := int64(binary.LittleEndian.Uint32(p[8:]))
	fits := binary.LittleEndian.Uint16(p[12:]) == 0x0200 && binary.LittleEndian.Uint16(p[14:]) == 0x0EF1
	want := i.support&1 != 0
	if !want && (!fits || g.String() != certPKCS7) {
		return 0
	}
	head := firmware.Check{What: "certificate", Method: "structure", State: firmware.Passed, Extent: block.Extent{Offset: 8, Length: authHeader - 8}, Strong: true, Expected: "a certificate with CMS", Found: "a certificate with CMS"}
	if !fits || g.String() != certPKCS7 || size < authHeader-8 || size > part.Size-8 || size > cms.MaxSize {
		head.State, head.Found = firmware.Failed, fmt.Sprintf("%d bytes, %x, %s", size, p[12:16], g)
		part.Checks = append(part.Checks, head)
		return 0
	}
	part.Checks = append(part.Checks, head)
	counter, payload := block.Extent{Length: 8}, block.Between(8+size, part.Size)
	what := "the payload for " + i.device.String()
	data, err := cursor.Read(part.Source, "UEFI capsule: certificate", authHeader, size-(authHeader-8), cms.MaxSize)
	var m *cms.Message
	if err == nil {
		m, err = cms.Parse(bare(data))
	}
	if err != nil {
		if errors.Is(err, cursor.ErrNot) {
			err = errors.New("something else")
		}
		part.Checks = append(part.Checks, firmware.Check{What: "signature", Method: "CMS", State: firmware.Failed, Extent: block.Between(authHeader, 8+size), Expected: "a signed message", Found: err.Error()})
		return 8 + size
	}
	a := m.Check(cms.Signed{What: what, Keys: o.Keys(), Digest: func(h crypto.Hash) ([]byte, error) {
		w := h.New()
		err := region.Sum(ctx, part.Source, w, payload, counter)
		return w.Sum(nil), err
	}})
	for _, e := range []block.Extent{payload, counter} {
		c := a.Content
		c.Extent, c.Strong = e, true
		part.Checks = append(part.Checks, c)
	}
	a.Message.Extent.Offset += authHeader
	part.Checks = append(part.Checks, a.Message)
	part.Findings = append(part.Findings, a.Findings...)
	part.Signatures = append(part.Signatures, a.Signatures...)
	return 8 + size
}

// bare puts signed data into the envelope that CMS has, where a maker left it out.
func bare(p []byte) []byte {
	// SignedData alone begins with a SEQUENCE and its version, an INTEGER; in an envelope the type, an object ID, comes first.
	if len(p) < 6 || p[0] != 0x30 || p[1] != 0x82 || p[4] != 0x02 {
		return p
	}
	n := 4 + int(p[2])<<8 + int(p[3])
	if n > len(p) {
		return p
	}
	p = p[:n]
	oid := []byte{0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02}
	tagged := append([]byte{0xA0, 0x82, byte(n >> 8), byte(n)}, p...)
	all := len(oid) + len(tagged)
	return append(append([]byte{0x30, 0x82, byte(all >> 8), byte(all)}, oid...), tagged...)
}

// versions reads EDK II's header in front of a payload, and returns how long it is; 0 for none.
func versions(part *firmware.Part, payload block.Extent) int64 {
	p, err := cursor.Read(part.Source, "UEFI capsule: payload header", payload.Offset, 16, 16)
	if err != nil || string(p[:4]) != "MSS1" {
		return 0
	}
	size := int64(binary.LittleEndian.Uint32(p[4:]))
	if size < 16 || size > payload.Length {
		part.Checks = append(part.Checks, firmware.Check{What: "header of the payload", Method: "size", State: firmware.Failed, Extent: block.Extent{Offset: payload.Offset, Length: 16}, Expected: fmt.Sprintf("16 to %d bytes", payload.Length), Found: fmt.Sprintf("%d bytes", size)})
		return 0
	}
	part.Version = fmt.Sprint(binary.LittleEndian.Uint32(p[8:]))
	part.Findings = append(part.Findings, lowest.New(finding.At(payload.Offset+12, 4), finding.Expected(nil, binary.LittleEndian.Uint32(p[12:]))))
	return size
}
