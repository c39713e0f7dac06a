package zipfile

import (
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"

	"salvor/block"
	"salvor/firmware"
	"salvor/firmware/internal/region"
)

// Checks are those of the archive as a whole: its end, and each member's own header.
func (a *Archive) Checks(src block.Source) []firmware.Check {
	whole := block.Extent{Length: src.Size()}
	if a.Broken != nil {
		c := firmware.Check{What: "directory of the archive", Method: "structure", State: firmware.Failed, Extent: whole, Expected: "a directory at the end of the file", Found: "none"}
		if n := len(a.Members); n > 0 {
			switch last := &a.Members[n-1]; {
			case a.End > src.Size():
				c.Found = fmt.Sprintf("%d bytes; it ends inside of %q", src.Size(), last.Name)
				c.Why = "the file ends inside of it: a download or copy that was cut off"
			case last.Flags&8 == 0:
				c.Found = fmt.Sprintf("%d bytes; it ends behind %q", src.Size(), last.Name)
			}
		}
		if c.Why == "" {
			c.Why = a.Broken.Error()
		}
		return []firmware.Check{c}
	}
	out := []firmware.Check{{What: "directory of the archive", Method: "structure", State: firmware.Passed, Extent: a.Directory, Expected: fmt.Sprintf("%d members", len(a.Members)), Found: fmt.Sprintf("%d members", len(a.Members))}}
	for i := range a.Members {
		m := &a.Members[i]
		switch {
		case m.Trouble != "":
			out = append(out, firmware.Check{What: fmt.Sprintf("member %q", m.Name), Method: "structure", State: firmware.Failed, Extent: m.Header, Expected: "a header as the directory says", Found: m.Trouble})
		case m.Data.End() > a.Directory.Offset:
			out = append(out, firmware.Check{What: fmt.Sprintf("member %q", m.Name), Method: "structure", State: firmware.Failed, Extent: m.Header,
				Expected: fmt.Sprintf("at most %d bytes", a.Directory.Offset-m.Data.Offset), Found: fmt.Sprintf("%d bytes", m.Data.Length)})
		}
	}
	return out
}

// Open makes a member a part, with the CRC-32 of its content, and opens what it is. The part has no role yet.
func (m *Member) Open(ctx context.Context, src block.Source, o *firmware.Opening, role firmware.Role) *firmware.Part {
	p := region.Part(src, m.Name, role, m.Data)
	whole := block.Extent{Length: m.Data.Length}
	c := firmware.Check{What: "content", Method: "CRC-32", State: firmware.Cannot, Extent: whole, Strong: true, Expected: fmt.Sprintf("%08x", m.CRC)}
	add := func() *firmware.Part { p.Checks = append(p.Checks, c); return p }
	switch {
	case m.Data.End() > src.Size():
		p.Checks = append(p.Checks, firmware.Cut("content", m.Data.End(), src.Size()))
		if m.Method == Stored && m.Flags&1 == 0 && p.Size > 0 { // which part of it the file ends in
			o.Inner(ctx, p)
		}
		return p
	case m.Flags&1 != 0:
		c.Why = "it is encrypted"
		return add()
	case m.Method == Stored:
		sum := crc32.NewIEEE()
		if err := region.Sum(ctx, p.Source, sum, whole); err != nil {
			c.Why = err.Error()
			return add()
		}
		c = firmware.Sum32("content", "CRC-32", whole, m.CRC, sum.Sum32())
		if m.Size != m.Data.Length {
			c.State, c.Found, c.Expected = firmware.Failed, fmt.Sprintf("%d bytes", m.Data.Length), fmt.Sprintf("%d bytes", m.Size)
		}
		p.Checks = append(p.Checks, c)
		o.Inner(ctx, p)
		return p
	case m.Method != Deflate:
		c.Why = fmt.Sprintf("the way of packing %d is not read", m.Method)
		return add()
	}
	p.Compression = "deflate"
	m.unpack(ctx, p, o, c)
	return p
}

// counted counts and sums what goes through, up to the size that the member says.
type counted struct {
	sum  hash.Hash32
	to   io.Writer // may be nil
	n    int64
	most int64
}

var errLong = errors.New("more comes out than the archive says")

func (w *counted) Write(b []byte) (int, error) {
	if w.n += int64(len(b)); w.n > w.most {
		return 0, errLong
	}
	w.sum.Write(b)
	if w.to != nil {
		return w.to.Write(b)
	}
	return len(b), nil
}

// reader gives the packed bytes one by one where flate asks for that, so that it takes no more than it needs.
type reader struct {
	src  *io.SectionReader
	buf  []byte
	used int64
}

func (r *reader) fill() error {
	if len(r.buf) > 0 {
		return nil
	}
	b := make([]byte, 64<<10)
	n, err := r.src.Read(b)
	if r.buf = b[:n]; n > 0 {
		return nil
	}
	return err
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.fill(); err != nil {
		return 0, err
	}
	n := copy(p, r.buf)
	r.buf, r.used = r.buf[n:], r.used+int64(n)
	return n, nil
}

func (r *reader) ReadByte() (byte, error) {
	if err := r.fill(); err != nil {
		return 0, err
	}
	b := r.buf[0]
	r.buf, r.used = r.buf[1:], r.used+1
	return b, nil
}

func (m *Member) unpack(ctx context.Context, p *firmware.Part, o *firmware.Opening, c firmware.Check) {
	w := &counted{sum: crc32.NewIEEE(), most: m.Size}
	scratch := o.Scratch(m.Size)
	if scratch != nil {
		w.to = scratch
	}
	in := &reader{src: block.Reader(block.WithContext(ctx, p.Source))}
	f := flate.NewReader(in)
	_, err := io.Copy(w, f)
	var corrupt flate.CorruptInputError
	switch {
	case ctx.Err() != nil:
		return
	case errors.As(err, &corrupt), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, errLong):
		c.State, c.Found = firmware.Failed, err.Error()
	case err != nil:
		c.Why = err.Error()
	case w.n != m.Size || in.used != m.Data.Length:
		c.State, c.Expected, c.Found = firmware.Failed, fmt.Sprintf("%d bytes out of %d", m.Size, m.Data.Length), fmt.Sprintf("%d out of %d", w.n, in.used)
	default:
		c = firmware.Sum32("content", "CRC-32", c.Extent, m.CRC, w.sum.Sum32())
	}
	p.Checks = append(p.Checks, c)
	if scratch == nil || w.n == 0 && c.State != firmware.Passed {
		return
	}
	child := &firmware.Part{Name: p.Name, Role: p.Role, Size: scratch.Size(), Source: scratch, Unpacked: true}
	p.Children = append(p.Children, child)
	o.Inner(ctx, child)
}
