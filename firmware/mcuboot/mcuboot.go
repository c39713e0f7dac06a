package mcuboot

import (
	"bytes"
	"context"
	"crypto"
	"encoding/binary"
	"fmt"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/finding"
	"salvor/firmware"
	"salvor/firmware/internal/region"
)

// Findings are the declared findings of this package.
var Findings = []*finding.Def{needs, swapState}

var (
	needs = &finding.Def{Code: "firmware.mcuboot.dependency", Severity: finding.Info,
		Text: "it needs image {image} of the device at version {expected} or later; the boot loader refuses it else"}
	swapState = &finding.Def{Code: "firmware.mcuboot.trailer", Severity: finding.Info,
		Text: "the trailer of the slot: {found}"}
)

// Format is the row of this package in the table of firmware formats.
func Format() firmware.Format {
	return firmware.Format{Name: "mcuboot", Title: "MCUboot image", Look: look, Open: open,
		Probes: []probe.Probe{{ID: "firmware.mcuboot.header", Bytes: []byte{0x3d, 0xb8, 0xf3, 0x96}, Align: 4}}}
}

func first(src block.Source) (*header, error) {
	p, err := cursor.Read(src, "MCUboot: header", 0, headerSize, headerSize)
	if err != nil {
		return nil, region.NotHere(err)
	}
	h, err := parseHeader(p)
	if err == nil && !h.sure(src) {
		return nil, cursor.ErrNot
	}
	return h, err
}

func look(_ context.Context, src block.Source) (firmware.Sighting, error) {
	h, err := first(src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: "MCUboot image" + h.words(), Version: h.version.String(), Size: h.hashed().Length}, nil
}

func open(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	h, err := first(src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: "MCUboot image" + h.words(), Role: firmware.Program, Version: h.version.String(), Announced: h.hashed().Length}
	h.child(ctx, src, part, o)
	if src.Size() <= h.hashed().Length {
		in := "payload"
		if src.Size() >= h.plausibleAt {
			in = "list of entries"
		}
		cut := firmware.Cut(in, h.hashed().Length, src.Size())
		if src.Size() == h.hashed().Length {
			cut.Expected, cut.Why = "the hash and the signature behind the image", "they are missing: the file ends behind the payload"
		}
		part.Checks = append(part.Checks, cut)
		return part, ctx.Err()
	}
	areas, end := h.areas(src, part)
	part.Announced = end
	if src.Size() < end {
		part.Checks = append(part.Checks, firmware.Cut("list of entries", end, src.Size()))
		return part, ctx.Err()
	}
	h.entries(ctx, src, part, areas, o)
	part.Installs = append(part.Installs, firmware.Install{Where: "image slot", Needs: end})
	behind(ctx, src, part, o, end)
	return part, ctx.Err()
}

// child is what runs.
func (h *header) child(ctx context.Context, src block.Source, part *firmware.Part, o *firmware.Opening) {
	child := region.Part(src, "payload", firmware.Program, block.Extent{Offset: h.size, Length: h.payload})
	if h.size > src.Size() {
		return
	}
	switch {
	case h.encrypted():
		child.Title = "encrypted"
	case h.flags&flagLZMA1 != 0:
		child.Compression = "lzma"
	case h.flags&flagLZMA2 != 0:
		child.Compression = "lzma2"
	default:
		o.Inner(ctx, child)
	}
	part.Children = append(part.Children, child)
}

// areas reads the lists of entries, checks their structure, and returns where the image ends.
func (h *header) areas(src block.Source, part *firmware.Part) (out []*area, end int64) {
	at := h.plausibleAt
	read := func(sealed bool) bool {
		a, err := readArea(src, at, sealed)
		end = at + 4
		if a != nil {
			end = a.extent.End()
		}
		c := firmware.Check{What: "list of entries", Method: "structure", State: firmware.Passed, Extent: block.Between(at, end), Expected: "a whole list", Found: "a whole list"}
		if sealed {
			c.What = "list of protected entries"
			if a != nil && a.extent.Length != h.sealed {
				c.State, c.Expected, c.Found = firmware.Failed, fmt.Sprintf("%d bytes, as the header says", h.sealed), fmt.Sprintf("%d bytes", a.extent.Length)
			}
		}
		if err != nil {
			if end > src.Size() {
				return false // the file is cut, and told so
			}
			c.State, c.Found = firmware.Failed, err.Error()
		}
		if a != nil {
			for _, e := range a.entries {
				if why := e.shape(); why != "" && c.State == firmware.Passed {
					c.State, c.Found = firmware.Failed, why
				}
			}
		}
		part.Checks = append(part.Checks, c)
		if c.State == firmware.Passed {
			out = append(out, a)
			if sealed {
				return true
			}
			// The types and lengths are forced: any other makes the list, or an entry, something that it cannot be.
			strong(part, "list of entries", block.Extent{Offset: at, Length: 4})
			for _, e := range a.entries {
				strong(part, "list of entries", block.Extent{Offset: e.extent.Offset, Length: 4})
			}
		}
		return err == nil
	}
	if h.sealed > 0 && !read(true) && end > src.Size() {
		return out, end
	}
	at = h.hashed().Length
	read(false)
	return out, end
}

