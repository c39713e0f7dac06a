package damage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/fsimage"
	"salvor/firmware/internal/region"
)

const (
	headBytes = 1 << 20
	pageBytes = 64 << 10
	leastFill = 16
	// leastDense is how many bytes must be seen before they are said to have no order, and dense how many bits of
	// information each of them must carry.
	leastDense = 4096
	dense      = 7.95
)

// Format is the last row of the table of firmware formats: it takes what no other did.
func Format() firmware.Format {
	return firmware.Format{Name: "unknown", Title: "file of no known format", Open: open}
}

func open(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	size := src.Size()
	all := block.Extent{Length: size}
	_, itself := o.File()
	if size == 0 {
		if !itself {
			return nil, cursor.ErrNot
		}
		return wrong("empty file", all, "0 bytes", "nothing was written, or the download never began"), nil
	}
	head := make([]byte, min(headBytes, size))
	n, err := src.ReadAt(head, 0)
	if head = head[:n]; n == 0 || err != nil && !errors.Is(err, io.EOF) && n < pageBytes {
		return nil, cursor.ErrNot // what cannot be read is told by nobody as something
	}
	if head[0] == 0 || head[0] == 0xFF {
		if p := filled(ctx, src, o, itself); p != nil {
			return p, nil
		}
	}
	if !itself {
		return nil, cursor.ErrNot
	}
	if p, ok := recognise(head[:min(len(head), pageBytes)], size <= pageBytes); ok {
		part := &firmware.Part{Title: p.words(), Announced: p.size}
		if p.wrong {
			part = wrong(p.words(), all, p.words(), "the server answered with it instead of the file: download it again")
			part.Announced = p.size
		}
		return part, nil
	}
	if p := exchanged(ctx, src, o); p != nil {
		return p, nil
	}
	if how := firmware.TextMode(ctx, src); how != "" {
		return wrong("file that was changed as if it were text", all, how, "it went through a transfer in text mode: transfer it again in binary mode"), nil
	}
	return without(head, all)
}

// wrong is a file that cannot be what it should be.
func wrong(title string, all block.Extent, found, why string) *firmware.Part {
	return &firmware.Part{Title: title, Checks: []firmware.Check{{What: "content", Method: firmware.Recognition, State: firmware.Failed, Extent: all,
		Expected: "an update package or an image", Found: found, Why: why}}}
}

// filled tells a file or part of one value, and opens what stands behind filling at the start.
func filled(ctx context.Context, src block.Source, o *firmware.Opening, itself bool) *firmware.Part {
	all := block.Extent{Length: src.Size()}
	fill := fsimage.Fill(ctx, src, all)
	value := []byte{0}
	if _, err := src.ReadAt(value, 0); err != nil || fill.Length < min(leastFill, all.Length) {
		return nil
	}
	words := fmt.Sprintf("%#02x", value[0])
	check := region.Padding(ctx, src, "filling", fill, value[0])
	if fill.Length == all.Length {
		if itself {
			return wrong("nothing but "+words, all, fmt.Sprintf("%d bytes of %s", fill.Length, words), "an erased chip, or a download whose content never came")
		}
		check.Strong = false // nobody says that it should be so
		return &firmware.Part{Title: "filling with " + words, Checks: []firmware.Check{check}}
	}
	// What begins with such bytes itself begins on a place that is more even than the first other byte.
	for _, align := range []int64{4096, 512, 16, 4, 1} {
		at := fill.Length / align * align
		if at == 0 {
			continue
		}
		child := region.Part(src, "behind the filling", firmware.Data, block.Between(at, all.Length))
		child.Announced = 0
		o.Inner(ctx, child)
		if child.Format == "" {
			continue
		}
		check = region.Padding(ctx, src, "filling in front", block.Extent{Length: at}, value[0])
		return &firmware.Part{Title: fmt.Sprintf("%d bytes of %s, then %s", at, words, child.Title), Checks: []firmware.Check{check}, Children: []*firmware.Part{child}}
	}
	return nil
}

// exchanged opens the file with its bytes in another order.
func exchanged(ctx context.Context, src block.Source, o *firmware.Opening) *firmware.Part {
	for _, way := range orders {
		child := &firmware.Part{Name: "in the right order", Role: firmware.Data, Size: src.Size(), Source: swapped{src, way}, Unpacked: true}
		o.Inner(ctx, child)
		if child.Format == "" || !proven(child) {
			continue
		}
		part := &firmware.Part{Title: "byte-swapped " + child.Title, Children: []*firmware.Part{child}}
		part.Checks = []firmware.Check{{What: firmware.OrderOfBytes, Method: firmware.Recognition, State: firmware.Failed, Extent: block.Extent{Length: src.Size()},
			Expected: "the bytes of a " + child.Title + " in order", Found: way.words, Why: "it was read or written with another width of words; in the right order it can be unpacked"}}
		return part
	}
	return nil
}

// proven reports whether a strong check with a sum fits anywhere in a part.
func proven(p *firmware.Part) (ok bool) {
	p.Walk(func(x *firmware.Part, _ int) bool {
		for _, c := range x.Checks {
			ok = ok || c.State == firmware.Passed && c.Strong && c.Method != "padding" && c.Extent.Length >= 8
		}
		return !ok
	})
	return ok
}

// marks begin encrypted files whose makers say so.
var marks = []struct{ prefix, title string }{
	{"Salted__", "file encrypted by openssl enc"},
	{"age-encryption.org/v1", "file encrypted by age"},
	{"-----BEGIN PGP MESSAGE", "file encrypted by OpenPGP"},
}

// without tells bytes that have no order.
func without(head []byte, all block.Extent) (*firmware.Part, error) {
	for _, m := range marks {
		if strings.HasPrefix(string(head[:min(len(head), 64)]), m.prefix) {
			return nothing(m.title, all), nil
		}
	}
	if len(head) >= leastDense && entropy(head) >= dense-1024/float64(len(head)) {
		return nothing("encrypted or packed in an unknown way", all), nil
	}
	return nil, cursor.ErrNot
}

func nothing(title string, all block.Extent) *firmware.Part {
	return &firmware.Part{Title: title, Checks: []firmware.Check{{What: "content", Method: firmware.Recognition, State: firmware.Cannot, Extent: all,
		Why: "its bytes have no order that is known: nothing can be told of it without the maker's key or description"}}}
}

// entropy is how many bits of information a byte carries, by how often each value stands.
func entropy(p []byte) (bits float64) {
	var count [256]int
	for _, b := range p {
		count[b]++
	}
	for _, n := range count {
		if n > 0 {
			f := float64(n) / float64(len(p))
			bits -= f * math.Log2(f)
		}
	}
	return bits
}
