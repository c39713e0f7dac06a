package payload

import (
	"cmp"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"

	"salvor/block"
	"salvor/cursor"
	"salvor/finding"
	"salvor/firmware"
	"salvor/firmware/internal/android"
	"salvor/firmware/internal/pubkey"
	"salvor/firmware/internal/region"
)

// maxTold is how many operations of a partition, whose data is another, are told one by one.
const maxTold = 16

const (
	maxPieces = 4096     // stretches of data of one partition that are told
	maxHashed = 16 << 30 // bytes of a partition that is put together to be checked, and kept nowhere
	slack     = 64 << 20
)

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{needsOld, partial, downgrade, computed}

var (
	needsOld = &finding.Def{Code: "payload.needs-old", Severity: finding.Warning,
		Text: "partition {name} is made from its old content: {count} of {all} operations need the other slot, whose {name} must have {bytes} bytes with the SHA-256 {expected}"}
	partial = &finding.Def{Code: "payload.partial", Severity: finding.Info,
		Text: "the payload is for some partitions of the slot only; the others must be copied from the running slot"}
	downgrade = &finding.Def{Code: "payload.timestamp", Severity: finding.Info,
		Text: "a device whose system was built after {found} seconds since 1970 refuses the payload as a step back"}
)

var computed = &finding.Def{Code: "payload.computed", Severity: finding.Info,
	Text: "the device computes the last {count} bytes of partition {name} itself, its hash tree or its code: the partition is not put together"}

// claims tells what the manifest asks of a device.
func (p *Payload) claims(part *firmware.Part) {
	if p.MaxTimestamp > 0 {
		part.Claims = append(part.Claims, firmware.Claim{Kind: firmware.NewerThanBuild, Values: []string{strconv.FormatInt(p.MaxTimestamp, 10)}})
		part.Findings = append(part.Findings, downgrade.New(finding.Expected(nil, p.MaxTimestamp)))
	}
	if p.Partial {
		part.Findings = append(part.Findings, partial.New())
	}
	sizes, cow := map[string]int64{}, map[string]int64{}
	for i := range p.Partitions {
		x := &p.Partitions[i]
		sizes[x.Name], cow[x.Name] = x.NewSize, x.CowSize
	}
	var needs, during int64
	for _, g := range p.Groups {
		var sum int64
		for _, name := range g.Partitions {
			sum, during = sum+sizes[name], during+cow[name]
		}
		needs += sum
		if g.Size > 0 {
			c := firmware.Check{What: fmt.Sprintf("group %s of logical partitions", g.Name), Method: "size", State: firmware.Passed, Extent: block.Extent{Offset: headerSize, Length: p.head.manifest},
				Expected: fmt.Sprintf("at most %d bytes", g.Size), Found: fmt.Sprintf("%d bytes", sum)}
			if sum > g.Size {
				c.State = firmware.Failed
			}
			part.Checks = append(part.Checks, c)
		}
	}
	if needs > 0 {
		part.Installs = append(part.Installs, firmware.Install{Where: "super", Needs: needs, During: during})
	}
}

// logical reports whether a partition is one inside of super.
func (p *Payload) logical(name string) bool {
	return slices.ContainsFunc(p.Groups, func(g Group) bool { return slices.Contains(g.Partitions, name) })
}

