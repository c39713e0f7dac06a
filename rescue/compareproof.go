package rescue

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"salvor/block"
	"salvor/casefile"
	"salvor/compare"
	"salvor/firmware"
	fwall "salvor/firmware/all"
	"salvor/host"
	"salvor/imaging"
)

// earlierProof proves that a region is unchanged when it begins with all of a part of the earlier package.
type earlierProof struct{ contents []compare.Content }

// Unchanged compares byte by byte; what stands behind the part is not looked at.
func (p earlierProof) Unchanged(r *compare.Region) (string, bool, error) {
	head := make([]byte, sectorSize)
	if n, _ := r.Source.ReadAt(head, 0); n < len(head) {
		return "", false, nil
	}
	first := make([]byte, len(head))
	for _, c := range p.contents {
		for _, piece := range c.Pieces {
			if piece.Extent.Length < sectorSize || piece.Extent.Length > r.Source.Size() {
				continue
			}
			if n, _ := c.Source.ReadAt(first, piece.Extent.Offset); n < len(first) || !bytes.Equal(first, head) {
				continue
			}
			same, err := equalSources(block.Section(c.Source, piece.Extent), r.Source, piece.Extent.Length)
			if err != nil {
				return "", false, err
			}
			if same {
				return fmt.Sprintf("it holds %s of the earlier package, byte for byte", piece.Words()), true, nil
			}
		}
	}
	return "", false, nil
}

// equalSources compares the first n bytes; what cannot be read is not equal.
func equalSources(a, b block.Source, n int64) (bool, error) {
	x, y := make([]byte, mebi), make([]byte, mebi)
	for at := int64(0); at < n; at += mebi {
		k := min(mebi, n-at)
		for _, r := range []struct {
			src block.Source
			buf []byte
		}{{a, x}, {b, y}} {
			got, err := r.src.ReadAt(r.buf[:k], at)
			if int64(got) == k {
				continue
			}
			if _, lost := block.IsUnreadable(err); lost || errors.Is(err, io.EOF) {
				return false, nil
			}
			return false, fmt.Errorf("rescue: %w", err)
		}
		if !bytes.Equal(x[:k], y[:k]) {
			return false, nil
		}
	}
	return true, nil
}

// beforeProof proves that a region is unchanged by the hashes of an older case of the same device.
type beforeProof struct {
	path string
	sums []imaging.Sum
}

// readBefore reads the hashes of the first source of a case.
func readBefore(path, program string) (p *beforeProof, err error) {
	if !host.IsFolder(path) {
		return nil, &host.RefusedError{Exit: host.ExitUsage, Code: "rescue.compare.before", Why: fmt.Sprintf("%s is not a case.", path), Next: "Name with --before a case of this device that was made before the update."}
	}
	c, err := casefile.Open(path, casefile.Reader, casefile.Options{Program: program})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	p = &beforeProof{path: path}
	_, err = c.ReadSums(firstSource, func(f io.Reader, _ io.ReaderAt, _ int64) error {
		for s, err := range imaging.ReadSums(f) {
			if err != nil {
				return err
			}
			p.sums = append(p.sums, s)
		}
		return nil
	})
	return p, err
}

// Unchanged holds each MiB of the medium that the region has a part of against the hash of before. It reads what stands
// beside the region as well, which may have changed: then nothing is proven.
func (p *beforeProof) Unchanged(r *compare.Region) (string, bool, error) {
	runs := block.Origin(r.Source, block.Extent{Length: r.Source.Size()})
	if len(runs) != 1 || !runs[0].Kind.Stands() {
		return "", false, nil
	}
	e := runs[0].PhysicalExtent()
	left := block.SetOf(e)
	buf := make([]byte, mebi)
	for _, s := range p.sums {
		// A hash that reaches over the region's edge covers bytes that are not the region's own.
		if s.Bad || !e.Contains(s.Extent) || s.Length > mebi {
			continue
		}
		if n, _ := r.Source.ReadAt(buf[:s.Length], s.Offset-e.Offset); int64(n) < s.Length || sha256.Sum256(buf[:s.Length]) != s.Hash {
			return "", false, nil
		}
		left.Remove(s.Extent)
	}
	if !left.Empty() {
		return "", false, nil
	}
	return fmt.Sprintf("its hashes are those of %s, which was made before", p.path), true, nil
}

// ownProof proves that a region is as it was made when it is an image whose own sums cover every byte of it: the hash tree of
// dm-verity behind a file system, a signed image. A write that was begun and not ended would break them.
type ownProof struct{ ctx context.Context }

// Unchanged opens the region as an image, without unpacking anything.
func (p ownProof) Unchanged(r *compare.Region) (string, bool, error) {
	if r.Anywhere {
		return "", false, nil
	}
	part, err := firmware.Open(p.ctx, r.Source, r.Name, firmware.Options{Formats: fwall.Table()})
	if err != nil {
		return "", false, err
	}
	if part.Format == "" || firmware.Whole(part).Answer != firmware.OK {
		return "", false, nil
	}
	return "it is a whole image (" + part.Title + "), whose own sums cover every byte", true, nil
}
