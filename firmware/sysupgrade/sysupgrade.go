package sysupgrade

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/region"
	"salvor/firmware/internal/tarball"
)

const (
	prefix     = "sysupgrade-"
	maxControl = 4096
)

// member is a file of an archive, and the volume or partition that it goes to.
type member struct {
	name  string
	role  firmware.Role
	where string
}

// members are the files of an archive, as sysupgrade takes them.
var members = []member{
	{"kernel", firmware.Kernel, "kernel"},
	{"root", firmware.RootFS, "rootfs"},
	{"dtb", firmware.DeviceTree, "dtb"},
	{"ramdisk", firmware.Ramdisk, "ramdisk"},
}

// Format is the row of this package in the table of firmware formats.
func Format() firmware.Format {
	return firmware.Format{Name: "sysupgrade", Title: "OpenWrt sysupgrade archive", Look: look, Open: open}
}

func look(_ context.Context, src block.Source) (firmware.Sighting, error) {
	const structure = "OpenWrt sysupgrade archive: first header"
	p, err := cursor.Read(src, structure, 0, 512, 512)
	if err != nil {
		return firmware.Sighting{}, region.NotHere(err)
	}
	name, _, _ := bytes.Cut(p[:100], []byte{0})
	board, _, folder := strings.Cut(strings.TrimPrefix(string(name), prefix), "/")
	if !folder || board == "" || !bytes.HasPrefix(name, []byte(prefix)) || string(p[257:262]) != "ustar" {
		return firmware.Sighting{}, cursor.ErrNot
	}
	return firmware.Sighting{Title: "OpenWrt sysupgrade archive", Name: board}, nil
}

func open(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	s, err := look(ctx, src)
	if err != nil {
		return nil, err
	}
	a, err := tarball.Read(ctx, src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: "OpenWrt sysupgrade archive for " + s.Name, Role: firmware.Package}
	part.Checks = a.Checks(ctx, src)
	names := []string{s.Name}
	if other := strings.Replace(s.Name, "_", ",", 1); other != s.Name {
		names = append(names, other)
	}
	part.Claims = []firmware.Claim{{Kind: firmware.Board, Values: names}}
	seen := map[string]bool{}
	for _, m := range a.Members {
		name, inside := strings.CutPrefix(m.Name, prefix+s.Name+"/")
		if !m.File || m.Data.Length == 0 {
			continue
		}
		if inside && name == "CONTROL" {
			part.Children = append(part.Children, control(src, m.Data, s.Name))
			seen[name] = true
			continue
		}
		child := region.Part(src, name, firmware.Data, m.Data)
		if at := slices.IndexFunc(members, func(k member) bool { return inside && k.name == name }); at >= 0 {
			seen[name] = true
			child.Role = members[at].role
			child.Installs = []firmware.Install{{Where: members[at].where, Needs: m.Data.Length}}
		}
		o.Inner(ctx, child)
		part.Children = append(part.Children, child)
	}
	if !seen["CONTROL"] || !seen["kernel"] && !seen["root"] {
		part.Checks = append(part.Checks, firmware.Check{What: "archive", Method: "structure", State: firmware.Failed, Extent: block.Extent{Length: src.Size()},
			Expected: "CONTROL, and a kernel or a root file system", Found: fmt.Sprintf("%d files of others", len(part.Children))})
	}
	return part, ctx.Err()
}

// control holds the file CONTROL against the name of the folder.
func control(src block.Source, e block.Extent, board string) *firmware.Part {
	child := region.Part(src, "CONTROL", firmware.Metadata, e)
	c := firmware.Check{What: "board", Method: "structure", State: firmware.Passed, Extent: block.Extent{Length: child.Size}, Strong: true, Expected: "BOARD=" + board}
	p, err := cursor.Read(src, "OpenWrt sysupgrade archive: CONTROL", e.Offset, e.Length, maxControl)
	switch c.Found = string(bytes.TrimSuffix(p, []byte{'\n'})); {
	case err != nil:
		c.State, c.Why, c.Found = firmware.Cannot, err.Error(), ""
	case c.Found != c.Expected:
		c.State = firmware.Failed
		c.Found = c.Found[:min(len(c.Found), 200)]
	}
	child.Checks = append(child.Checks, c)
	return child
}