func strong(part *firmware.Part, what string, e block.Extent) {
	part.Checks = append(part.Checks, firmware.Check{What: what, Method: "structure", State: firmware.Passed, Extent: e, Strong: true, Expected: "a whole list", Found: "a whole list"})
}

// entries checks what the entries say of the image.
func (h *header) entries(ctx context.Context, src block.Source, part *firmware.Part, areas []*area, o *firmware.Opening) {
	digests := map[crypto.Hash][]byte{}
	var plain *area
	pure, listed := false, false
	for _, a := range areas {
		if !a.sealed {
			plain = a
		}
		for i := range a.entries {
			e := &a.entries[i]
			switch hash := hashes[e.kind]; {
			case e.kind == typePure:
				pure = true
				if !e.sealed {
					strong(part, "mark of a pure signature", e.extent)
				}
			case hash != 0 && h.encrypted():
				listed = true
				part.Checks = append(part.Checks, h.cipher(ctx, src, hash, e, areas))
			case hash != 0 && !listed:
				listed = true
				w := hash.New()
				c := region.Digest(ctx, src, "image", hash.String(), h.hashed(), w, e.value)
				part.Checks = append(part.Checks, c)
				if digests[hash] = w.Sum(nil); c.State == firmware.Passed {
					strong(part, "hash", e.extent)
				}
			}
			h.says(part, e)
		}
	}
	if !listed && !pure && plain != nil {
		part.Checks = append(part.Checks, firmware.Check{What: "image", Method: "hash", State: firmware.Failed, Extent: h.hashed(), Expected: "a hash of the image", Found: "none"})
	}
	if plain != nil {
		h.signatures(ctx, src, part, plain, digests, pure, o)
	}
}

// cipher is the check of an encrypted image, whose hash is of what comes out. One without a key for it is none when the hash
// fits as soon as the flag is taken away.
func (h *header) cipher(ctx context.Context, src block.Source, hash crypto.Hash, e *entry, areas []*area) firmware.Check {
	c := firmware.Check{What: "image", Method: hash.String(), State: firmware.Cannot, Extent: h.hashed(), Expected: fmt.Sprintf("%x", e.value), Why: "it is encrypted, and the hash is of what comes out"}
	for _, a := range areas {
		for _, other := range a.entries {
			if other.kind >= typeKeyRSA && other.kind <= typeKeyX25519b {
				return c
			}
		}
	}
	head, err := cursor.Read(src, "MCUboot: header", 0, headerSize, headerSize)
	if err != nil {
		return c
	}
	binary.LittleEndian.PutUint32(head[16:], h.flags&^uint32(flagAES128|flagAES256))
	w := hash.New()
	w.Write(head)
	if err := region.Sum(ctx, src, w, block.Between(headerSize, h.hashed().End())); err == nil && bytes.Equal(w.Sum(nil), e.value) {
		c.What, c.Method, c.State, c.Found, c.Why = "header", "flags", firmware.Failed, "the flag of an encrypted image", "the image fits its hash as one that is not encrypted"
		c.Expected = "no such flag"
	}
	return c
}

// says takes down what an entry says of the device and of other images.
func (h *header) says(part *firmware.Part, e *entry) {
	switch e.kind {
	case typeCounter:
		part.Claims = append(part.Claims, firmware.Claim{Kind: firmware.Rollback, Values: []string{fmt.Sprint(binary.LittleEndian.Uint32(e.value))}})
	case typeDependency:
		c := cursor.New("MCUboot: dependency", e.extent.Offset, e.value)
		image := c.Uint8()
		c.Skip(3)
		part.Findings = append(part.Findings, needs.New(finding.At(e.extent.Offset, e.extent.Length), finding.Arg("image", image), finding.Expected(readVersion(c), nil)))
	case typeClassID:
		v := e.value
		part.Claims = append(part.Claims, firmware.Claim{Kind: firmware.GUID, Values: []string{fmt.Sprintf("%x-%x-%x-%x-%x", v[:4], v[4:6], v[6:8], v[8:10], v[10:])}})
	case typeRecord:
		if name := recordName(e.value); name != "" {
			part.Name = name
		}
	}
}

// recordName is the type of the software in a record for measured boot, a CBOR map of few short strings; "" when it says
// none.
func recordName(p []byte) string {
	// The key 1 (type of the software) comes first, and is a text of less than 24 bytes.
	if len(p) < 4 || p[0]&0xE0 != 0xA0 || p[1] != 1 || p[2]&0xE0 != 0x60 {
		return ""
	}
	n := int(p[2] & 0x1F)
	if n > 23 || len(p) < 3+n {
		return ""
	}
	return string(p[3 : 3+n])
}
