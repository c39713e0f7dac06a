package firmware

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"salvor/block"
	"salvor/cursor"
	"salvor/finding"
	"salvor/guard"
	"salvor/unpack"
)

// Bounds of one package, so that no broken or hostile one asks for more.
const (
	maxDepth  = 12
	maxParts  = 20_000
	maxOut    = 64 << 30 // bytes that may be unpacked, where the caller sets no bound
	partTime  = 10 * time.Minute
	lookBytes = 64 << 10
)

// Findings are the declared findings of this room.
var Findings = []*finding.Def{tooDeep, tooMany, notOpened, certificateEnded, certificateLater, certificatePurpose, unfinished, textMode}

var (
	tooDeep = &finding.Def{Code: "firmware.depth", Severity: finding.Warning,
		Text: "{part} stands {found} levels deep and was not opened, at most {expected} are"}
	tooMany = &finding.Def{Code: "firmware.parts", Severity: finding.Warning,
		Text: "the package has more than {expected} parts; the others were not opened"}
	notOpened = &finding.Def{Code: "firmware.unpack", Severity: finding.Warning,
		Text: "{part} could not be unpacked to its end: {found}"}
)

// Options say how a package is opened.
type Options struct {
	Formats []Format
	Keys    []Key
	// Scratch makes a place for what comes out of compression. Nil keeps nothing, so that packed parts are not opened.
	Scratch func() (Scratch, error)
	// Limit bounds what is unpacked in all, in bytes; 0 for 64 GiB.
	Limit int64
}

// Scratch is a place that is written once, from front to back, and read at any place afterwards. Whoever made it
// removes it.
type Scratch interface {
	io.Writer
	block.Source
}

// Open opens a package by the table, with all that is in it. A file of no known format is a Part without a format. The
// error is that of ctx, or of a scratch.
func Open(ctx context.Context, src block.Source, name string, o Options) (*Part, error) {
	p := &Part{Name: name, Role: Package, Size: src.Size(), Source: src}
	op := &Opening{o: o, name: name, left: maxParts, out: o.Limit}
	if op.out <= 0 {
		op.out = maxOut
	}
	op.Inner(ctx, p)
	p.transferred(ctx, name)
	return p, errors.Join(ctx.Err(), op.err)
}

// Opening is what a format gets to open what is inside of it: bounds, keys, and the other formats.
type Opening struct {
	o     Options
	name  string
	depth int
	left  int   // parts
	out   int64 // bytes that may still be unpacked
	told  bool
	// closed says that nothing is opened, which is no finding.
	closed bool
	err    error
}

// File returns the name of the file that is opened, hostile text, and whether a format that asks now was given the file
// itself and not a part of it.
func (o *Opening) File() (name string, itself bool) { return o.name, o.depth == 1 }

// Closed is an opening that opens nothing: parts are checked by what holds them, and stay as they are.
func (o *Opening) Closed() *Opening {
	return &Opening{depth: maxDepth, closed: true, o: Options{Keys: o.o.Keys}, name: o.name}
}

// Keys are the public keys that were given.
func (o *Opening) Keys() []Key { return o.o.Keys }

// Scratch returns a place for size bytes that a format puts together itself; nil where there is no room, or none was given.
func (o *Opening) Scratch(size int64) Scratch {
	if o.o.Scratch == nil || o.err != nil || size > o.out {
		return nil
	}
	s, err := o.o.Scratch()
	if err != nil {
		o.err = err
		return nil
	}
	o.out -= size
	return s
}

