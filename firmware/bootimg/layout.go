package bootimg

import (
	"context"
	"fmt"
	"strings"

	"salvor/block"
	"salvor/firmware"
	"salvor/firmware/internal/avbmeta"
	"salvor/firmware/internal/region"
)

// layout lays the parts of an image behind each other, each at the beginning of a page.
type layout struct {
	ctx  context.Context
	src  block.Source
	part *firmware.Part
	page int64
	end  int64 // of the pages so far
	cut  bool
	// parts in order, and the places that they should have.
	list []placed
}

type placed struct {
	*firmware.Part
	at block.Extent
}

// header checks that what is behind the fields of the header, up to the end of its page, is empty.
func (l *layout) header(size int64) {
	l.end = pages(size, l.page)
	l.gap("header", block.Between(size, l.end))
}

func pages(n, page int64) int64 { return (n + page - 1) / page * page }

// add gives the next part its place. A part of no size has none.
func (l *layout) add(name string, role firmware.Role, size int64) *firmware.Part {
	e := block.Extent{Offset: l.end, Length: size}
	l.end += pages(size, l.page)
	if size == 0 {
		return nil
	}
	p := region.Part(l.src, name, role, e)
	l.list = append(l.list, placed{p, e})
	l.part.Children = append(l.part.Children, p)
	if e.End() > l.src.Size() {
		if !l.cut {
			l.part.Checks = append(l.part.Checks, firmware.Cut(name, e.End(), l.src.Size()))
		}
		l.cut = true
		return p
	}
	l.gap(name, block.Between(e.End(), l.end))
	return p
}

// gap checks the bytes between a part and the next page. Some tools leave them away behind the last part.
func (l *layout) gap(behind string, e block.Extent) {
	if e = e.Intersect(block.Extent{Length: l.src.Size()}); e.Length > 0 {
		l.part.Checks = append(l.part.Checks, region.Padding(l.ctx, l.src, "gap behind "+behind, e, 0))
	}
}

// finish opens the parts, and what stands behind the last of them: the rest of a partition, or something else.
func (l *layout) finish(o *firmware.Opening) {
	if l.part.Announced = l.end; len(l.list) > 0 && l.src.Size() < l.end {
		l.part.Announced = l.list[len(l.list)-1].at.End()
	}
	for _, p := range l.list {
		o.Inner(l.ctx, p.Part)
	}
	region.Behind(l.ctx, l.src, l.part, o, block.Between(l.end, l.src.Size()))
	// The signature of a generic kernel stands behind all else, in the image or behind its end.
	if n := len(l.part.Children); n > 0 && l.part.Children[n-1].Format == "android-vbmeta" {
		var kernel *firmware.Part
		if first := l.part.Children[0]; first.Role == firmware.Kernel {
			kernel = first
		}
		l.part.Checks = append(l.part.Checks, avbmeta.Certified(l.ctx, l.src, kernel, l.part.Children[n-1])...)
	}
}

// text is a field of text that ends with a zero byte or with the field.
func text(p []byte) string {
	s, _, _ := strings.Cut(string(p), "\x00")
	return s
}

// system reads the field of the system's version, 7 bits for each number, and of the month of its security patches.
func system(v uint32) (version, patches string) {
	if v>>11 != 0 {
		version = fmt.Sprintf("%d.%d.%d", v>>25, v>>18&0x7F, v>>11&0x7F)
	}
	if month := v & 0xF; month >= 1 && month <= 12 {
		patches = fmt.Sprintf("%d-%02d", 2000+v>>4&0x7F, month)
	}
	return version, patches
}

// described adds the system's version and patches to a title.
func described(title string, v uint32) (string, string) {
	version, patches := system(v)
	if version != "" {
		title += ", Android " + version
	}
	if patches != "" {
		title += ", security patches of " + patches
	}
	return title, version
}
