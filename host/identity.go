package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"salvor/block"
)

// identityBytes is how much of each end of a source makes its identity.
const identityBytes = 1 << 20

// Identity is what tells one source from another.
type Identity struct {
	Path                           string // absolute, links resolved
	Device                         bool
	Size                           int64
	SectorSize, PhysicalSectorSize int
	Model, Serial, Transport       string
	// First and Last are the SHA-256 of the first and the last MiB, or of the whole of a smaller source,
	// in hex. "" when not all of those bytes could be read.
	First, Last string
	// Marks are the first and the last MiB that could be read: where the ends themselves fail, those next to them.
	Marks []Mark
}

// Mark is a stretch of a source and the SHA-256 of it.
type Mark struct {
	block.Extent
	SHA256 string
}

// markTries is how many MiB from each end are tried until one can be read. Each that fails may hold a dying disk for a
// minute.
const markTries = 3

// Identity reads the ends of the source. Bytes that cannot be read are no error: the hash that they belong
// to is left out. Only the end of ctx is.
func (o *Opened) Identity(ctx context.Context) (Identity, error) {
	id := Identity{
		Path: o.Real, Device: o.Device, Size: o.Size, SectorSize: o.SectorSize,
		PhysicalSectorSize: o.PhysicalSectorSize, Model: o.Model, Serial: o.Serial, Transport: o.Transport,
	}
	n := min(o.Size, identityBytes)
	id.First = hashOf(block.WithContext(ctx, o.Source), block.Extent{Length: n})
	id.Last = hashOf(block.WithContext(ctx, o.Source), block.Extent{Offset: o.Size - n, Length: n})
	src := block.WithContext(ctx, o.Source)
	for i := range int64(markTries) {
		if at := i * n; at >= o.Size || id.mark(block.Extent{Offset: at, Length: min(n, o.Size-at)}, src, i == 0, id.First) {
			break
		}
	}
	for i := range int64(markTries) {
		if at := o.Size - (i+1)*n; at < 0 || id.mark(block.Extent{Offset: at, Length: n}, src, i == 0, id.Last) {
			break
		}
	}
	return id, ctx.Err()
}

// mark adds the mark at e, of which the hash is known already when it is an end, and reports whether it could be read.
func (id *Identity) mark(e block.Extent, src block.Source, end bool, sum string) bool {
	if !end {
		sum = hashOf(src, e)
	}
	if sum != "" {
		id.Marks = append(id.Marks, Mark{e, sum})
	}
	return sum != ""
}

// meets reports whether src holds what the marks say: nil when all that could be read does, and something could.
func (id *Identity) meets(src block.Source) error {
	read := 0
	for _, m := range id.Marks {
		switch sum := hashOf(src, m.Extent); {
		case sum == "":
		case sum != m.SHA256:
			return fmt.Errorf("its bytes at %v are other ones", m.Extent)
		default:
			read++
		}
	}
	if read == 0 && len(id.Marks) > 0 {
		return errors.New("it cannot be read where it could be before")
	}
	return nil
}

func hashOf(src block.Source, e block.Extent) string {
	p := make([]byte, e.Length)
	if n, _ := src.ReadAt(p, e.Offset); n < len(p) {
		return ""
	}
	sum := sha256.Sum256(p)
	return hex.EncodeToString(sum[:])
}
