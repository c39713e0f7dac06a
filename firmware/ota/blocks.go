package ota

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"salvor/block"
	"salvor/cursor"
	"salvor/finding"
	"salvor/firmware"
	"salvor/firmware/internal/android"
)

const (
	blockSize  = 4096
	maxSteps   = 2 << 20
	maxRanges  = 4 << 20
	structList = "Android list of blocks"
)

// list is a list of blocks: what is written where, in order.
type list struct {
	version, total int64
	steps, needOld int
	fresh          []block.Extent // bytes of the partition that come from the data, in order
	zeros          []block.Extent
	size           int64 // of the partition, as far as something is written
}

// parseList reads a list of blocks of versions 1 to 4.
func parseList(text string) (*list, error) {
	l := &list{}
	ranges, line := 0, 0
	bad := func(expected, found any) error {
		return cursor.Corrupt(structList, -1, expected, fmt.Sprintf("%v in line %d", found, line))
	}
	for s := range strings.Lines(text) {
		line++
		f := strings.Fields(s)
		switch {
		case line <= 2 || l.version >= 2 && line <= 4:
			n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
			if err != nil || n < 0 || line == 1 && (n < 1 || n > 4) {
				return nil, bad("a number", fmt.Sprintf("%.40q", s))
			}
			switch line {
			case 1:
				l.version = n
			case 2:
				l.total = n
			}
			continue
		case len(f) == 0:
			continue
		}
		if l.steps++; l.steps > maxSteps {
			return nil, bad(fmt.Sprintf("at most %d steps", maxSteps), "more")
		}
		switch f[0] {
		case "new", "zero", "erase":
			if len(f) != 2 {
				return nil, bad("one list of ranges", len(f)-1)
			}
			r, err := parseRanges(f[1])
			if err != nil {
				return nil, bad("ranges of blocks", err)
			}
			if ranges += len(r); ranges > maxRanges {
				return nil, bad(fmt.Sprintf("at most %d ranges", maxRanges), "more")
			}
			for _, e := range r {
				l.size = max(l.size, e.End())
			}
			if f[0] == "new" {
				l.fresh = append(l.fresh, r...)
			} else {
				l.zeros = append(l.zeros, r...)
			}
		case "move", "bsdiff", "imgdiff", "stash", "free", "compute_hash_tree", "abort":
			if f[0] == "move" || f[0] == "bsdiff" || f[0] == "imgdiff" {
				l.needOld++
			}
		default:
			return nil, bad("a step that is known", fmt.Sprintf("%.40q", f[0]))
		}
	}
	if line < 2 {
		return nil, bad("a list", "its end")
	}
	return l, nil
}

// parseRanges reads "4,0,10,20,30": how many numbers follow, then first blocks and the ones behind the last.
func parseRanges(s string) ([]block.Extent, error) {
	f := strings.Split(s, ",")
	count, err := strconv.Atoi(f[0])
	if err != nil || count != len(f)-1 || count%2 != 0 || count == 0 {
		return nil, fmt.Errorf("%.40q", s)
	}
	var out []block.Extent
	for i := 1; i < len(f); i += 2 {
		a, err1 := strconv.ParseInt(f[i], 10, 64)
		b, err2 := strconv.ParseInt(f[i+1], 10, 64)
		if err1 != nil || err2 != nil || a < 0 || b <= a || b > 1<<36 {
			return nil, fmt.Errorf("%s to %s", f[i], f[i+1])
		}
		out = append(out, block.Extent{Offset: a * blockSize, Length: (b - a) * blockSize})
	}
	return out, nil
}

// runs are where the bytes of the partition stand in the data. ok is false when ranges overlap.
func (l *list) runs() (runs []block.Run, ok bool) {
	var at int64
	for _, e := range l.fresh {
		runs = append(runs, block.Run{Logical: e.Offset, Physical: at, Length: e.Length})
		at += e.Length
	}
	slices.SortFunc(runs, func(a, b block.Run) int { return int(min(max(a.Logical-b.Logical, -1), 1)) })
	var data block.Set
	for i, r := range runs {
		if i > 0 && runs[i-1].Logical+runs[i-1].Length > r.Logical {
			return nil, false
		}
		data.Add(r.LogicalExtent())
	}
	// What is erased or set to zero, and then written, is what was written.
	for e := range data.Complement(block.Extent{Length: l.size}).All() {
		runs = append(runs, block.Run{Logical: e.Offset, Length: e.Length, Kind: block.Zero})
	}
	return runs, true
}

// blocks opens the partitions that lists of blocks make from nothing.
func (p *pkg) blocks(ctx context.Context, o *firmware.Opening) {
	for _, child := range p.part.Children {
		name, ok := strings.CutSuffix(child.Name, ".transfer_list")
		if !ok || ctx.Err() != nil {
			continue
		}
		where := p.target(child.Name)
		check := firmware.Check{What: "list of blocks", Method: "structure", State: firmware.Passed, Extent: block.Extent{Length: child.Size}}
		l, err := parseList(p.text(child.Name))
		if err != nil {
			check.State, check.Expected, check.Found = firmware.Failed, "a list of blocks", err.Error()
			child.Checks = append(child.Checks, check)
			continue
		}
		child.Installs = append(child.Installs, android.Install(where, l.size))
		if l.needOld > 0 {
			child.Findings = append(child.Findings, incremental.New(finding.Arg("name", where), finding.Arg("count", l.needOld), finding.Arg("all", l.steps)))
		}
		data := p.parts[name+".new.dat"]
		if data == nil {
			if data = p.parts[name+".new.dat.br"]; data == nil {
				continue
			}
			packed := content(data)
			o.Unpack(ctx, packed, "brotli")
			if n := len(packed.Children); n == 0 || !packed.Children[n-1].Unpacked {
				continue // no room to unpack it, or it is broken: its own check says so
			} else {
				data = packed.Children[n-1]
			}
		} else {
			data = content(data)
		}
		var fresh int64
		for _, e := range l.fresh {
			fresh += e.Length
		}
		check.Expected, check.Found = fmt.Sprintf("%d bytes of data", fresh), fmt.Sprintf("%d bytes of data", data.Size)
		if fresh != data.Size {
			check.State = firmware.Failed
		}
		runs, disjoint := l.runs()
		if !disjoint {
			check.State, check.Expected, check.Found = firmware.Failed, "each block written once", "blocks that are written twice"
		}
		child.Checks = append(child.Checks, check)
		if check.State != firmware.Passed || l.needOld > 0 || fresh == 0 {
			continue
		}
		made := &firmware.Part{Name: where, Role: android.Role(where), Size: l.size, Source: block.Join(data.Source, runs, l.size), Unpacked: true}
		o.Inner(ctx, made)
		data.Children = append(data.Children, made)
	}
}
