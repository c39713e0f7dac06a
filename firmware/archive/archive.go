package archive

import (
	"context"
	"slices"
	"strings"

	"salvor/block"
	"salvor/cursor"
	"salvor/finding"
	"salvor/firmware"
	"salvor/firmware/internal/cpio"
	"salvor/firmware/internal/fsimage"
	"salvor/firmware/internal/region"
	"salvor/firmware/internal/tarball"
)

const (
	// maxOpened is how many members an archive may have and be taken for a package.
	maxOpened = 256
	// maxListed is how many files of a tree are parts of their own.
	maxListed = 256
)

// Findings are the declared findings of this package.
var Findings = []*finding.Def{tree}

var tree = &finding.Def{Code: "firmware.archive.tree", Severity: finding.Info,
	Text: "the archive has {found} members: a tree of files, whose files were not opened one by one (at most {expected} are)"}

// Formats are the rows of this package in the table of firmware formats.
func Formats() []firmware.Format {
	return append([]firmware.Format{
		{Name: "zip", Title: "zip archive", Look: lookZip, Open: openZip},
		{Name: "tar", Title: "tar archive", Look: lookTar, Open: openTar},
		{Name: "cpio", Title: "cpio archive", Look: lookCPIO, Open: openCPIO},
	}, packed()...)
}

// member is a file of any archive, which stands in it as it is.
type member struct {
	name string
	data block.Extent
	sum  func(p *firmware.Part) // adds the check of the content, nil without one
}

// open makes members parts, and opens them unless they are a tree of files.
func open(ctx context.Context, src block.Source, o *firmware.Opening, part *firmware.Part, members []member) {
	if len(members) > maxOpened {
		part.Findings = append(part.Findings, tree.New(finding.Expected(maxOpened, len(members))))
	}
	for i := range members {
		if i >= maxListed || ctx.Err() != nil {
			return
		}
		m := &members[i]
		child := region.Part(src, m.name, roleOf(m.name), m.data)
		if m.sum != nil {
			m.sum(child)
		}
		if len(members) <= maxOpened && child.Size > 0 {
			o.Inner(ctx, child)
		}
		part.Children = append(part.Children, child)
	}
}

// fewer tells the checks of a tree of files in few words: those that were not passed, and what the others cover.
func fewer(checks []firmware.Check, members int) []firmware.Check {
	if members <= maxOpened {
		return checks
	}
	var out []firmware.Check
	var proven block.Set
	for _, c := range checks {
		switch {
		case c.State != firmware.Passed:
			out = append(out, c)
		case c.Strong:
			proven.Add(c.Extent)
		}
	}
	return append(out, stretches("members", "headers, filling and sums", proven)...)
}

// maxStretches is how many stretches of bytes are told to be proven. What is left out counts as covered by nothing.
const maxStretches = 50_000

// stretches are the passed checks over a set.
func stretches(what, method string, s block.Set) (out []firmware.Check) {
	for e := range s.All() {
		if len(out) == maxStretches {
			break
		}
		out = append(out, firmware.Check{What: what, Method: method, State: firmware.Passed, Extent: e, Strong: true})
	}
	return out
}

// roleOf guesses by a name what a file is for; a format that reads the file knows better.
func roleOf(name string) firmware.Role {
	base := strings.ToLower(name[strings.LastIndexByte(name, '/')+1:])
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(base, p) })
	}
	switch {
	case has("u-boot", "uboot", "bootloader", "barebox"):
		return firmware.BootLoader
	case strings.HasSuffix(base, ".dtb"):
		return firmware.DeviceTree
	case has("uimage", "zimage", "vmlinu", "kernel"):
		return firmware.Kernel
	case has("rootfs", "squashfs"):
		return firmware.RootFS
	case strings.HasSuffix(base, ".sh") || has("script"):
		return firmware.Script
	case strings.HasSuffix(base, ".txt") || strings.HasSuffix(base, ".md") || strings.HasSuffix(base, ".pdf") || strings.HasSuffix(base, ".json"):
		return firmware.Metadata
	}
	return firmware.Data
}

