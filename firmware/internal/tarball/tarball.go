// Package tarball says where the members of a tar archive stand, for formats that are one with a meaning.
//
// It promises that each member's header fits its sum, that members lie in the archive one behind the other, and that
// checks of headers, filling and the end cover just the bytes of the archive which a sum or the format itself settles:
// the content of members has no check. Sparse members are refused.
//
// Followed: POSIX.1-2017 pax and the GNU tar manual 1.34, by archive/tar of Go.
package tarball

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/region"
)

const (
	blockSize = 512
	maxNames  = 200_000
	structure = "tar archive"
)

// Member is a file or folder of an archive.
type Member struct {
	Name string // hostile text
	Dir  bool
	File bool // a regular file
	// Header has all blocks of the header, Data the content, Fill what fills it up to a block. Data may end behind the
	// source.
	Header, Data, Fill block.Extent
}

// Archive is what was read of one.
type Archive struct {
	Members []Member
	// End is where the last member ends, filled up.
	End int64
	// Broken says why reading ended before the end of the archive; nil at its end.
	Broken error
	// Refused says that what ended it is not wrong and is not read: a sparse member, or more members than are read.
	Refused bool
}

// Read reads the headers of an archive that begins at offset 0. Its error is cursor.ErrNot when none begins there, or that
// of ctx.
func Read(ctx context.Context, src block.Source) (*Archive, error) {
	r := block.Reader(block.WithContext(ctx, src))
	tr := tar.NewReader(r)
	a := &Archive{}
	for len(a.Members) < maxNames {
		h, err := tr.Next()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err == nil && (h.Size < 0 || h.Typeflag == tar.TypeGNUSparse || len(h.PAXRecords) > 0 && h.PAXRecords["GNU.sparse.major"] != "") {
			err, a.Refused = cursor.Corrupt(structure, a.End, "members that are stored as they are", "a sparse one"), true
		}
		if errors.Is(err, io.EOF) && a.End <= src.Size() {
			return a, a.started()
		}
		if err != nil {
			a.Broken = cursor.Corrupt(structure, a.End, "the header of a member, or two blocks of zeros", err)
			return a, a.started()
		}
		at, err := r.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, fmt.Errorf("tarball: %w", err)
		}
		m := Member{Name: h.Name, Dir: h.Typeflag == tar.TypeDir, File: h.Typeflag == tar.TypeReg, Header: block.Between(a.End, at), Data: block.Extent{Offset: at, Length: h.Size}}
		a.End = at + (h.Size+blockSize-1)&^(blockSize-1)
		m.Fill = block.Between(m.Data.End(), a.End)
		a.Members = append(a.Members, m)
		if a.End > src.Size() {
			return a, nil
		}
	}
	a.Broken, a.Refused = cursor.Corrupt(structure, a.End, fmt.Sprintf("at most %d members", maxNames), "more"), true
	return a, nil
}

// started says that nothing that has no member is an archive.
func (a *Archive) started() error {
	if len(a.Members) == 0 {
		return cursor.ErrNot
	}
	return nil
}

// Checks are those of all but the content of members: headers, filling, and the zeros at the end.
func (a *Archive) Checks(ctx context.Context, src block.Source) (out []firmware.Check) {
	for _, m := range a.Members {
		// An extended header has no sum over what it says.
		out = append(out, firmware.Check{What: "header of " + m.Name, Method: "sum", State: firmware.Passed, Extent: m.Header, Strong: m.Header.Length == blockSize,
			Expected: "the sum of its bytes", Found: "the sum of its bytes"})
		switch {
		case m.Data.End() > src.Size():
			return append(out, firmware.Cut(m.Name, a.End, src.Size()))
		case m.Fill.Length > 0:
			out = append(out, region.Padding(ctx, src, "filling behind "+m.Name, m.Fill, 0))
		}
	}
	switch {
	case a.Refused:
		out = append(out, firmware.Check{What: "archive", Method: "structure", State: firmware.Cannot, Extent: block.Between(min(a.End, src.Size()), src.Size()), Why: a.Broken.Error()})
	case a.Broken != nil:
		out = append(out, firmware.Check{What: "archive", Method: "structure", State: firmware.Failed, Extent: block.Between(a.End, src.Size()), Expected: "the header of a member, or two blocks of zeros", Found: a.Broken.Error()})
	case a.End+2*blockSize > src.Size():
		out = append(out, firmware.Cut("end of the archive", a.End+2*blockSize, src.Size()))
	case src.Size()%blockSize != 0:
		out = append(out, firmware.Cut("end of the archive", (src.Size()+blockSize-1)&^(blockSize-1), src.Size()))
	default:
		out = append(out, region.Padding(ctx, src, "end of the archive", block.Between(a.End, src.Size()), 0))
	}
	return out
}
