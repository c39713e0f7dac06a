package container

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"salvor/block"
	"salvor/cursor"
	"salvor/finding"
)

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{parentMissing, parentOther, parentMoved}

var (
	parentMissing = &finding.Def{Code: "container.parent.missing", Severity: finding.Error,
		Text: "{name}, on which the image {path} builds, cannot be read ({why}): nor can what was not written over it"}
	parentOther = &finding.Def{Code: "container.parent.other", Severity: finding.Error,
		Text: "{name} is not the disk on which the image {path} builds, or not in that state (its ID is {found}, expected {expected}), and is not read: what was not written over it cannot be read"}
	parentMoved = &finding.Def{Code: "container.parent.moved", Severity: finding.Warning,
		Text: "the image {path} builds on {name}; the file of that name beside the image is read in its place"}
)

// Chain is an image and those that it builds on, while they are opened: each is opened once, and there are at most
// [MaxDepth]. Make one with [NewChain].
type Chain struct {
	Files    []string // that were read, in order
	Findings []finding.Finding

	open    Opener
	visited map[string]bool
}

// NewChain returns the chain that begins with the image called name.
func NewChain(name string, open Opener) *Chain {
	return &Chain{open: open, visited: map[string]bool{name: true}}
}

// Tell keeps a finding.
func (c *Chain) Tell(f finding.Finding) { c.Findings = append(c.Findings, f) }

// Use keeps the name of a file that is read.
func (c *Chain) Use(name string) { c.Files = append(c.Files, name) }

// Beside opens a further file as [Beside] does.
func (c *Chain) Beside(path string) (src block.Source, name string, moved bool, err error) {
	return Beside(c.open, path)
}

// Parent is what an image builds on.
type Parent struct {
	Paths []string // as the image names it, the best first
	// IDs are those of which it must have one; none where the format keeps no ID.
	IDs []string
	// Open opens the parent, and returns its ID.
	Open func(ctx context.Context, src block.Source, name string) (disk block.Source, id string, err error)
}

// Parent opens what the image called path builds on. It returns nil when that cannot be read, or is another one, which
// is told then. The error is that of ctx.
func (c *Chain) Parent(ctx context.Context, path string, p Parent) (block.Source, error) {
	called, why := "?", any("it does not lie beside it")
	for _, way := range p.Paths {
		src, name, moved, err := c.Beside(way)
		if called == "?" && name != "" {
			called = name
		}
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			continue
		case c.visited[name] || len(c.visited) >= MaxDepth:
			called, why = name, "the chain of images does not end"
			continue
		}
		c.visited[name] = true
		files, findings := c.Files, c.Findings
		disk, id, err := p.Open(ctx, src, name)
		right := len(p.IDs) == 0 || slices.ContainsFunc(p.IDs, func(want string) bool { return strings.EqualFold(want, id) })
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err == nil && right:
			if moved && len(p.IDs) == 0 { // nothing else says that it is the right one
				c.Tell(parentMoved.New(finding.Arg("name", way), finding.Arg("path", path)))
			}
			return disk, nil
		}
		c.Files, c.Findings = files, findings
		switch {
		case errors.Is(err, cursor.ErrNot):
			called, why = name, "it is no image of a kind that can be read here"
		case err != nil:
			called, why = name, err
		default:
			c.Tell(parentOther.New(finding.Arg("name", name), finding.Arg("path", path), finding.Expected(strings.Join(p.IDs, " or "), id)))
			return nil, nil
		}
	}
	c.Tell(parentMissing.New(finding.Arg("name", fmt.Sprintf("%q", called)), finding.Arg("path", path), finding.Arg("why", why)))
	return nil, nil
}