// Inner opens p by the table, as deep as the bounds allow: it fills p with what a format finds, or leaves it as bytes. p
// needs Role, Offset, Size and Source; what it says of itself beside that stays.
func (o *Opening) Inner(ctx context.Context, p *Part) {
	switch {
	case ctx.Err() != nil || o.err != nil || o.closed:
		return
	case o.depth >= maxDepth:
		p.Findings = append(p.Findings, tooDeep.New(finding.Arg("part", p.words()), finding.Expected(maxDepth, o.depth)))
		return
	case o.left <= 0:
		if !o.told {
			o.told = true
			p.Findings = append(p.Findings, tooMany.New(finding.Expected(maxParts, nil)))
		}
		return
	}
	o.left--
	o.depth++
	defer func() { o.depth-- }()
	src := p.Source
	for i := range o.o.Formats {
		f := &o.o.Formats[i]
		var found *Part
		// Parts keep the source for as long as they are used, so that it is not the one which ends with the time.
		err := guard.Do(ctx, partTime, src, func(ctx context.Context, _ block.Source) error {
			if f.Look != nil {
				if _, err := f.Look(ctx, src); err != nil {
					return err
				}
			}
			part, err := f.Open(ctx, src, o)
			if err == nil {
				found = part
			}
			return err
		})
		if g, ok := guard.Finding(f.Name, partTime, err); ok {
			p.Findings = append(p.Findings, g)
		}
		if ctx.Err() != nil {
			return
		}
		if found != nil && err == nil {
			p.take(found, f)
			return
		}
		if _, broken := cursor.IsCorrupt(err); broken && !errors.Is(err, cursor.ErrNot) {
			p.take(&Part{Checks: []Check{{What: "structure", Method: f.Title, State: Failed, Extent: block.Extent{Length: p.Size}, Expected: "a whole " + f.Title, Found: err.Error()}}}, f)
			return
		}
	}
}

// take makes p what a format found in it.
func (p *Part) take(found *Part, f *Format) {
	p.Format = f.Name
	if p.Title = found.Title; p.Title == "" {
		p.Title = f.Title
	}
	if p.Name == "" {
		p.Name = found.Name
	}
	if found.Role != "" && (p.Role == Data || p.Role == "") {
		p.Role = found.Role
	}
	if found.Announced > 0 {
		p.Announced = found.Announced
	}
	if found.Compression != "" {
		p.Compression = found.Compression
	}
	if found.Version != "" {
		p.Version = found.Version
	}
	p.Unused = p.Unused.Union(found.Unused)
	p.Checks = append(p.Checks, found.Checks...)
	p.Signatures = append(p.Signatures, found.Signatures...)
	p.Claims = append(p.Claims, found.Claims...)
	p.Installs = append(p.Installs, found.Installs...)
	p.Children = append(p.Children, found.Children...)
	p.Findings = append(p.Findings, found.Findings...)
}

// Unpack unpacks p by one of the ways that package unpack knows, adds the check that the way itself has, and opens what
// comes out as p's child. Where there is no room to unpack it, or no such way, p stays as it is.
func (o *Opening) Unpack(ctx context.Context, p *Part, compression string) {
	if child := o.Expand(ctx, p, compression); child != nil {
		o.Inner(ctx, child)
	}
}

// Expand does as [Opening.Unpack] does and opens nothing: it returns p's new child, for a format that knows what it is;
// nil where nothing was unpacked.
func (o *Opening) Expand(ctx context.Context, p *Part, compression string) *Part {
	kind := unpack.ByName(compression)
	if p.Compression = compression; kind == nil || o.o.Scratch == nil || ctx.Err() != nil || o.err != nil {
		return nil
	}
	s, err := o.o.Scratch()
	if err != nil {
		o.err = err
		return nil
	}
	r, err := kind.Run(ctx, p.Source, s, o.out)
	var limit *unpack.LimitError
	if err != nil && !errors.As(err, &limit) {
		if ctx.Err() == nil {
			o.err = fmt.Errorf("firmware: unpacking %s: %w", p.words(), err)
		}
		return nil
	}
	o.out -= r.Size
	c := Check{What: "compressed data", Method: compression, State: Passed, Extent: block.Extent{Length: r.Read}, Expected: "whole streams", Found: fmt.Sprintf("%d bytes of content", r.Size)}
	switch {
	case limit != nil:
		c.State, c.Why = Cannot, limit.Error()
	case r.Broken != nil:
		c.State, c.Found = Failed, r.Broken.Error()
		p.Findings = append(p.Findings, notOpened.New(finding.Arg("part", p.words()), finding.Expected(nil, r.Broken)))
	}
	p.Checks = append(p.Checks, c)
	child := &Part{Name: p.Name, Role: p.Role, Size: r.Size, Source: s, Unpacked: true}
	p.Children = append(p.Children, child)
	return child
}
