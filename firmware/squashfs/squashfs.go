package squashfs

import (
	"context"
	"errors"
	"fmt"
	"io"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/fsimage"
	"salvor/firmware/internal/squash"
)

// maxTold is how many broken structures are told one by one.
const maxTold = 20

// sums names the sum that a block of each way of compression carries.
var sums = map[string]string{"gzip": "Adler-32 of each block", "xz": "CRC-32 of each block"}

// Format is the row of this package in the table of firmware formats.
func Format() firmware.Format {
	f := firmware.Format{Name: "squashfs", Title: "squashfs", Look: look, Open: open}
	for i, magic := range []string{"hsqs", "sqsh", "shsq", "qshs"} {
		f.Probes = append(f.Probes, probe.Probe{ID: "firmware.squashfs." + []string{"little", "big", "lzma", "lzma-big"}[i], Bytes: []byte(magic), Align: 4})
	}
	return f
}

func title(s *squash.Super) string {
	return fmt.Sprintf("squashfs 4.0, %s, blocks of %d KiB", s.Compression, s.BlockSize>>10)
}

func look(_ context.Context, src block.Source) (firmware.Sighting, error) {
	p, err := cursor.Read(src, "squashfs: superblock", 0, squash.SuperSize, squash.SuperSize)
	if _, short := cursor.IsCorrupt(err); short {
		return firmware.Sighting{}, cursor.ErrNot
	}
	if err != nil {
		return firmware.Sighting{}, err
	}
	s, err := squash.ParseSuper(p)
	var other *squash.VariantError
	switch _, broken := cursor.IsCorrupt(err); {
	case errors.As(err, &other):
		return firmware.Sighting{Title: other.Title, Size: other.Size}, nil
	case broken:
		return firmware.Sighting{Title: "squashfs with a broken superblock"}, nil
	case err != nil:
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: title(s), Size: s.Used}, nil
}

func open(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	f, err := squash.Open(ctx, src)
	var other *squash.VariantError
	if errors.As(err, &other) {
		part := &firmware.Part{Title: other.Title, Role: firmware.RootFS, Announced: other.Size}
		if other.Size > src.Size() {
			part.Checks = append(part.Checks, fsimage.Cut(other.Size, src.Size()))
		}
		part.Checks = append(part.Checks, firmware.Check{What: "content", Method: "structure", State: firmware.Cannot, Extent: block.Extent{Length: src.Size()}, Why: "this kind of squashfs is not read"})
		return part, nil
	}
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: title(&f.Super), Role: firmware.RootFS, Announced: f.Used}
	all := block.Extent{Length: f.Used}
	if f.Used > src.Size() {
		var regions []fsimage.Region
		for _, r := range f.Regions() {
			regions = append(regions, fsimage.Region{Name: "root file system (" + r.Name + ")", Extent: r.Extent})
		}
		part.Checks = append(part.Checks, fsimage.Cut(f.Used, src.Size(), regions...),
			firmware.Check{What: "blocks", Method: f.Compression, State: firmware.Cannot, Extent: all, Why: "the tables at its end are not there"})
		return part, ctx.Err()
	}
	r, err := f.Verify(ctx)
	if err != nil {
		return nil, err
	}
	for i, p := range r.Problems {
		if i == maxTold {
			break
		}
		part.Checks = append(part.Checks, fsimage.Failed(p.What, f.Compression, p.Extent, p.Err))
	}
	if r.Count == 0 {
		part.Checks = append(part.Checks, firmware.Check{What: "structure", Method: "structure", State: firmware.Passed, Extent: all,
			Expected: fmt.Sprintf("%d inodes", f.Inodes), Found: fmt.Sprintf("%d files, %d blocks with %d bytes of content", r.Files, r.Blocks, r.Content)})
	}
	method := sums[f.Compression]
	if method == "" {
		method = "structure"
	}
	part.Checks = append(part.Checks, fsimage.Proven("blocks", method, r.Proven)...)
	part.Version = version(ctx, f)
	fsimage.Behind(ctx, src, f.Used, part, o)
	return part, ctx.Err()
}

// version is what the system in the image calls itself.
func version(ctx context.Context, f *squash.FS) (out string) {
	for file := range release(ctx, f) {
		p, err := io.ReadAll(io.LimitReader(block.Reader(f.Content(file)), 16<<10))
		if err == nil {
			out = fsimage.Release(p)
		}
		if out != "" {
			return out
		}
	}
	return ""
}

// release gives the files that say which system this is.
func release(ctx context.Context, f *squash.FS) func(func(squash.File) bool) {
	return func(yield func(squash.File) bool) {
		// The error is told by the check of the whole image.
		_ = f.Walk(ctx, func(file squash.File, err error) bool {
			switch file.Path {
			case "etc/os-release", "usr/lib/os-release", "rom/etc/os-release":
				if err == nil && file.Kind == squash.Regular {
					return yield(file)
				}
			}
			return true
		})
	}
}
