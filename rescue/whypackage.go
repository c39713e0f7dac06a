package rescue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"salvor/casefile"
	"salvor/compare"
	"salvor/diagnosis"
	"salvor/diagnosis/plan"
	"salvor/finding"
	"salvor/firmware"
	"salvor/host"
	"salvor/internal/wire"
)

// packages checks what was named beside logs, and holds a package against the storage when there is both.
func (g *gathering) packages(ctx context.Context) error {
	var found []string
	for _, name := range g.files {
		is, err := g.checkOne(ctx, name)
		if err != nil {
			return err
		}
		if is {
			found = append(found, name)
		}
	}
	if len(found) > 0 {
		g.device.Package = found[0]
	}
	if len(found) == 1 && g.image != "" {
		return g.compare(ctx, found[0])
	}
	return nil
}

// checkOne checks a package, and reports whether it is one. What is none is an image of storage, or a log with much garbage
// in it.
func (g *gathering) checkOne(ctx context.Context, name string) (bool, error) {
	o := CheckOptions{File: name, Program: g.o.Program}
	if g.o.Device != "" {
		o.For = append(o.For, g.o.Device)
	}
	if g.why.Case != "" {
		o.For = append(o.For, g.why.Case)
	}
	c, err := CheckPackage(ctx, o)
	var refused *host.RefusedError
	if errors.As(err, &refused) && len(o.For) > 0 {
		g.note(whyCase.New(finding.Arg("what", "what the package is for"), finding.Expected(nil, err)))
		o.For = nil
		c, err = CheckPackage(ctx, o)
	}
	if err != nil {
		return false, err
	}
	defer c.Close()
	switch {
	case c.Part.Format == "":
		return g.unknown(ctx, name, c.Part.Size)
	case g.image == "" && slices.Contains(storageFormats, c.Part.Format) && !isUpdateName(name):
		return g.unknown(ctx, name, c.Part.Size)
	}
	g.read(name, "package", c.Part.Size)
	for _, q := range []struct {
		fact string
		v    firmware.Verdict
		to   *string
	}{{"check.whole", c.Whole, &g.device.PackageWhole}, {"check.genuine", c.Genuine, &g.device.PackageGenuine}, {"check.fits", c.Fits, &g.device.PackageFits}} {
		*q.to = q.v.Answer.String()
		words := q.v.Answer.String()
		if len(q.v.Reasons) > 0 {
			words = q.v.Reasons[0]
		}
		g.fact(q.fact, q.v.Answer.String(), words, diagnosis.Place{Input: name, Offset: max(q.v.Lead.Offset, 0), Length: q.v.Lead.Size})
	}
	c.Part.Walk(func(p *firmware.Part, depth int) bool {
		if p.Announced > p.Size {
			g.fact("check.truncated", "YES", fmt.Sprintf("%s says that it has %d bytes, and %d are there", partWords(p, name), p.Announced, p.Size), diagnosis.Place{Input: name, Length: p.Size})
		}
		for _, f := range p.Findings {
			base := int64(0)
			if depth > 0 && !p.Unpacked {
				base = p.Offset
			}
			g.findingFact(f, name, base)
		}
		return true
	})
	return true, nil
}

func partWords(p *firmware.Part, name string) string {
	if p.Name != "" {
		return p.Name
	}
	if p.Title != "" {
		return p.Title
	}
	return name
}

// storageFormats are images of a whole storage or of a volume that is written to: a person who names one without a case
// most often has read it from the device.
var storageFormats = []string{"disk", "ext", "btrfs", "f2fs", "fat"}

// unknown takes a file that is no package that is known, and reports whether it is to be held against the storage all the
// same. It is an image of storage when volumes stand in it, else a log with much garbage in it.
func (g *gathering) unknown(ctx context.Context, name string, size int64) (bool, error) {
	if g.image != "" && isPackageName(name) {
		g.read(name, "package", size)
		return true, nil
	}
	if g.image == "" {
		m, err := mendMedium(ctx, MendOptions{Path: name, Program: g.o.Program}, g.events)
		if err != nil {
			return false, err
		}
		g.closers = append(g.closers, m.close)
		if len(m.tree.Volumes()) > 0 || len(m.tree.Children) > 0 {
			g.image, g.device.Source = name, name
			g.read(name, "image", size)
			return false, g.look(ctx, m, name)
		}
	}
	if isPackageName(name) {
		g.fact("check.whole", "CANNOT TELL", name+" is no package or image that is known", diagnosis.Place{Input: name})
		g.read(name, "unknown", size)
		return false, nil
	}
	o, err := host.Open(ctx, name, host.OpenOptions{Alone: true})
	if err != nil {
		return false, err
	}
	g.closers = append(g.closers, o.Close)
	g.inputs = append(g.inputs, diagnosis.Input{Name: name, Reader: readerOf(o.Source)})
	g.read(name, "log", size)
	return false, nil
}

