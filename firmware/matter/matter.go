package matter

import (
	"context"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/finding"
	"salvor/firmware"
	"salvor/firmware/internal/region"
)

// Findings are the declared findings of this package.
var Findings = []*finding.Def{most}

var most = &finding.Def{Code: "firmware.matter.most", Severity: finding.Info,
	Text: "it may be installed over version {found} at most"}

// Format is the row of this package in the table of firmware formats.
func Format() firmware.Format {
	return firmware.Format{Name: "matter", Title: "Matter update", Look: look, Open: open,
		Probes: []probe.Probe{{ID: "firmware.matter.header", Bytes: []byte{0x1e, 0xf1, 0xee, 0x1b}}}}
}

// first reads the header. What cannot be is an error; a header that the file ends in is told by short.
func first(src block.Source) (h *header, short bool, err error) {
	p, err := cursor.Read(src, "Matter image: header", 0, fixedSize, fixedSize)
	if err != nil {
		return nil, false, region.NotHere(err)
	}
	if h, err = parseFixed(p); err != nil {
		return nil, false, err
	}
	if h.payloadAt() > src.Size() {
		p, err = cursor.Read(src, "Matter image: header", 0, src.Size(), maxHeader)
		if err == nil && len(p) > fixedSize && p[fixedSize] != 0x15 {
			err = cursor.ErrNot
		}
		return h, true, err
	}
	if p, err = cursor.Read(src, "Matter image: header", fixedSize, h.size, maxHeader); err != nil {
		return nil, false, err
	}
	return h, false, h.parse(p)
}

func look(_ context.Context, src block.Source) (firmware.Sighting, error) {
	h, _, err := first(src)
	if err != nil {
		return firmware.Sighting{}, region.NotHere(err)
	}
	return firmware.Sighting{Title: "Matter update", Version: string(h.text[tagVersionText]), Size: h.total}, nil
}

func open(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	h, short, err := first(src)
	if h == nil || errors.Is(err, cursor.ErrNot) {
		return nil, err
	}
	part := &firmware.Part{Title: "Matter update", Role: firmware.Package, Announced: h.total}
	if short {
		part.Checks = append(part.Checks, firmware.Cut("header", h.total, src.Size()))
		return part, nil
	}
	if err != nil {
		return nil, err
	}
	h.says(part)
	payload := block.Between(h.payloadAt(), h.total)
	sizes := firmware.Check{What: "header", Method: "size", State: firmware.Passed, Extent: block.Extent{Length: fixedSize}, Strong: true, Expected: fmt.Sprintf("%d bytes of payload", h.numbers[tagPayload]), Found: fmt.Sprintf("%d bytes of payload", payload.Length)}
	if sizes.Expected != sizes.Found {
		sizes.State = firmware.Failed
	}
	part.Checks = append(part.Checks, sizes)
	if h.total > src.Size() {
		part.Checks = append(part.Checks, firmware.Cut("payload", h.total, src.Size()))
	}
	part.Checks = append(part.Checks, h.digest(ctx, src, payload)...)
	child := region.Part(src, "payload", firmware.Data, payload)
	o.Inner(ctx, child)
	part.Children = append(part.Children, child)
	region.Behind(ctx, src, part, o, block.Between(h.total, src.Size()))
	return part, ctx.Err()
}

// says takes down what the header says of the device and of versions, which Matter compares as numbers.
func (h *header) says(part *firmware.Part) {
	part.Version = fmt.Sprint(h.numbers[tagVersion])
	part.Title = fmt.Sprintf("Matter update, version %q", h.text[tagVersionText])
	part.Claims = append(part.Claims, firmware.Claim{Kind: firmware.Product, Values: []string{fmt.Sprintf("0x%04x%04x", uint16(h.numbers[tagVendor]), uint16(h.numbers[tagProduct]))}})
	if h.has[tagLeast] {
		part.Claims = append(part.Claims, firmware.Claim{Kind: firmware.LeastVersion, Values: []string{fmt.Sprint(h.numbers[tagLeast])}})
	}
	if h.has[tagMost] {
		part.Findings = append(part.Findings, most.New(finding.Expected(nil, h.numbers[tagMost])))
	}
	part.Installs = append(part.Installs, firmware.Install{Where: "firmware of the device"})
}

// digest checks that of the payload.
func (h *header) digest(ctx context.Context, src block.Source, e block.Extent) []firmware.Check {
	kinds := map[uint64]struct {
		name string
		size int
		make func() hash.Hash
	}{
		1: {"SHA-256", 32, sha256.New}, 2: {"SHA-256 of 128 bits", 16, sha256.New}, 3: {"SHA-256 of 120 bits", 15, sha256.New}, 4: {"SHA-256 of 96 bits", 12, sha256.New},
		5: {"SHA-256 of 64 bits", 8, sha256.New}, 6: {"SHA-256 of 32 bits", 4, sha256.New}, 7: {"SHA-384", 48, sha512.New384}, 8: {"SHA-512", 64, sha512.New},
		9: {"SHA3-224", 28, func() hash.Hash { return sha3.New224() }}, 10: {"SHA3-256", 32, func() hash.Hash { return sha3.New256() }},
		11: {"SHA3-384", 48, func() hash.Hash { return sha3.New384() }}, 12: {"SHA3-512", 64, func() hash.Hash { return sha3.New512() }},
	}
	want := h.text[tagDigest]
	own := block.Extent{Offset: h.digestAt, Length: int64(len(want))}
	k, ok := kinds[h.numbers[tagDigestKind]]
	switch {
	case !ok:
		return []firmware.Check{{What: "payload", Method: "digest", State: firmware.Cannot, Extent: e, Expected: hex.EncodeToString(want), Why: fmt.Sprintf("its digest is of the kind %d, which is not known", h.numbers[tagDigestKind])}}
	case len(want) != k.size:
		return []firmware.Check{{What: "payload", Method: k.name, State: firmware.Failed, Extent: own, Expected: fmt.Sprintf("a digest of %d bytes", k.size), Found: fmt.Sprintf("%d bytes", len(want))}}
	}
	w := k.make()
	if err := region.Sum(ctx, src, w, e); err != nil {
		return []firmware.Check{region.Unread("payload", k.name, e, hex.EncodeToString(want), src.Size(), err)}
	}
	c := firmware.Digest("payload", k.name, e, want, w.Sum(nil)[:k.size])
	self := c
	self.Extent = own
	return []firmware.Check{c, self}
}