// data computes the hashes of the data of all operations.
func (p *Payload) data(ctx context.Context, part *firmware.Part) {
	here := block.Extent{Length: max(p.src.Size()-p.Base, 0)}
	budget := 2*p.src.Size() + slack // operations may share data, and not read the file a million times
	for i := range p.Partitions {
		x := &p.Partitions[i]
		var good block.Set
		count, bad := 0, 0
		what := "data of " + x.Name
		order := make([]*Operation, 0, len(x.Operations))
		for j := range x.Operations {
			if o := &x.Operations[j]; o.Data.Length > 0 && len(o.DataHash) > 0 {
				order = append(order, o)
			}
		}
		slices.SortStableFunc(order, func(a, b *Operation) int { return cmp.Compare(a.Data.Offset, b.Data.Offset) })
		for _, o := range order {
			e := o.Data.Shift(p.Base)
			if !here.Contains(o.Data) {
				count++
				continue // it is told that the file is cut off
			}
			if budget -= e.Length; budget < 0 {
				part.Checks = append(part.Checks, firmware.Check{What: what, Method: "SHA-256", State: firmware.Cannot, Extent: e, Why: "operations share so much data that not all of them were read"})
				return
			}
			c := region.Digest(ctx, p.src, fmt.Sprintf("%s, %v at %d", what, o.Type, e.Offset), "SHA-256", e, sha256.New(), o.DataHash)
			if c.State == firmware.Passed {
				good.Add(e)
				continue
			}
			if bad++; bad <= maxTold {
				part.Checks = append(part.Checks, c)
			}
		}
		if bad > maxTold {
			part.Checks = append(part.Checks, firmware.Check{What: what, Method: "SHA-256", State: firmware.Failed, Extent: here.Shift(p.Base),
				Expected: fmt.Sprintf("%d operations with the hashes of the manifest", len(order)), Found: fmt.Sprintf("%d with others", bad)})
		}
		if count > 0 {
			part.Checks = append(part.Checks, firmware.Check{What: what, Method: "SHA-256", State: firmware.Cannot, Extent: here.Shift(p.Base), Expected: fmt.Sprintf("data of %d operations", len(order)),
				Why: fmt.Sprintf("the file ends before that of %d", count)})
		}
		pieces := 0
		for e := range good.All() {
			if pieces++; pieces > maxPieces {
				break
			}
			part.Checks = append(part.Checks, firmware.Check{What: what, Method: "SHA-256", State: firmware.Passed, Extent: e, Strong: true,
				Expected: fmt.Sprintf("%d operations", len(order)), Found: fmt.Sprintf("%d that fit", len(order)-bad-count)})
		}
	}
}

// sign checks both lists of signatures.
func (p *Payload) sign(ctx context.Context, part *firmware.Part, o *firmware.Opening) {
	metadata := block.Extent{Length: headerSize + p.head.manifest}
	parts := []block.Extent{metadata}
	p.signed(ctx, part, o, "the metadata", parts, block.Extent{Offset: metadata.Length, Length: p.head.signatures}, true)
	if p.Signatures.Length > 0 {
		parts = append(parts, block.Extent{Offset: p.Base, Length: p.Signatures.Offset})
		p.signed(ctx, part, o, "the whole payload", parts, p.Signatures.Shift(p.Base), false)
	}
}

// signed checks one list of signatures. A payload may be signed by several keys, and a device knows one of them: a list is
// good when one of it is.
func (p *Payload) signed(ctx context.Context, part *firmware.Part, o *firmware.Opening, what string, over []block.Extent, at block.Extent, isPartial bool) {
	if at.Length == 0 || at.End() > p.src.Size() {
		return
	}
	b, err := cursor.Read(p.src, "payload: signatures", at.Offset, at.Length, maxSignatures)
	var list []signature
	if err == nil {
		list, err = parseSignatures(b, at.Offset)
	}
	if err != nil {
		part.Checks = append(part.Checks, firmware.Check{What: "signatures of " + what, Method: "structure", State: firmware.Failed, Extent: at, Expected: "a list of signatures", Found: err.Error()})
		return
	}
	h := sha256.New()
	if err := region.Sum(ctx, p.src, h, over...); err != nil {
		part.Checks = append(part.Checks, region.Unread("signatures of "+what, "SHA-256", at, "", p.src.Size(), err))
		return
	}
	digest := h.Sum(nil)
	var all []firmware.Signature
	for _, s := range list {
		x := pubkey.Check(o.Keys(), &pubkey.Statement{What: what, Scheme: scheme(s.data), Hash: crypto.SHA256, Digest: digest, Signature: s.data})
		x.Partial = isPartial
		if x.State == firmware.Passed {
			part.Signatures = append(part.Signatures, x)
			for _, e := range over {
				part.Checks = append(part.Checks, firmware.Check{What: what, Method: "signature", State: firmware.Passed, Extent: e, Strong: true, Expected: "what " + x.Key + " signed", Found: "SHA-256 " + hex.EncodeToString(digest)})
			}
			return
		}
		all = append(all, x)
	}
	part.Signatures = append(part.Signatures, all...)
}

