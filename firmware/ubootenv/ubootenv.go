package ubootenv

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/region"
)

// Format is the row of this package in the table of firmware formats.
func Format() firmware.Format {
	return firmware.Format{Name: "ubootenv", Title: "U-Boot environment", Probes: probes(), Look: look, Open: open}
}

// probes are for the variables that stand first, since they are sorted: at the start of a sector, behind the sum, or behind
// the sum and the flag.
func probes() (out []probe.Probe) {
	for _, first := range []string{"BOOT_", "altbootcmd=", "arch=", "baudrate=", "board=", "board_name=", "bootargs=", "bootcmd=", "bootcount=", "bootdelay=", "ethaddr="} {
		for _, at := range []int64{4, 5} {
			out = append(out, probe.Probe{ID: fmt.Sprintf("firmware.ubootenv.%s%d", strings.ToLower(strings.TrimRight(first, "=_")), at), Bytes: []byte(first), At: at, Align: 512})
		}
	}
	return out
}

const lookBytes = 64 << 10

func look(ctx context.Context, src block.Source) (firmware.Sighting, error) {
	p, err := head(src, lookBytes)
	if err != nil {
		return firmware.Sighting{}, region.NotHere(err)
	}
	e, err := parse(p)
	if err != nil {
		// The first of two may be torn, and the second tells that it is one.
		if all, _ := Copies(ctx, block.Bytes(p)); len(all) == 2 && all[1].Sound {
			return firmware.Sighting{Title: "U-Boot environment", Size: all[1].Offset + all[1].Size}, nil
		}
	}
	if _, broken := cursor.IsCorrupt(err); err != nil && !broken || len(e.Variables) == 0 {
		return firmware.Sighting{}, cursor.ErrNot
	}
	// A sum that does not fit over these bytes may fit over more. Without one, what stands behind the variables must be
	// filling: the values that are built into U-Boot look the same, and stand among its other data.
	if rest := p[min(e.ListEnd, int64(len(p))):]; err != nil && (len(rest) < minSize || !filled(rest)) {
		return firmware.Sighting{}, cursor.ErrNot
	}
	s := firmware.Sighting{Title: "U-Boot environment", Size: e.Size, Version: version(&e)}
	if n, ok := e.Get("board_name"); ok {
		s.Name = n
	} else {
		s.Name, _ = e.Get("board")
	}
	return s, nil
}

// filled reports whether all bytes are 0, or all are FF.
func filled(p []byte) bool {
	for _, b := range p {
		if b != p[0] || b != 0 && b != 0xFF {
			return false
		}
	}
	return true
}

// version is that of the U-Boot which wrote the environment, as far as it noted it.
func version(e *Env) string {
	v, _ := e.Get("ver")
	return v
}

func open(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	copies, err := Copies(ctx, src)
	if err != nil {
		return nil, region.NotHere(err)
	}
	var current *Env
	part := &firmware.Part{Title: "U-Boot environment", Role: firmware.Settings}
	if len(copies) == 1 && copies[0].Offset == 0 {
		e := &copies[0].Env
		current = e
		part.Checks, part.Announced = checks(e, copies[0].Err, src.Size()), e.Size
		if e.Redundant {
			part.Title += ", one copy of two"
		}
		part.Title += words(e)
	} else {
		choice := Choice{Why: "it is the only one whose sum fits"}
		if len(copies) == 2 {
			choice = Current(&copies[0].Env, &copies[1].Env)
		}
		current = &copies[max(choice.Index, 0)].Env
		for i := range copies {
			c := &copies[i]
			size := c.Size
			if size == 0 {
				size = max(copies[len(copies)-1-i].Size, c.ListEnd)
			}
			child := region.Part(src, fmt.Sprintf("copy at %#x", c.Offset), firmware.Settings, block.Extent{Offset: c.Offset, Length: size})
			child.Format, child.Title = "ubootenv", "U-Boot environment"+words(&c.Env)
			if i == choice.Index {
				child.Title += ", in force: " + choice.Why
			}
			child.Checks = checks(&c.Env, c.Err, child.Size)
			part.Children = append(part.Children, child)
			part.Announced = max(part.Announced, child.Offset+child.Size)
		}
	}
	part.Claims = claims(current)
	if slices.ContainsFunc(current.Variables, func(v Variable) bool { return own(v.Name) }) {
		part.Installs = append(part.Installs, firmware.Install{Unique: true})
	}
	gaps(ctx, src, part, o)
	return part, ctx.Err()
}

