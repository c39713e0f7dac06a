package cli

import (
	"fmt"
	"io"
	"strings"

	"salvor/host"
	"salvor/internal/wire"
)

// printTree prints layers as a tree with places, sizes and marks: what stands in what, through volumes that several
// disks give, which stand below the first of these.
func printTree(w io.Writer, list []wire.Layer) {
	known := map[string]bool{}
	for _, l := range list {
		known[l.ID] = true
	}
	below := map[string][]int{}
	for i, l := range list {
		parent := l.Parent
		if !known[parent] || parent == l.ID {
			parent = ""
		}
		below[parent] = append(below[parent], i)
	}
	var walk func(parent string, depth int)
	walk = func(parent string, depth int) {
		for _, i := range below[parent] {
			printLayer(w, &list[i], depth)
			if depth < maxTreeDepth {
				walk(list[i].ID, depth+1)
			}
		}
	}
	walk("", 0)
}

// maxTreeDepth bounds the walk over layers whose parents a damaged catalogue makes a ring of.
const maxTreeDepth = 64

func printLayer(w io.Writer, l *wire.Layer, depth int) {
	name := l.Kind
	if l.Label != "" {
		name += ` "` + show(l.Label) + `"`
	}
	mark := ""
	switch {
	case l.Rival:
		mark = fmt.Sprintf("  [other reading, score %d]", l.Score)
	case l.State != "good":
		mark = "  [" + l.State + "]"
	}
	id := ""
	if l.Volume > 0 || len(l.Members) > 0 {
		id = "  " + show(l.ID)
	}
	if l.Detail != "" {
		id += "  " + show(l.Detail)
	}
	if l.Set != "" && l.State != "missing" {
		id += "  -> " + show(l.Set)
	}
	if l.UUID != "" && (l.Volume > 0 || l.Rival) {
		id += "  " + show(l.UUID)
	}
	indent := strings.Repeat("  ", depth)
	if l.State == "missing" && l.Size == 0 {
		fmt.Fprintf(w, "%s%s%s\n", indent, name, mark)
	} else {
		fmt.Fprintf(w, "%s%-*s  at %-12s %10s%s%s\n", indent, max(36-2*depth, 1), name, fmt.Sprintf("0x%x", l.Offset), host.Bytes(l.Size), id, mark)
	}
	for _, f := range l.Findings {
		fmt.Fprintf(w, "%s  - %s\n", indent, show(f.String()))
	}
}
