package combined

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/fsimage"
	"salvor/firmware/internal/region"
	"salvor/firmware/internal/squash"
)

const (
	structure = "combined image"
	headSize  = 64
	// farthest is how far behind its beginning a root file system is looked for when the kernel does not say how long
	// it is, in steps of the smallest usual erase block, bytes.
	farthest  = 16 << 20
	eraseStep = 64 << 10
	maxEdge   = 1 << 20
	maxKernel = 256 << 20
	markEdge  = 1 << 10 // the smallest that the tools use
)

var mark = []byte{0xde, 0xad, 0xc0, 0xde}

// Format is the row of this package in the table of firmware formats.
func Format() firmware.Format {
	return firmware.Format{Name: "combined", Title: "kernel and root file system", Look: look, Open: open}
}

// layout is where the parts stand.
type layout struct {
	kernel block.Extent // empty for none; with the filling behind it when it does not say how long it is
	root   block.Extent // by its own word, so that it may end behind the source
	what   string       // the root file system
	known  bool         // the kernel says how long it is
}

// kernelEnd returns how long the kernel is that the image begins with. known is false for one that does not say.
func kernelEnd(p []byte) (end int64, known bool, err error) {
	switch {
	case bytes.HasPrefix(p, []byte{0x27, 0x05, 0x19, 0x56}):
		end, known = headSize+int64(binary.BigEndian.Uint32(p[12:])), true
	case bytes.HasPrefix(p, []byte{0xd0, 0x0d, 0xfe, 0xed}):
		end, known = int64(binary.BigEndian.Uint32(p[4:])), true
	case p[0] < 225 && p[1] == 0 && p[2] == 0 && p[0] >= 0x5d && p[3] <= 0x80 && p[4] < 0x10: // LZMA: properties, size of dictionary
	case bytes.HasPrefix(p, []byte("hsqs")):
		known = true
	default:
		return 0, false, cursor.ErrNot
	}
	if end > maxKernel {
		return 0, false, cursor.ErrNot
	}
	return end, known, nil
}

// rootAt reads what file system begins at a place; "" for none.
func rootAt(src block.Source, at int64) (what string, size int64, err error) {
	if src.Size()-at < squash.SuperSize {
		return "", 0, nil
	}
	p, err := cursor.Read(src, structure, at, squash.SuperSize, squash.SuperSize)
	if err != nil {
		return "", 0, err
	}
	if bytes.HasPrefix(p, []byte("UBI#\x01")) {
		return "UBI", src.Size() - at, nil
	}
	s, err := squash.ParseSuper(p)
	var other *squash.VariantError
	switch {
	case err == nil:
		return "squashfs", s.Used, nil
	case errors.As(err, &other) && other.Size > 0:
		return other.Title, other.Size, nil
	}
	return "", 0, nil
}

// edges are the places behind a kernel where a root file system may begin.
func edges(end int64, known bool) (out []int64) {
	if !known {
		for at := int64(eraseStep); at <= farthest; at += eraseStep {
			out = append(out, at)
		}
		return out
	}
	for step := int64(1); step <= maxEdge; step *= 2 {
		at := (end + step - 1) &^ (step - 1)
		if len(out) == 0 || at != out[len(out)-1] {
			out = append(out, at)
		}
	}
	return out
}

func find(src block.Source) (*layout, error) {
	p, err := cursor.Read(src, structure, 0, headSize, headSize)
	if err != nil {
		return nil, region.NotHere(err)
	}
	end, known, err := kernelEnd(p)
	if err != nil {
		return nil, err
	}
	for _, at := range edges(end, known) {
		if at >= src.Size() {
			break
		}
		what, size, err := rootAt(src, at)
		if err != nil {
			return nil, err
		}
		if what == "" {
			continue
		}
		l := &layout{kernel: block.Extent{Length: end}, root: block.Extent{Offset: at, Length: size}, what: what, known: known}
		if !known {
			l.kernel.Length = at
		}
		if at == 0 && !l.marked(src) {
			return nil, cursor.ErrNot // a file system alone is what it is
		}
		return l, nil
	}
	return nil, cursor.ErrNot
}

// marked reports whether a mark stands behind the root file system, at the first edge that can have one.
func (l *layout) marked(src block.Source) bool {
	for step := int64(markEdge); step <= maxEdge; step *= 2 {
		at := (l.root.End() + step - 1) &^ (step - 1)
		if p, err := cursor.Read(src, structure, at, int64(len(mark)), int64(len(mark))); err == nil && bytes.Equal(p, mark) {
			return true
		}
	}
	return false
}

func look(_ context.Context, src block.Source) (firmware.Sighting, error) {
	l, err := find(src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: l.title(), Size: l.root.End()}, nil
}

func (l *layout) title() string {
	if l.kernel.Length == 0 {
		return l.what + " with end marks"
	}
	return "kernel, then " + l.what
}

