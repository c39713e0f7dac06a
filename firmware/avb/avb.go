package avb

import (
	"bytes"
	"context"
	"fmt"
	"strconv"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/finding"
	"salvor/firmware"
	"salvor/firmware/internal/android"
	"salvor/firmware/internal/avbmeta"
	"salvor/firmware/internal/region"
)

// maxTold is how many descriptors of an image are told.
const maxTold = 256

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{verificationOff, hashtreesOff, notSigned, rollback, elsewhere, chain, commandLine, property}

var (
	verificationOff = &finding.Def{Code: "avb.verification-disabled", Severity: finding.Error,
		Text: "verification is switched off in this vbmeta image: with it, a device that is unlocked starts whatever stands on its partitions"}
	hashtreesOff = &finding.Def{Code: "avb.hashtree-disabled", Severity: finding.Error,
		Text: "the hash trees of file systems are switched off in this vbmeta image: changes of them are not noticed"}
	notSigned = &finding.Def{Code: "avb.not-signed", Severity: finding.Info, Text: "the vbmeta image is not signed by itself"}
	rollback  = &finding.Def{Code: "avb.rollback", Severity: finding.Info,
		Text: "rollback index {found} at location {location}: a device that saw a higher one there refuses it"}
	elsewhere = &finding.Def{Code: "avb.partition", Severity: finding.Info, Text: "partition {name} must have the {method} {expected} over {bytes} bytes"}
	chain     = &finding.Def{Code: "avb.chain", Severity: finding.Info,
		Text: "partition {name} has a vbmeta image of its own, signed by the key with the SHA-1 {expected}; its rollback index is at location {location}"}
	commandLine = &finding.Def{Code: "avb.command-line", Severity: finding.Info, Text: "the kernel is started with: {line}"}
	property    = &finding.Def{Code: "avb.property", Severity: finding.Info, Text: "{name}: {value}"}
)

// Formats are the rows of this package in the table of firmware formats. The footer stands at an end, and must be asked
// before what an image begins with.
func Formats() []firmware.Format {
	return []firmware.Format{
		{Name: "android-avb-footer", Title: "Android partition image with verified boot footer", Look: lookFooter, Open: openFooter},
		{Name: "android-vbmeta", Title: "Android vbmeta image", Look: lookMeta, Open: openMeta,
			Probes: []probe.Probe{{ID: "firmware.android-vbmeta.header", Bytes: []byte(avbmeta.Magic + "\x00\x00\x00\x01"), Align: 64}}},
	}
}

func header(src block.Source) (int64, error) {
	p, err := cursor.Read(src, "AVB: vbmeta header", 0, avbmeta.HeaderSize, avbmeta.HeaderSize)
	if err != nil {
		return 0, region.NotHere(err)
	}
	return avbmeta.Length(p)
}

func lookMeta(_ context.Context, src block.Source) (firmware.Sighting, error) {
	n, err := header(src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: "Android vbmeta image", Size: n}, nil
}

func openMeta(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	n, err := header(src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Role: firmware.Metadata, Announced: n}
	if n > src.Size() {
		part.Checks = append(part.Checks, firmware.Cut("vbmeta image", n, src.Size()))
		return part, nil
	}
	v := open(src, part, o, "the vbmeta image")
	if v == nil {
		return part, ctx.Err()
	}
	if v.Algorithm.Hash != 0 && v.RollbackLocation == 0 {
		part.Claims = append(part.Claims, firmware.Claim{Kind: firmware.Rollback, Values: []string{strconv.FormatUint(v.RollbackIndex, 10)}})
	}
	tell(v, part, "")
	region.Behind(ctx, src, part, o, block.Between(n, src.Size()))
	return part, ctx.Err()
}

// open reads the vbmeta image that begins src, with all checks that it allows. It returns nil for a broken one, which is
// told.
func open(src block.Source, part *firmware.Part, o *firmware.Opening, what string) *avbmeta.VBMeta {
	fail := func(err error) *avbmeta.VBMeta {
		part.Checks = append(part.Checks, firmware.Check{What: "vbmeta image", Method: "structure", State: firmware.Failed, Extent: block.Extent{Length: src.Size()}, Expected: "a vbmeta image", Found: err.Error()})
		return nil
	}
	n, err := header(src)
	if err != nil {
		return fail(err)
	}
	p, err := cursor.Read(src, "AVB: vbmeta", 0, n, n)
	if err != nil {
		return fail(err)
	}
	v, err := avbmeta.Parse(p)
	if err != nil {
		return fail(err)
	}
	part.Checks = append(part.Checks, v.Checks(p)...)
	part.Signatures = append(part.Signatures, v.Sign(p, what, o.Keys())...)
	part.Title = "Android vbmeta image, " + v.Algorithm.Name
	if v.Release != "" {
		part.Title += ", " + v.Release
	}
	return v
}