// scheme tells signatures by elliptic curves, which are a sequence, from those of RSA, which are as long as the key.
func scheme(s []byte) pubkey.Scheme {
	if len(s) > 2 && s[0] == 0x30 && int(s[1]) == len(s)-2 {
		return pubkey.ECDSA
	}
	if len(s) > 3 && s[0] == 0x30 && s[1] == 0x81 && int(s[2]) == len(s)-3 {
		return pubkey.ECDSA
	}
	return pubkey.PKCS1
}

// partition puts a partition together, when that needs no old content, and holds it against its hash.
func (p *Payload) partition(ctx context.Context, x *Partition, o *firmware.Opening) *firmware.Part {
	child := &firmware.Part{Name: x.Name, Title: "partition", Role: android.Role(x.Name), Announced: x.NewSize, Version: x.Version, Unpacked: true, Source: block.Bytes(nil)}
	if !p.logical(x.Name) {
		child.Installs = append(child.Installs, android.Install(x.Name, x.NewSize))
	}
	if x.NeedsOld() {
		n := 0
		for i := range x.Operations {
			if x.Operations[i].Type.NeedsOld() {
				n++
			}
		}
		child.Findings = append(child.Findings, needsOld.New(finding.Arg("name", x.Name), finding.Arg("count", n), finding.Arg("all", len(x.Operations)), finding.Arg("bytes", x.OldSize),
			finding.Expected(hex.EncodeToString(x.OldHash), nil)))
		return child
	}
	if n := x.Tree.Length + x.FEC.Length; n > 0 && !x.makes(x.Tree, x.FEC) {
		child.Findings = append(child.Findings, computed.New(finding.Arg("name", x.Name), finding.Arg("count", n)))
		return child
	}
	whole := block.Extent{Length: x.NewSize}
	h := sha256.New()
	scratch := o.Scratch(x.NewSize)
	made := &limited{left: x.NewSize, to: h, also: scratch}
	c := firmware.Check{What: "content", Method: "SHA-256", State: firmware.Cannot, Extent: whole, Strong: true, Expected: hex.EncodeToString(x.NewHash)}
	if scratch == nil && x.NewSize > maxHashed {
		c.Why = "there is no room to put it together"
		child.Checks = append(child.Checks, c)
		return child
	}
	err := p.assemble(ctx, x, made)
	switch {
	case ctx.Err() != nil:
		return child
	case err != nil:
		if _, corrupt := cursor.IsCorrupt(err); corrupt {
			c = firmware.Check{What: "content", Method: "operations", State: firmware.Failed, Extent: whole, Expected: "operations that make it", Found: err.Error()}
		} else {
			c.Why = err.Error()
		}
	case len(x.NewHash) == 0:
		c.Why = "the manifest has no hash of it"
	default:
		c = firmware.Digest("content", "SHA-256", whole, x.NewHash, h.Sum(nil))
		if c.State == firmware.Failed && slices.ContainsFunc(x.Operations, func(o Operation) bool { return o.Type == Discard }) {
			c.State, c.Why = firmware.Cannot, "some of it is discarded, and reads as whatever a device has there"
		}
	}
	child.Checks = append(child.Checks, c)
	if err == nil && scratch != nil {
		child.Source, child.Size = scratch, scratch.Size()
		o.Inner(ctx, child)
	}
	return child
}

// makes reports whether the operations make all of the extents.
func (p *Partition) makes(list ...block.Extent) bool {
	var made block.Set
	for i := range p.Operations {
		for _, e := range p.Operations[i].Dst {
			made.Add(e)
		}
	}
	return !slices.ContainsFunc(list, func(e block.Extent) bool { return e.Length > 0 && !made.Contains(e) })
}
