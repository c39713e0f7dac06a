package asparse

import (
	"context"
	"fmt"

	"salvor/block"
	"salvor/block/probe"
	"salvor/container/sparse"
	"salvor/cursor"
	"salvor/finding"
	"salvor/firmware"
	"salvor/firmware/internal/region"
)

const lookBytes = 64 << 10

// Format is the row of this package in the table of firmware formats.
func Format() firmware.Format {
	return firmware.Format{
		Name: "android-sparse", Title: "Android sparse image",
		Probes: []probe.Probe{{ID: "firmware.android-sparse.header", Bytes: []byte{0x3a, 0xff, 0x26, 0xed, 1, 0}, Align: 4}},
		Look:   look, Open: open,
	}
}

func look(ctx context.Context, src block.Source) (firmware.Sighting, error) {
	l, err := sparse.Stat(ctx, block.Section(src, block.Extent{Length: min(lookBytes, src.Size())}))
	if err != nil {
		return firmware.Sighting{}, region.NotHere(err)
	}
	if !l.Plain && l.Read == 0 {
		return firmware.Sighting{}, cursor.ErrNot
	}
	s := firmware.Sighting{Title: title(l)}
	if l.Read == l.Chunks {
		s.Size = l.End
	}
	return s, nil
}

func title(l *sparse.Layout) string {
	return fmt.Sprintf("Android sparse image of %d bytes", l.Blocks*l.BlockSize)
}

func open(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	l, err := sparse.Stat(ctx, src)
	if err != nil {
		return nil, region.NotHere(err)
	}
	part := &firmware.Part{Title: title(l), Role: firmware.Data}
	here := block.Extent{Length: min(l.End, src.Size())}
	list := firmware.Check{What: "list of chunks", Method: "structure", State: firmware.Passed, Extent: here,
		Expected: fmt.Sprintf("%d chunks of %d blocks", l.Chunks, l.Blocks), Found: fmt.Sprintf("%d chunks of %d blocks", l.Read, l.Known)}
	switch {
	case l.End > src.Size():
		part.Announced = l.End
		part.Checks = append(part.Checks, firmware.Cut("chunks", l.End, src.Size()))
	case l.Broken != nil && l.End+12 > src.Size():
		list.State, list.Why = firmware.Failed, "the file ends inside of it: a download or copy that was cut off"
	case l.Broken != nil:
		list.State, list.Why = firmware.Failed, l.Broken.Error()
	case l.Known != l.Blocks:
		list.State = firmware.Failed
	default:
		part.Announced = l.End
	}
	part.Checks = append(part.Checks, list)
	image, err := sparse.Open(ctx, src, "", nil)
	if err != nil {
		return nil, err
	}
	if image.Verify != nil && list.State == firmware.Passed {
		sums, err := image.Verify(ctx)
		if err != nil {
			return nil, err
		}
		size := fmt.Sprint(image.Source.Size())
		for _, f := range sums {
			part.Checks = append(part.Checks, sum(f, here, f.Args["count"] == size && l.Plain))
		}
	}
	child := &firmware.Part{Role: firmware.Data, Size: image.Source.Size(), Source: image.Source, Unpacked: true}
	o.Inner(ctx, child)
	part.Children = []*firmware.Part{child}
	if list.State == firmware.Passed {
		region.Behind(ctx, src, part, o, block.Between(l.End, src.Size()))
	}
	return part, ctx.Err()
}

// sum makes a check of what comparing a CRC-32 gave. One over the whole image, in a file whose fields all have the value
// that they must have, leaves no byte of the file open.
func sum(f finding.Finding, e block.Extent, whole bool) firmware.Check {
	c := firmware.Check{What: "content", Method: "CRC-32", Extent: e, Strong: whole, Expected: f.Expected, Found: f.Found}
	if n := f.Args["count"]; n != "" && !whole {
		c.What = "first " + n + " bytes of the content"
	}
	switch f.Code {
	case "sparse.sum.right":
		c.State, c.Found = firmware.Passed, f.Expected
	case "sparse.sum.wrong":
		c.State = firmware.Failed
	default:
		c.State, c.Why = firmware.Cannot, f.Text
	}
	return c
}