// tell says what a vbmeta image says. The partition own is at hand, and was held against its descriptor.
func tell(v *avbmeta.VBMeta, part *firmware.Part, own string) {
	add := func(d *finding.Def, options ...finding.Option) {
		if len(part.Findings) < maxTold {
			part.Findings = append(part.Findings, d.New(options...))
		}
	}
	if v.Flags&avbmeta.VerificationDisabled != 0 {
		add(verificationOff)
	}
	if v.Flags&avbmeta.HashtreeDisabled != 0 {
		add(hashtreesOff)
	}
	if v.Algorithm.Hash == 0 {
		add(notSigned)
	}
	if v.RollbackIndex > 0 || v.Algorithm.Hash != 0 {
		add(rollback, finding.Expected(nil, v.RollbackIndex), finding.Arg("location", v.RollbackLocation))
	}
	for i := range v.Descriptors {
		switch d := &v.Descriptors[i]; d.Kind {
		case avbmeta.Hash, avbmeta.Hashtree:
			method := d.Method
			if d.Kind == avbmeta.Hashtree {
				method = "top of the hash tree, " + d.Method + ","
			}
			if d.Partition != own {
				add(elsewhere, finding.Arg("name", d.Partition), finding.Arg("method", method), finding.Arg("bytes", d.ImageSize), finding.Expected(avbmeta.Hex(d.Digest), nil))
			}
		case avbmeta.Chain:
			add(chain, finding.Arg("name", d.Partition), finding.Expected(avbmeta.KeyDigest(d.KeyBlob), nil), finding.Arg("location", d.Location))
		case avbmeta.CommandLine:
			add(commandLine, finding.Arg("line", d.Value))
		case avbmeta.Property:
			add(property, finding.Arg("name", d.Name), finding.Arg("value", d.Value))
		}
	}
}

func lookFooter(_ context.Context, src block.Source) (firmware.Sighting, error) {
	if _, err := avbmeta.ReadFooter(src); err != nil {
		return firmware.Sighting{}, region.NotHere(err)
	}
	return firmware.Sighting{Title: "Android partition image with verified boot footer", Size: src.Size()}, nil
}

func openFooter(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	f, err := avbmeta.ReadFooter(src)
	if err != nil {
		return nil, region.NotHere(err)
	}
	part := &firmware.Part{Title: "Android partition image with verified boot footer", Role: firmware.Data, Announced: src.Size()}
	meta := region.Part(src, "vbmeta", firmware.Metadata, f.VBMeta)
	meta.Format = "android-vbmeta"
	v := open(meta.Source, meta, o, "the image")
	image := region.Part(src, "image", firmware.Data, block.Extent{Length: f.Original})
	footer := firmware.Check{What: "footer", Method: "structure", State: firmware.Passed, Extent: block.Extent{Offset: src.Size() - avbmeta.FooterSize, Length: avbmeta.FooterSize},
		Strong: f.Plain, Expected: fmt.Sprintf("an image of %d bytes and a vbmeta image", f.Original)}
	footer.Found = footer.Expected
	used := block.SetOf(block.Extent{Length: f.Original}, f.VBMeta, footer.Extent)
	if v != nil {
		own := ""
		if v.Size != f.VBMeta.Length {
			footer.State, footer.Expected, footer.Found = firmware.Failed, fmt.Sprintf("a vbmeta image of %d bytes", v.Size), fmt.Sprintf("%d bytes", f.VBMeta.Length)
		}
		if d := describes(v); d != nil {
			own = d.Partition
			image.Name, image.Role = own, android.Role(own)
			used.Add(d.Tree)
			used.Add(d.FEC)
			if d.ImageSize != f.Original && footer.State == firmware.Passed {
				footer.State, footer.Expected, footer.Found = firmware.Failed, fmt.Sprintf("an image of %d bytes", d.ImageSize), fmt.Sprintf("%d bytes", f.Original)
			}
			if d.Kind == avbmeta.Hash {
				part.Checks = append(part.Checks, avbmeta.CheckHash(ctx, src, d))
			} else {
				part.Checks = append(part.Checks, avbmeta.CheckTree(ctx, src, d)...)
			}
			part.Installs = append(part.Installs, android.Install(own, src.Size()))
		}
		tell(v, meta, own)
		part.Signatures, meta.Signatures = avbmeta.Over(meta.Signatures, part.Checks), nil
	}
	part.Checks = append(part.Checks, footer)
	for e := range used.Complement(block.Extent{Length: src.Size()}).All() {
		part.Checks = append(part.Checks, gap(ctx, src, e))
	}
	o.Inner(ctx, image)
	part.Role = image.Role
	if image.Version != "" {
		part.Version = image.Version
	}
	part.Children = append(part.Children, image, meta)
	return part, ctx.Err()
}

// gap checks bytes that avbtool leaves as zeros. Flashing leaves them out, so that a copy of a partition has there what an
// older image left: that is not damage, and nothing is known of it.
func gap(ctx context.Context, src block.Source, e block.Extent) firmware.Check {
	c := region.Padding(ctx, src, "gap", e, 0)
	if c.State != firmware.Failed {
		return c
	}
	blocks, written := 0, 0
	err := region.Scan(ctx, src, e, func(p []byte) error {
		for ; len(p) > 0; p = p[min(len(p), 4096):] {
			b := p[:min(len(p), 4096)]
			if n := len(b) - bytes.Count(b, []byte{0}); n > 0 {
				blocks++
				if n > 16 {
					written++
				}
			}
		}
		return nil
	})
	if err == nil && written == blocks {
		c.State, c.Why = firmware.Cannot, "what stands there is covered by nothing: the rest of an older image, when this is a copy of a partition"
	}
	return c
}

// describes returns the descriptor of the image that a vbmeta image stands in: the only one of a hash or hash tree.
func describes(v *avbmeta.VBMeta) *avbmeta.Descriptor {
	var own *avbmeta.Descriptor
	for i := range v.Descriptors {
		if d := &v.Descriptors[i]; d.Kind == avbmeta.Hash || d.Kind == avbmeta.Hashtree {
			if own != nil {
				return nil
			}
			own = d
		}
	}
	return own
}
