package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

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
}

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
	return id, ctx.Err()
}

func hashOf(src block.Source, e block.Extent) string {
	p := make([]byte, e.Length)
	if n, _ := src.ReadAt(p, e.Offset); n < len(p) {
		return ""
	}
	sum := sha256.Sum256(p)
	return hex.EncodeToString(sum[:])
}
