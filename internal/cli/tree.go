package cli

import (
	"fmt"
	"io"
	"strings"

	"salvor/host"
	"salvor/internal/wire"
)

// printTree prints layers, parents before children, as a tree with places, sizes and marks.
func printTree(w io.Writer, list []wire.Layer) {
	depth := map[string]int{}
	for _, l := range list {
		d := 0
		if l.Parent != "" {
			d = depth[l.Parent] + 1
		}
		depth[l.ID] = d
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
		if l.Volume > 0 {
			id = "  " + l.ID
		}
		if l.UUID != "" && (l.Volume > 0 || l.Rival) {
			id += "  " + show(l.UUID)
		}
		fmt.Fprintf(w, "%s%-*s  at %-12s %10s%s%s\n", strings.Repeat("  ", d), max(36-2*d, 1), name,
			fmt.Sprintf("0x%x", l.Offset), host.Bytes(l.Size), id, mark)
		for _, f := range l.Findings {
			fmt.Fprintf(w, "%s  - %s\n", strings.Repeat("  ", d), show(f.String()))
		}
	}
}
