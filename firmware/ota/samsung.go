package ota

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"path"
	"regexp"
	"strings"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/android"
	"salvor/firmware/internal/region"
	"salvor/firmware/internal/tarball"
)

// sumLine is what stands behind the tar.
var sumLine = regexp.MustCompile(`^([0-9a-f]{32})  ([^\x00-\x1f]{1,255})\n$`)

// samsungSum finds the MD5 at the end of src: where it begins, and what it is.
func samsungSum(src block.Source) (int64, []byte, error) {
	n := min(src.Size(), 32+2+255+1)
	p, err := cursor.Read(src, "Samsung firmware: MD5", src.Size()-n, n, n)
	if err != nil {
		return 0, nil, region.NotHere(err)
	}
	i := bytes.LastIndex(p, []byte("  "))
	if i < 32 {
		return 0, nil, cursor.ErrNot
	}
	m := sumLine.FindSubmatch(p[i-32:])
	if m == nil {
		return 0, nil, cursor.ErrNot
	}
	sum, err := hex.DecodeString(string(m[1]))
	if err != nil {
		return 0, nil, cursor.ErrNot
	}
	return src.Size() - n + int64(i-32), sum, nil
}

func lookSamsung(_ context.Context, src block.Source) (firmware.Sighting, error) {
	at, _, err := samsungSum(src)
	if err != nil || at%512 != 0 || at == 0 {
		return firmware.Sighting{}, region.NotHere(orNot(err))
	}
	p, err := cursor.Read(src, "tar archive", 257, 5, 5)
	if err != nil || string(p) != "ustar" {
		return firmware.Sighting{}, region.NotHere(orNot(err))
	}
	return firmware.Sighting{Title: "Samsung firmware with an MD5", Size: src.Size()}, nil
}

func orNot(err error) error {
	if err == nil {
		return cursor.ErrNot
	}
	return err
}

func openSamsung(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	if _, err := lookSamsung(ctx, src); err != nil {
		return nil, err
	}
	at, sum, err := samsungSum(src)
	if err != nil {
		return nil, err
	}
	whole := block.Extent{Length: at}
	part := &firmware.Part{Title: "Samsung firmware with an MD5", Role: firmware.Package, Announced: src.Size()}
	part.Checks = append(part.Checks, region.Digest(ctx, src, "archive", "MD5", whole, md5.New(), sum))
	inside := block.Section(src, whole)
	a, err := tarball.Read(ctx, inside)
	if err != nil {
		return nil, err
	}
	if a.Broken != nil {
		part.Checks = append(part.Checks, firmware.Check{What: "archive", Method: "structure", State: firmware.Failed, Extent: whole, Expected: "a tar archive", Found: a.Broken.Error()})
	}
	for i := range a.Members {
		m := &a.Members[i]
		if !m.File || ctx.Err() != nil {
			continue
		}
		// "boot.img.lz4", "sboot.bin", "modem.bin"
		base, packed := strings.CutSuffix(path.Base(m.Name), ".lz4")
		where := strings.TrimSuffix(base, path.Ext(base))
		p := region.Part(inside, m.Name, android.Role(where), m.Data)
		if m.Data.End() > inside.Size() {
			part.Checks = append(part.Checks, firmware.Cut(m.Name, m.Data.End(), inside.Size()))
		} else if packed {
			o.Unpack(ctx, p, "lz4")
		} else {
			o.Inner(ctx, p)
		}
		im := p
		if packed && len(p.Children) > 0 {
			im = p.Children[0]
		}
		p.Installs = append(p.Installs, android.Install(where, image(im).Size))
		part.Children = append(part.Children, p)
	}
	return part, ctx.Err()
}