// compare holds the package against the storage: what differs in both is the download, what differs on the storage alone
// is power or hardware.
func (g *gathering) compare(ctx context.Context, name string) error {
	c, err := Compare(ctx, CompareOptions{Package: name, Path: g.image, Source: firstSource, Program: g.o.Program}, g.events)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		g.note(whyCase.New(finding.Arg("what", "how far the update got, and the storage"), finding.Expected(nil, err)))
		return nil
	}
	complete, partly, notBegun := c.State()
	// Of what is complete in one place, pieces that stand elsewhere too by chance say nothing.
	elsewhere := func(t compare.Target) bool {
		return slices.ContainsFunc(complete, func(o compare.Target) bool {
			return t.Content == o.Content && t.Piece.ID == o.Piece.ID || strings.HasPrefix(t.Piece.ID, o.Piece.ID+".")
		})
	}
	partly, notBegun = slices.DeleteFunc(partly, elsewhere), slices.DeleteFunc(notBegun, elsewhere)
	state := "unknown"
	switch {
	case len(partly) > 0:
		state = "partial"
	case len(complete) > 0 && len(notBegun) == 0:
		state = "complete"
	case len(complete) > 0:
		state = "partial"
	case len(notBegun) > 0:
		state = "not-begun"
	}
	place := diagnosis.Place{Input: g.image}
	words := "the package on the storage: " + state
	if len(partly) > 0 {
		t := &partly[0]
		least, most := t.Written()
		r := &c.Regions[t.Region]
		place.Offset, place.Length = r.Place.Offset+t.At, t.Piece.Extent.Length
		words = fmt.Sprintf("%s is on %s to %s", t.Piece.Words(), r.Name, compare.Percent(least, most))
	}
	g.fact("compare.state", state, words, place)
	switch {
	case c.Whole.Answer == firmware.No && sameFault(c, complete, partly):
		g.fact("fault.same-offset", "YES", fmt.Sprintf("%s fails its own checks, and the storage holds the same bytes", name), place)
	case c.Whole.Answer == firmware.OK && len(partly) > 0:
		g.fact("fault.same-offset", "NO", fmt.Sprintf("%s is whole, and the storage is not", name), place)
	}
	for _, f := range c.Findings {
		g.findingFact(f, g.image, 0)
	}
	for i := range c.Choices {
		if c.Leads(c.Regions, &c.Choices[i]) == compare.SwitchedNo && state == "complete" {
			g.fact("boot.leads", "old", "the new firmware is complete, and the device starts the former one", diagnosis.Place{Input: g.image, Offset: max(c.Choices[i].Offset, 0)})
		}
	}
	for _, t := range c.Targets {
		if t.Reference || t.Order == compare.NotBegun && state == "partial" {
			g.device.TwoSlots = plan.Yes
		}
		if t.Reference && len(partly)+len(complete) > 0 {
			g.device.WholeSlot = plan.Yes
		}
	}
	return nil
}

// sameFault reports whether the storage holds what the package has at the place of its fault.
func sameFault(c *Compared, complete, partly []compare.Target) bool {
	at := c.Whole.Lead.Offset
	for _, t := range append(complete[:len(complete):len(complete)], partly...) {
		if t.Order == compare.Complete {
			return true
		}
		if at < 0 || t.Piece.ID != "0" {
			continue // only of a file that goes to the storage as it is, the place is known there
		}
		in := at - t.Piece.Extent.Offset
		for _, x := range t.Runs {
			if x.Class == compare.New && in >= x.Offset && in < x.Offset+x.Length {
				return true
			}
		}
	}
	return false
}

// keepWhy puts the answer into the case.
func keepWhy(w *Why, o WhyOptions) (err error) {
	k, err := casefile.Open(w.Case, casefile.Writer, casefile.Options{Program: o.Program})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.Close()) }()
	return k.PutAnswer(w.Lines())
}

// Lines are the answer as lines of JSON.
func (w *Why) Lines() wire.Answering {
	l := wire.NewAnswering(w.Answer, w.Plan, w.Facts, w.Read)
	l.Diagnosis.FilesSafe, l.Diagnosis.Safety = w.FilesSafe, wire.Text(w.Safety)
	return l
}
