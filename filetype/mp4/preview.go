package mp4

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"strings"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/internal/exif"
	"salvor/filetype/internal/media"
	"salvor/filetype/internal/window"
)

// overview reads what describes the file, and neither tables of samples nor these.
func overview(ctx context.Context, src block.Source) (*exam, []filetype.Member, error) {
	x := &exam{ctx: ctx, src: src, w: window.New(ctx, src, bufferSize), broken: -1}
	ok, err := x.start()
	if err == nil && !ok {
		err = filetype.ErrNot
	}
	if err == nil {
		err = x.walk()
	}
	if err != nil {
		return nil, nil, err
	}
	var members []filetype.Member
	if x.moov != nil {
		err = x.children(x.moov.body, x.moov.end, func(b box) error {
			switch b.kind {
			case "mvhd":
				return x.note(x.movieHeader(b))
			case "trak":
				if len(members) < filetype.MaxMembers {
					m, err := x.member(b)
					if err == nil {
						members = append(members, m)
					}
					return x.note(err)
				}
			case "udta", "meta":
				return x.note(x.userData(b))
			case "uuid":
				if b.end-b.body >= 16 {
					return x.note(x.canon(b))
				}
			}
			return nil
		})
		if err = x.note(err); err != nil {
			return nil, nil, err
		}
	}
	if x.moov == nil || x.isPicture() {
		err = x.note(x.picture())
	}
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	return x, members, err
}

// member describes a track.
func (x *exam) member(b box) (m filetype.Member, err error) {
	t := &track{boxes: map[string]box{}}
	if err := x.gather(t, b, 0); err != nil {
		return m, err
	}
	m = filetype.Member{Name: map[string]string{"vide": "pictures", "soun": "sound", "text": "text", "sbtl": "text", "meta": "data", "tmcd": "time code"}[t.handler], Size: -1, Note: codecName(t.format)}
	if m.Name == "" {
		m.Name = exif.Text(t.handler)
	}
	d, ok := t.boxes["stsd"]
	if !ok {
		return m, nil
	}
	p, err := x.w.Bytes(d.body+8, int(min(d.end-d.body-8, 44)))
	if err != nil || len(p) < 36 {
		return m, nil
	}
	be := func(at int) int { return int(p[at])<<8 | int(p[at+1]) }
	switch t.handler {
	case "vide":
		x.video = true
		m.Note += " " + media.Pixels(be(32), be(34))
	case "soun":
		x.audio = true
		m.Note += fmt.Sprintf(" %d Hz, %s", be(32), media.Channels(be(24)))
	}
	return m, nil
}

// codecName names the samples of a track as a person knows them.
func codecName(format string) string {
	switch format {
	case "avc1", "avc3":
		return "H.264"
	case "hvc1", "hev1":
		return "H.265"
	case "av01":
		return "AV1"
	case "mp4a":
		return "AAC"
	case "mp4v":
		return "MPEG-4"
	case "s263":
		return "H.263"
	case "samr":
		return "AMR"
	case "CRAW":
		return "Canon raw"
	}
	return strings.TrimSpace(exif.Text(format))
}

// canvas returns the size of the largest picture that the properties of a HEIF file describe.
func (x *exam) canvas() (width, height uint32) {
	if x.meta == nil {
		return 0, 0
	}
	_ = x.children(x.meta.body+4, x.meta.end, func(b box) error {
		if b.kind != "iprp" {
			return nil
		}
		return x.children(b.body, b.end, func(p box) error {
			if p.kind != "ipco" {
				return nil
			}
			return x.children(p.body, p.end, func(d box) error {
				if d.kind != "ispe" {
					return nil
				}
				c, err := x.fields(d, 12)
				if err != nil {
					return err
				}
				c.Skip(4)
				if w, h := c.Uint32BE(), c.Uint32BE(); uint64(w)*uint64(h) > uint64(width)*uint64(height) {
					width, height = w, h
				}
				return nil
			})
		})
	})
	return width, height
}

func preview(ctx context.Context, src block.Source) (p filetype.Preview, err error) {
	x, members, err := overview(ctx, src)
	if err != nil {
		return p, err
	}
	add := func(name, value string) {
		if value = exif.Text(value); value != "" {
			p.Facts = append(p.Facts, filetype.Fact{Name: name, Value: value})
		}
	}
	if w, h := x.canvas(); w > 0 {
		add("Picture", media.Pixels(w, h))
	}
	for _, m := range members {
		if m.Name == "pictures" {
			add("Picture", m.Note)
			break
		}
	}
	if x.duration > 0 {
		add("Length", media.Clock(x.duration))
	}
	add("Camera", strings.TrimSpace(x.maker+" "+x.model))
	if !x.hints.Taken.IsZero() {
		add("Taken", x.hints.Taken.Format("2006-01-02 15:04:05"))
	}
	add("Title", x.hints.Title)
	add("Author", x.hints.Author)
	p.Members = members
	return p, nil
}

// thumbnail decodes the cover of music or the JPEG picture that a photo carries beside itself. Films and pictures in
// HEIC and AVIF without one have none: there is no decoder for these.
func thumbnail(ctx context.Context, src block.Source, size int) (image.Image, error) {
	x, _, err := overview(ctx, src)
	if err != nil {
		return nil, err
	}
	best, side := block.Extent{}, 0
	for _, e := range x.small {
		head := make([]byte, min(e.Length, 64<<10))
		if n, _ := src.ReadAt(head, e.Offset); n == 0 {
			continue
		}
		c, err := media.Embedded.Config(bytes.NewReader(head))
		if s := max(c.Width, c.Height); err == nil && (side == 0 || side < size && s > side || s >= size && s < side) {
			best, side = e, s
		}
	}
	if side == 0 {
		return nil, filetype.ErrNot
	}
	return media.Embedded.Picture(ctx, src, best)
}
