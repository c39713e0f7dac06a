package cab

import (
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
)

// content is what came out of a folder.
type content struct {
	source firmware.Scratch // nil where there is no room for it
	size   int64
	end    int64 // of its blocks, in the cabinet
	whole  bool
	why    string // for content that is not whole
}

// total is how long what comes out of a folder must be.
func (k *cabinet) total(n int) (size int64) {
	for _, f := range k.files {
		if f.folder == n {
			size = f.off + f.size
		}
	}
	return size
}

// unpack reads the blocks of a folder, checks their sums, and keeps what comes out of them.
func (k *cabinet) unpack(ctx context.Context, src block.Source, n int, part *firmware.Part, o *firmware.Opening) (*content, error) {
	f, out := &k.folders[n], &content{}
	what := fmt.Sprintf("data of folder %d", n+1)
	if len(k.folders) == 1 {
		what = "data"
	}
	way := f.kind & 15
	if way <= packedMSZIP {
		out.source = o.Scratch(k.total(n))
	}
	var summed block.Set
	var wrong *firmware.Check
	last := f.start
	inflate := newInflater()
	err := k.blocks(ctx, src, f, func(e block.Extent, sum, got uint32, data []byte, unpacked int) bool {
		last = e.End()
		switch {
		case sum == got:
			summed.Add(e)
		case sum != 0:
			c := firmware.Sum32(what, "sum of 32 bits", e, sum, got)
			c.Why = fmt.Sprintf("the block at %d was changed", e.Offset)
			wrong = &c
			return false
		}
		plain := data
		switch {
		case way > packedMSZIP:
			return true
		case way == packedMSZIP:
			var err error
			if plain, err = inflate.next(data, unpacked); err != nil {
				wrong = &firmware.Check{What: what, Method: "MSZIP", State: firmware.Failed, Extent: e, Strong: true, Expected: fmt.Sprintf("%d bytes of content", unpacked), Found: err.Error()}
				return false
			}
		case len(data) != unpacked:
			wrong = &firmware.Check{What: what, Method: "size", State: firmware.Failed, Extent: e, Strong: true, Expected: fmt.Sprintf("%d bytes", unpacked), Found: fmt.Sprintf("%d bytes", len(data))}
			return false
		}
		out.size += int64(len(plain))
		if out.size > k.total(n) {
			return false // told by its size
		}
		if out.source != nil {
			if _, err := out.source.Write(plain); err != nil {
				out.source, out.why = nil, err.Error()
			}
		}
		return true
	})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for e := range summed.All() {
		part.Checks = append(part.Checks, firmware.Check{What: what, Method: "sum of 32 bits", State: firmware.Passed, Extent: e, Strong: true, Expected: "the sum of each block", Found: "the sum of each block"})
	}
	_, broken := cursor.IsCorrupt(err)
	switch {
	case wrong != nil:
		part.Checks, out.why = append(part.Checks, *wrong), "a block in front of its end was changed"
	case err != nil && !broken:
		part.Checks = append(part.Checks, firmware.Check{What: what, Method: "sum of 32 bits", State: firmware.Cannot, Extent: block.Between(last, k.size), Why: err.Error()})
		out.why = err.Error()
	case err != nil && k.size > src.Size():
		out.why = "the file ends inside of it" // and is told to be cut
	case err != nil:
		part.Checks = append(part.Checks, firmware.Check{What: what, Method: "structure", State: firmware.Failed, Extent: block.Between(f.start, k.size), Expected: fmt.Sprintf("%d blocks", f.blocks), Found: err.Error()})
		out.why = "its blocks cannot be read"
	case way > packedMSZIP:
		out.why = "packed by " + map[uint16]string{packedQuantum: "Quantum", packedLZX: "LZX"}[way] + ", which is not unpacked"
	case out.size != k.total(n):
		part.Checks = append(part.Checks, firmware.Check{What: what, Method: "size", State: firmware.Failed, Extent: block.Between(f.start, last), Expected: fmt.Sprintf("%d bytes of files", k.total(n)), Found: fmt.Sprintf("%d bytes", out.size)})
		out.why = "the folder has another size"
	case out.source == nil:
		out.why = "there is no room to unpack it"
	default:
		out.whole = true
	}
	out.end = last
	return out, nil
}

// inflater unpacks the blocks of a folder, each of which goes on from what came out of those before.
type inflater struct {
	window []byte
	out    []byte
	r      io.ReadCloser
}

const maxBlock = 32 << 10

func newInflater() *inflater {
	return &inflater{out: make([]byte, 0, maxBlock+1), r: flate.NewReader(bytes.NewReader(nil))}
}

// next returns the n bytes of a block.
func (f *inflater) next(data []byte, n int) ([]byte, error) {
	switch {
	case !bytes.HasPrefix(data, []byte("CK")):
		return nil, errors.New(`no "CK"`)
	case n > maxBlock:
		return nil, fmt.Errorf("more than %d bytes", maxBlock)
	}
	if err := f.r.(flate.Resetter).Reset(bytes.NewReader(data[2:]), f.window); err != nil {
		return nil, err
	}
	got, err := io.ReadFull(f.r, f.out[:n+1])
	switch {
	case err == nil:
		return nil, fmt.Errorf("more than %d bytes", n)
	case !errors.Is(err, io.ErrUnexpectedEOF) && (n > 0 || !errors.Is(err, io.EOF)) || got != n:
		return nil, fmt.Errorf("%d bytes: %w", got, err)
	}
	f.window = append(f.window[:0], f.out[:n]...)
	return f.window, nil
}
