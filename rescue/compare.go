package rescue

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"salvor/compare"
	"salvor/compare/boot"
	"salvor/finding"
	"salvor/firmware"
	"salvor/host"
	"salvor/internal/wire"
)

// CompareOptions say which package is held against which storage.
type CompareOptions struct {
	Package string
	Path    string // a case or an image
	Source  int    // of a case: whose disk, from 1
	Earlier string // the package of the version before; "" for none
	Before  string // a case of the same device that was made before the update; "" for none
	Slots   []string
	Finish  string // a new image in which the part is completed that was being written; "" for none
	Program string
}

// Compared is what comparing came to.
type Compared struct {
	*compare.Result
	Contents []compare.Content
	Regions  []compare.Region
	Choices  []boot.Choice
	Findings []finding.Finding
	Whole    firmware.Verdict
	Finished *Finished // nil when nothing was asked for
	Kept     bool      // what came out stands in the case
}

var compareNote = &finding.Def{Code: "rescue.compare.note", Severity: finding.Warning, Text: "{found}"}

// Compare holds a package against a device's storage. Nothing is written but a folder of temporary files that is removed,
// Finish, and into a case what came out.
func Compare(ctx context.Context, o CompareOptions, events Events) (c *Compared, err error) {
	d := &device{}
	if d.mendable, err = mendMedium(ctx, MendOptions{Path: o.Path, Source: o.Source, Program: o.Program}, events); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	if o.Finish != "" {
		if err := refuseOut(d.files, d.size, o.Finish); err != nil {
			return nil, err
		}
	}
	if err := d.findRegions(ctx); err != nil {
		return nil, err
	}
	if err := d.nameSlots(o.Slots); err != nil {
		return nil, err
	}
	p, err := openPackage(ctx, o.Package)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	notes, err := p.apply(ctx, d.regions)
	if err != nil {
		return nil, err
	}
	d.resolve(p.contents)
	in := compare.Input{Contents: p.contents, Regions: d.regions, Progress: func(done, total int64) {
		l := wire.NewProgress("compare", done, total, "bytes")
		l.Words = "holding " + o.Package + " against " + o.Path
		events.Progress(l)
	}}
	var earlier *openedPackage
	if o.Earlier != "" {
		if earlier, err = openPackage(ctx, o.Earlier); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, earlier.close()) }()
		in.Earlier = earlier.contents
		in.Proofs = append(in.Proofs, earlierProof{earlier.contents})
	}
	if o.Before != "" {
		before, err := readBefore(o.Before, o.Program)
		if err != nil {
			return nil, err
		}
		in.Proofs = append(in.Proofs, before)
	}
	c = &Compared{Contents: in.Contents, Regions: d.regions, Whole: firmware.Whole(p.part)}
	in.Proofs = append(in.Proofs, ownProof{ctx})
	if c.Result, err = compare.Device(ctx, in); err != nil {
		return nil, err
	}
	if c.Choices, err = boot.Find(ctx, d.bootInput()); err != nil {
		return nil, err
	}
	c.Findings = c.Told(c.Regions, c.Choices)
	for _, n := range slices.Concat(d.notes, notes) {
		c.Findings = append(c.Findings, compareNote.New(finding.At(-1, 0), finding.Expected(nil, n)))
	}
	if o.Finish != "" {
		if c.Finished, err = d.finish(ctx, o, c, events); err != nil {
			return nil, err
		}
	}
	if host.IsFolder(o.Path) {
		// Another job may work in the case, or it may stand on a medium that cannot be written: the answer is worth no less.
		if err := keepComparison(o, c); err != nil {
			c.Findings = append(c.Findings, compareNote.New(finding.At(-1, 0), finding.Expected(nil, fmt.Sprintf("what came out could not be kept in the case: %v", err))))
		} else {
			c.Kept = true
		}
	}
	return c, nil
}

// State says how far the update got, over all its parts.
func (c *Compared) State() (complete, partly, notBegun []compare.Target) {
	for _, t := range c.Targets {
		switch {
		case t.Reference:
		case t.Order == compare.Complete:
			complete = append(complete, t)
		case t.Order == compare.NotBegun:
			notBegun = append(notBegun, t)
		default:
			partly = append(partly, t)
		}
	}
	// Of two slots without the update only that of a part which is nowhere is to be told.
	notBegun = slices.DeleteFunc(notBegun, func(t compare.Target) bool {
		return slices.ContainsFunc(c.Targets, func(o compare.Target) bool {
			return o.Region != t.Region && o.Content == t.Content && o.Piece.ID == t.Piece.ID && !o.Reference && o.Order != compare.NotBegun
		})
	})
	return complete, partly, notBegun
}
