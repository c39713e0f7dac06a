package seama

import (
	"bytes"
	"context"
	"crypto/md5"
	"fmt"
	"strings"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/fsimage"
	"salvor/firmware/internal/region"
	"salvor/firmware/internal/vendor"
)

const (
	structure = "SEAMA image: header"
	magic     = 0x5EA3A417
	headSize  = 12
	maxText   = 1024
	maxImages = 128
)

// Format is the row of this package in the table of firmware formats.
func Format() firmware.Format {
	return firmware.Format{Name: "seama", Title: "SEAMA image", Probes: []probe.Probe{{ID: "firmware.seama.header", Bytes: []byte{0x5E, 0xA3, 0xA4, 0x17}, Align: 4}}, Look: look, Open: open}
}

// entity is a header with its text.
type entity struct {
	at       int64
	reserved uint16
	sum      []byte // nil for a seal
	lines    []string
	text     block.Extent
	data     block.Extent // empty for a seal
}

// read reads the entity at a place.
func read(src block.Source, at int64) (*entity, error) {
	p, err := cursor.Read(src, structure, at, headSize, headSize)
	if err != nil {
		return nil, region.NotHere(err)
	}
	c := cursor.New(structure, at, p)
	if c.Uint32BE() != magic {
		return nil, cursor.ErrNot
	}
	e := &entity{at: at, reserved: c.Uint16BE()}
	text, size := int64(c.Uint16BE()), int64(c.Uint32BE())
	at += headSize
	if size > 0 {
		if e.sum, err = cursor.Read(src, structure, at, md5.Size, md5.Size); err != nil {
			return nil, region.NotHere(err)
		}
		at += md5.Size
	}
	if text > maxText {
		return nil, fmt.Errorf("%w: %w", cursor.ErrNot, cursor.Corrupt(structure, e.at+6, fmt.Sprintf("at most %d bytes of text", maxText), text))
	}
	if p, err = cursor.Read(src, "SEAMA image: text", at, text, maxText); err != nil {
		return nil, region.NotHere(err)
	}
	for line := range bytes.SplitSeq(p, []byte{0}) {
		if len(line) > 0 {
			e.lines = append(e.lines, string(line))
		}
	}
	e.text = block.Extent{Offset: at, Length: text}
	e.data = block.Extent{Offset: at + text, Length: size}
	return e, nil
}

// said is the value of a line of the text, "" without one.
func (e *entity) said(name string) string {
	for _, l := range e.lines {
		if value, ok := strings.CutPrefix(l, name+"="); ok {
			return value
		}
	}
	return ""
}

// plausible reports whether an entity is one: the text has lines of names and values, as all have.
func (e *entity) plausible() bool {
	for _, l := range e.lines {
		if !strings.Contains(l, "=") || strings.ContainsFunc(l, func(r rune) bool { return r < ' ' || r > '~' }) {
			return false
		}
	}
	return len(e.lines) > 0 || e.data.Length > 0 && e.reserved == 0
}

func look(_ context.Context, src block.Source) (firmware.Sighting, error) {
	e, err := read(src, 0)
	if err != nil {
		return firmware.Sighting{}, err
	}
	if !e.plausible() {
		return firmware.Sighting{}, cursor.ErrNot
	}
	return firmware.Sighting{Title: "SEAMA image", Name: e.said("signature"), Version: e.said("version"), Size: e.data.End()}, nil
}

func open(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	part := &firmware.Part{Role: firmware.Package}
	at, images := int64(0), 0
	for n := range maxImages {
		e, err := read(src, at)
		if err == nil && n == 0 && !e.plausible() {
			err = cursor.ErrNot
		}
		if err != nil {
			if n == 0 {
				return nil, err
			}
			break
		}
		if e.data.Length > 0 {
			images++
		}
		e.add(ctx, src, o, part)
		if at = e.data.End(); at >= src.Size() {
			break
		}
	}
	if images == 0 {
		part.Checks = append(part.Checks, firmware.Check{What: "seal", Method: "structure", State: firmware.Failed, Extent: block.Extent{Length: src.Size()}, Expected: "an image behind it", Found: "none"})
	}
	part.Announced = at
	fsimage.Behind(ctx, src, at, part, o)
	return part, ctx.Err()
}

// add puts an entity into the part of the whole.
func (e *entity) add(ctx context.Context, src block.Source, o *firmware.Opening, part *firmware.Part) {
	sums := block.Between(e.at, e.text.Offset)
	c := firmware.Check{What: "header", Method: "structure", State: firmware.Passed, Extent: sums, Strong: true, Expected: "zeros where nothing stands", Found: "zeros where nothing stands"}
	if e.reserved != 0 {
		c.State, c.Found = firmware.Failed, fmt.Sprintf("%04x", e.reserved)
	}
	part.Checks = append(part.Checks, c)
	if board := e.said("signature"); board != "" {
		if part.Title == "" {
			part.Title = "SEAMA image for " + board
		}
		part.Claims = append(part.Claims, firmware.Claim{Kind: firmware.Board, Values: []string{board}})
	}
	if v := e.said("version"); v != "" {
		part.Version = v
	}
	if e.data.Length == 0 {
		return
	}
	child := vendor.Inside(ctx, src, o, part, e.said("type"), firmware.Data, e.data)
	// The lengths and the magic number in the header decide which bytes the hash is over.
	part.Checks = append(part.Checks, region.Digest(ctx, src, "image", "MD5", e.data, md5.New(), e.sum))
	if dev := e.said("dev"); dev != "" {
		child.Installs = append(child.Installs, firmware.Install{Where: dev, Needs: e.data.Length})
	}
}