func lookTar(_ context.Context, src block.Source) (firmware.Sighting, error) {
	p, err := cursor.Read(src, "tar archive: header", 0, 512, 512)
	if err != nil {
		return firmware.Sighting{}, region.NotHere(err)
	}
	// The oldest archives have no magic number, and any text may look like one of them.
	if string(p[257:262]) != "ustar" {
		return firmware.Sighting{}, cursor.ErrNot
	}
	var sum, want uint32
	for i, c := range p {
		if i >= 148 && i < 156 {
			if c >= '0' && c <= '7' {
				want = want<<3 | uint32(c-'0')
			}
			c = ' '
		}
		sum += uint32(c)
	}
	if sum != want {
		return firmware.Sighting{}, cursor.ErrNot
	}
	return firmware.Sighting{Title: "tar archive"}, nil
}

func openTar(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	if _, err := lookTar(ctx, src); err != nil {
		return nil, err
	}
	a, err := tarball.Read(ctx, src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: "tar archive", Role: firmware.Package}
	end := src.Size()
	if a.Broken == nil {
		end = zeros(ctx, src, a.End) &^ 511
		if rest := src.Size() - end; rest < 512 {
			end = src.Size()
		}
	}
	part.Checks = fewer(a.Checks(ctx, block.Section(src, block.Extent{Length: end})), len(a.Members))
	var members []member
	for _, m := range a.Members {
		// What a header beside the first block says is names and times: the size is in the first one, too.
		if m.Header.Length > 512 {
			part.Unused.Add(block.Extent{Offset: m.Header.Offset, Length: m.Header.Length - 512})
		}
		if m.File {
			members = append(members, member{name: m.Name, data: m.Data})
		}
	}
	open(ctx, src, o, part, members)
	behind(ctx, src, end, part, o)
	return part, ctx.Err()
}

// zeros returns where the zeros that begin at an offset end.
func zeros(ctx context.Context, src block.Source, at int64) int64 {
	e := fsimage.Fill(ctx, src, block.Between(min(at, src.Size()), src.Size()))
	if e.Length > 0 {
		var p [1]byte
		if _, err := src.ReadAt(p[:], e.Offset); err != nil || p[0] != 0 {
			return at
		}
	}
	return at + e.Length
}

// behind opens what stands behind an archive.
func behind(ctx context.Context, src block.Source, end int64, part *firmware.Part, o *firmware.Opening) {
	if rest := block.Between(end, src.Size()); end > 0 && rest.Length > 0 {
		child := region.Part(src, "behind the archive", firmware.Data, rest)
		o.Inner(ctx, child)
		part.Children = append(part.Children, child)
	}
}

func lookCPIO(_ context.Context, src block.Source) (firmware.Sighting, error) {
	if _, err := cpio.Look(src); err != nil {
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: "cpio archive"}, nil
}

// openCPIO opens an archive of cpio. An initial RAM disk may have several of them one behind the other, also packed ones.
func openCPIO(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	a, err := cpio.Read(ctx, src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: "cpio archive", Role: firmware.Package, Unused: a.Unused()}
	end := src.Size()
	if a.Last.Length > 0 {
		end = zeros(ctx, src, a.End) &^ 3
		if src.Size()-end < 4 {
			end = src.Size()
		}
	}
	part.Checks = fewer(a.Checks(ctx, block.Section(src, block.Extent{Length: end})), len(a.Members))
	var members []member
	for _, m := range a.Members {
		if m.File && m.Data.Length > 0 {
			members = append(members, member{name: m.Name, data: m.Data})
		}
	}
	open(ctx, src, o, part, members)
	behind(ctx, src, end, part, o)
	return part, ctx.Err()
}
