package ewf

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"hash"
	"io"

	"salvor/block"
	"salvor/container"
	"salvor/finding"
)

// toldChunks is how many unreadable places are told one by one.
const toldChunks = 20

// verify reads all chunks, each of which has a check, and compares the stored hashes of the whole. The hashes were made
// over the zeros that stand for sectors that could not be read.
func (im *image) verify(ctx context.Context, sums []container.Sum) ([]finding.Finding, error) {
	hashes := map[string]hash.Hash{"md5": md5.New(), "sha1": sha1.New()}
	var out []finding.Finding
	more := 0
	buf := make([]byte, 1<<20)
	complete := true
	for off := int64(0); off < im.size(); {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, err := im.raw.ReadAt(buf, off)
		for _, h := range hashes {
			h.Write(buf[:n])
		}
		off += int64(n)
		if err == nil || errors.Is(err, io.EOF) {
			continue
		}
		u, ok := block.IsUnreadable(err)
		if !ok {
			return nil, err
		}
		complete = false
		e := block.Extent{Offset: off, Length: 1}
		for _, r := range u.Ranges {
			if r.Has(off) {
				e = block.Between(off, r.End())
			}
		}
		if off = e.End(); len(out) < toldChunks {
			out = append(out, chunkWrong.New(finding.At(e.Offset, e.Length), finding.Arg("place", e), finding.Arg("why", reason(u))))
		} else {
			more++
		}
	}
	if more > 0 {
		out = append(out, chunksMore.New(finding.Arg("count", more)))
	}
	for _, s := range sums {
		found := hashes[s.Name].Sum(nil)
		def := sumRight
		switch {
		case !complete:
			def = sumUnknown
		case !bytes.Equal(found, s.Value):
			def = sumWrong
		}
		out = append(out, def.New(finding.Arg("name", name(s.Name)), finding.Expected(hex.EncodeToString(s.Value), hex.EncodeToString(found))))
	}
	return out, nil
}

func name(hash string) string {
	if hash == "md5" {
		return "MD5"
	}
	return "SHA-1"
}

// reason returns what is behind an error of reading.
func reason(u *block.UnreadableError) error {
	for _, r := range u.Ranges {
		if r.Err != nil {
			return r.Err
		}
	}
	return errors.New("it is missing")
}