// words say of what an environment consists.
func words(e *Env) string {
	s := fmt.Sprintf(", %d variables", len(e.Variables))
	if e.Redundant {
		s += fmt.Sprintf(", flag %d", e.Flag)
	}
	return s
}

// checks are those of one copy.
func checks(e *Env, err error, size int64) []firmware.Check {
	from := int64(4)
	if e.Redundant {
		from = 5
	}
	if err != nil {
		return []firmware.Check{{What: "variables", Method: "CRC-32", State: firmware.Failed, Extent: block.Between(from, size), Strong: true, Expected: fmt.Sprintf("%08x", e.Sum), Found: "another over every size",
			Why: "it was torn while it was written, was changed, or the file ends inside of it"}}
	}
	out := []firmware.Check{
		firmware.Sum32("variables", "CRC-32", block.Between(from, e.Size), e.Sum, e.Sum),
		{What: "sum", Method: "CRC-32", State: firmware.Passed, Extent: block.Extent{Length: 4}, Strong: true, Expected: fmt.Sprintf("%08x", e.Sum), Found: fmt.Sprintf("%08x", e.Sum)},
	}
	if e.Redundant {
		out = append(out, firmware.Check{What: "flag", Method: "sum", State: firmware.Cannot, Extent: block.Extent{Offset: 4, Length: 1}, Expected: "", Found: fmt.Sprint(e.Flag), Why: "no sum covers it, so that nothing tells whether it was changed"})
	}
	return out
}

// gaps checks the padding between and behind the copies, and opens what else stands there.
func gaps(ctx context.Context, src block.Source, part *firmware.Part, o *firmware.Opening) {
	used := block.SetOf(block.Extent{Length: part.Announced})
	for i, c := range part.Children {
		if i == 0 {
			used = block.Set{}
		}
		used.Add(block.Extent{Offset: c.Offset, Length: c.Size})
	}
	for e := range used.Complement(block.Extent{Length: src.Size()}).All() {
		if part.Announced == 0 {
			return // its size is not known
		}
		if c, ok := region.Filled(ctx, src, "padding", e); ok {
			part.Checks = append(part.Checks, c)
		} else {
			rest := region.Part(src, "beside the environment", firmware.Data, e)
			if e.Offset > 0 {
				o.Inner(ctx, rest)
			}
			part.Children = append(part.Children, rest)
		}
	}
}

// own reports whether a variable is one that only this unit has.
func own(name string) bool {
	return name == "serial#" || strings.HasPrefix(name, "eth") && strings.HasSuffix(name, "addr") || strings.HasPrefix(name, "wlan") && strings.HasSuffix(name, "addr") || name == "btaddr"
}

// claims are the board and its revision, under the names that boards use.
func claims(e *Env) (out []firmware.Claim) {
	for _, k := range []struct {
		kind  firmware.ClaimKind
		names []string
	}{
		{firmware.Board, []string{"board_name", "board"}},
		{firmware.Hardware, []string{"board_rev", "board_revision", "hw_rev", "hwrev"}},
	} {
		for _, name := range k.names {
			if v, ok := e.Get(name); ok && v != "" {
				out = append(out, firmware.Claim{Kind: k.kind, Values: []string{v}})
				break
			}
		}
	}
	return out
}
