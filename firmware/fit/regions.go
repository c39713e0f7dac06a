package fit

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware/internal/fdt"
)

// unsigned are the properties that no signature of a configuration covers: the data, whose hash it covers, and where they
// are, which changes when they are moved behind the tree.
var unsigned = []string{"data", "data-size", "data-position", "data-offset"}

const maxRegions = 4096

// wants says how much of a node is signed.
type wants uint8

const (
	nothing wants = iota
	bounds        // that it begins and ends
	all           // its properties too
)

// regions returns the bytes that a signature over nodes covers, in the order in which they are hashed: of each node that is
// named, its properties and where it and its children begin and end; and the end of the tree.
func regions(ctx context.Context, src block.Source, h *fdt.Header, nodes []string) ([]block.Extent, error) {
	const name = "FIT image: signed nodes"
	var out []block.Extent
	var path []string
	var stack []wants
	want, start := nothing, int64(-1)
	close := func(at int64) {
		if start >= 0 {
			out = append(out, block.Between(start, at))
		}
		start = -1
	}
	end := int64(0)
	err := h.Walk(ctx, src, func(t *fdt.Token) error {
		include := false
		// Where a region ends that this token is not of: behind it, unless it stands before a property or a node.
		stop := t.Extent.Offset
		switch t.Kind {
		case fdt.Property:
			include = want == all && !slices.Contains(unsigned, t.Name)
		case fdt.Nop:
			include = want == all
		case fdt.BeginNode:
			if len(stack) >= 32 {
				return cursor.Corrupt(name, t.Extent.Offset, "at most 32 levels", "more")
			}
			stack = append(stack, want)
			path = append(path, t.Name)
			if slices.Contains(nodes, pathOf(path)) {
				want = all
			} else if want > nothing {
				want--
			}
			include = want > nothing
		case fdt.EndNode:
			if len(stack) == 0 {
				return cursor.Corrupt(name, t.Extent.Offset, "a node that begins", "the end of one")
			}
			include = want > nothing
			want, stack, path = stack[len(stack)-1], stack[:len(stack)-1], path[:len(path)-1]
			stop = t.Extent.End()
		case fdt.End:
			include, end = true, t.Extent.End()
		}
		switch {
		case include && start < 0:
			start = t.Extent.Offset
			if n := len(out); n > 0 && out[n-1].End() == start {
				start, out = out[n-1].Offset, out[:n-1]
			}
		case !include:
			close(stop)
		}
		if len(out) > maxRegions {
			return cursor.Corrupt(name, t.Extent.Offset, fmt.Sprintf("at most %d regions", maxRegions), "more")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if end != h.Struct.End() {
		return nil, cursor.Corrupt(name, end, "the end of the tree at the end of its block", fmt.Sprintf("%d bytes behind it", h.Struct.End()-end))
	}
	close(end)
	return out, nil
}

// pathOf joins names of nodes; the root's is empty.
func pathOf(names []string) string {
	if len(names) == 1 {
		return "/"
	}
	return strings.Join(names, "/")
}