func open(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	l, err := find(src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: l.title(), Role: firmware.Package, Announced: l.root.End()}
	part.Installs = []firmware.Install{{Where: "firmware", Needs: l.root.End()}}
	if l.root.End() > src.Size() {
		part.Checks = append(part.Checks, firmware.Cut("root file system", l.root.End(), src.Size()))
	}
	if l.kernel.Length > 0 {
		child := region.Part(src, "kernel", firmware.Kernel, l.kernel)
		o.Inner(ctx, child)
		if l.known && child.Format == "" {
			part.Checks = append(part.Checks, firmware.Check{What: "kernel", Method: "structure", State: firmware.Failed, Extent: l.kernel, Expected: "an image of U-Boot", Found: "its magic number, and no header that can be"})
		}
		part.Children = append(part.Children, child)
		if gap := block.Between(l.kernel.End(), l.root.Offset); gap.Length > 0 {
			l.filling(ctx, src, o, part, "between kernel and root file system", gap)
		}
	}
	child := region.Part(src, "root file system", firmware.RootFS, l.root)
	o.Inner(ctx, child)
	part.Children = append(part.Children, child)
	l.tail(ctx, src, o, part, block.Between(l.root.End(), src.Size()))
	return part, ctx.Err()
}

// leastRun is how long a run of another value must be for filling to go on with it, in bytes.
const leastRun = 4

// maxRuns bounds how many runs of filling, and marks, are gone through: each costs a read.
const maxRuns = 32

// runs returns where filling ends that begins at the start of e: runs of 0x00 and 0xFF, one behind the other.
func runs(ctx context.Context, src block.Source, e block.Extent) int64 {
	at := e.Offset
	for n := 0; at < e.End() && n < maxRuns; n++ {
		fill := fsimage.Fill(ctx, src, block.Between(at, e.End()))
		if fill.Length == 0 || at > e.Offset && fill.Length < min(leastRun, e.End()-at) {
			break
		}
		at = fill.End()
	}
	return at
}

// maxStrays bounds how many changed bytes in filling are told one by one.
const maxStrays = 16

// fills goes through filling from the start of e, and tells bytes in it that stand alone. It returns where the filling
// ends: at the end of e, or where something else begins.
func fills(ctx context.Context, src block.Source, part *firmware.Part, what string, e block.Extent) int64 {
	at := e.Offset
	for strays := 0; ; strays++ {
		at = runs(ctx, src, block.Between(at, e.End()))
		if at == e.End() || at == e.Offset || strays == maxStrays {
			return at
		}
		n := min(leastRun+1, e.End()-at, markEdge-at%markEdge)
		p, err := cursor.Read(src, structure, at, n, n)
		if err != nil || n > 1 && (p[1] != 0 && p[1] != 0xFF || bytes.Count(p[1:], p[1:2]) != len(p)-1) || at%markEdge == 0 {
			return at
		}
		part.Checks = append(part.Checks, firmware.Check{What: what, Method: "padding", State: firmware.Failed, Extent: block.Extent{Offset: at, Length: 1}, Expected: "0x00 or 0xff", Found: fmt.Sprintf("%#02x at %d", p[0], at)})
		at++
	}
}

// filled is the passed check of filling.
func filled(what string, e block.Extent, marks int) firmware.Check {
	words := fmt.Sprintf("%d bytes of filling", e.Length)
	if marks > 0 {
		words += fmt.Sprintf(", %d marks", marks)
	}
	return firmware.Check{What: what, Method: "padding", State: firmware.Passed, Extent: e, Strong: true, Expected: words, Found: words}
}

// filling checks what should be nothing, and makes a part of it where it is more.
func (l *layout) filling(ctx context.Context, src block.Source, o *firmware.Opening, part *firmware.Part, what string, e block.Extent) {
	if at := fills(ctx, src, part, what, e); at > e.Offset {
		part.Checks = append(part.Checks, filled(what, block.Between(e.Offset, at), 0))
		e = block.Between(at, e.End())
	}
	l.rest(ctx, src, o, part, what, e)
}

// rest makes a part of what is no filling.
func (l *layout) rest(ctx context.Context, src block.Source, o *firmware.Opening, part *firmware.Part, what string, e block.Extent) {
	if e.Length == 0 {
		return
	}
	child := region.Part(src, what, firmware.Data, e)
	child.Announced = 0
	o.Inner(ctx, child)
	part.Children = append(part.Children, child)
}

// tail checks the filling behind the root file system and the marks in it.
func (l *layout) tail(ctx context.Context, src block.Source, o *firmware.Opening, part *firmware.Part, e block.Extent) {
	const what = "filling with end marks"
	at, marks := e.Offset, 0
	for marks < maxRuns {
		if at = fills(ctx, src, part, what, block.Between(at, e.End())); at == e.End() {
			break
		}
		p, err := cursor.Read(src, "end mark", at, min(int64(len(mark)), e.End()-at), int64(len(mark)))
		if err != nil || at%markEdge != 0 || !near(p) {
			break
		}
		if !bytes.Equal(p, mark) {
			part.Checks = append(part.Checks, firmware.Check{What: what, Method: "structure", State: firmware.Failed, Extent: block.Extent{Offset: at, Length: int64(len(p))},
				Expected: fmt.Sprintf("%x at %d", mark, at), Found: fmt.Sprintf("%x", p)})
		}
		at, marks = at+int64(len(p)), marks+1
	}
	if at > e.Offset {
		part.Checks = append(part.Checks, filled(what, block.Between(e.Offset, at), marks))
	}
	l.rest(ctx, src, o, part, "behind the root file system", block.Between(at, e.End()))
}

// near reports whether bytes are a mark that was damaged or cut.
func near(p []byte) bool {
	same := 0
	for i, c := range p {
		if c == mark[i] {
			same++
		}
	}
	return same >= min(3, len(p)) && same > 0
}
