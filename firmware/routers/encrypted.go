package routers

import (
	"bytes"
	"context"
	"crypto/sha512"
	"fmt"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/fsimage"
	"salvor/firmware/internal/region"
)

const (
	shrs     = "D-Link SHRS image, encrypted"
	shrsHead = 0x6DC
	shrsSum  = 0x9C // over the encrypted data
	shrsMost = 16   // by how much the encrypted form can be longer
)

// ciphers are images of which only the first bytes tell something.
var ciphers = []struct {
	magic string
	title string
	size  int // where a length stands, big-endian; 0 for none
}{
	{"encrpted_img", "D-Link image, encrypted", 12},
	{"Salted__", "data encrypted with OpenSSL", 0},
}

// sealed is what the header of an encrypted image says.
type sealed struct {
	title string
	size  int64 // of all, 0 when it is not said
	exact bool  // the size is that of the file
	sum   []byte
}

func readSealed(src block.Source) (*sealed, error) {
	p, err := cursor.Read(src, "encrypted image", 0, min(64, src.Size()), 64)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(p, []byte("SHRS")) {
		return readSHRS(src)
	}
	if bytes.HasPrefix(p, []byte("start\x00")) || bytes.HasPrefix(p, []byte("asar1\x00")) {
		return readBuffalo(p)
	}
	for _, x := range ciphers {
		if !bytes.HasPrefix(p, []byte(x.magic)) || len(p) < 64 {
			continue
		}
		s := &sealed{title: x.title}
		if x.size > 0 {
			c := cursor.New(x.title, int64(x.size), p[x.size:])
			s.size = int64(c.Uint32BE())
		}
		return s, nil
	}
	return nil, cursor.ErrNot
}

func readSHRS(src block.Source) (*sealed, error) {
	p, err := cursor.Read(src, shrs, 0, shrsHead, shrsHead)
	if err != nil {
		return nil, region.NotHere(err)
	}
	c := cursor.New(shrs, 4, p[4:])
	open, closed := int64(c.Uint32BE()), int64(c.Uint32BE())
	if closed%16 != 0 || closed < open || closed-open > shrsMost || open == 0 {
		return nil, cursor.ErrNot
	}
	return &sealed{title: shrs, size: shrsHead + closed, exact: true, sum: p[shrsSum : shrsSum+sha512.Size]}, nil
}

// readBuffalo reads the lengths of product, version and data, which alone are readable.
func readBuffalo(p []byte) (*sealed, error) {
	const title = "Buffalo image, encrypted"
	c := cursor.New(title, 0, p)
	c.Skip(7) // magic and seed
	for _, most := range []uint32{32, 8} {
		n := c.Uint32BE()
		if n < 2 || n > most {
			return nil, cursor.ErrNot
		}
		c.Skip(int(n))
	}
	size := int64(c.Uint32BE())
	if c.Err() != nil || size == 0 {
		return nil, cursor.ErrNot
	}
	return &sealed{title: title, size: int64(c.At()) + size + 4, exact: true}, nil
}

func lookEncrypted(_ context.Context, src block.Source) (firmware.Sighting, error) {
	s, err := readSealed(src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: s.title, Size: s.size}, nil
}

func openEncrypted(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	s, err := readSealed(src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: s.title, Role: firmware.Package}
	whole := block.Extent{Length: src.Size()}
	switch {
	case s.exact && s.size > src.Size():
		part.Announced = s.size
		part.Checks = append(part.Checks, firmware.Cut("encrypted data", s.size, src.Size()))
	case s.size > src.Size():
		part.Checks = append(part.Checks, firmware.Check{What: "encrypted data", Method: "size", State: firmware.Cannot, Extent: whole,
			Expected: fmt.Sprintf("%d bytes", s.size), Found: fmt.Sprintf("%d bytes", src.Size()), Why: "the maker has not said what the length counts; the file may be cut off"})
	}
	if s.sum != nil {
		part.Announced = s.size
		part.Checks = append(part.Checks, region.Digest(ctx, src, "encrypted data", "SHA-512", block.Between(shrsHead, s.size), sha512.New(), s.sum))
		part.Signatures = append(part.Signatures, firmware.Signature{What: "encrypted data", Method: "RSA", State: firmware.Cannot, Why: "the key is in the device only"})
		fsimage.Behind(ctx, src, s.size, part, o)
	}
	part.Checks = append(part.Checks, firmware.Check{What: "content", Method: "decryption", State: firmware.Cannot, Extent: whole, Why: "it is encrypted: only the device can tell what is in it"})
	return part, ctx.Err()
}
