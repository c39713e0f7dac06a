package routers

import (
	"context"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"

	"salvor/block"
	"salvor/firmware"
	"salvor/firmware/internal/region"
)

// Formats are the rows of this package in the table of firmware formats.
func Formats() []firmware.Format {
	return []firmware.Format{
		{Name: "ubnt", Title: "Ubiquiti image", Look: lookUbiquiti, Open: openUbiquiti},
		{Name: "bcm963xx", Title: "Broadcom BCM963xx image", Look: lookTag, Open: openTag},
		{Name: "bcm4908", Title: wfi, Look: lookWFI, Open: openWFI},
		{Name: "xiaomi", Title: xiaomi, Look: lookXiaomi, Open: openXiaomi},
		{Name: "linksys", Title: linksys, Look: lookLinksys, Open: openLinksys},
		{Name: "chdr", Title: chdr, Look: lookCHDR, Open: openCHDR},
		{Name: "dni", Title: "Netgear DNI image", Look: lookDNI, Open: openDNI},
		{Name: "senao", Title: senao, Look: lookSenao, Open: openSenao},
		{Name: "jboot", Title: auh, Look: lookAUH, Open: openAUH},
		{Name: "jboot-image", Title: stag, Look: lookSTAG, Open: openSTAG},
		{Name: "cameo", Title: cameo, Look: lookCameo, Open: openCameo},
		{Name: "buffalo", Title: buffalo, Look: lookBuffalo, Open: openBuffalo},
		{Name: "edimax", Title: "Edimax image", Look: lookEdimax, Open: openEdimax},
		{Name: "zyxel", Title: "ZyXEL RAS image", Look: lookRAS, Open: openRAS},
		{Name: "encrypted", Title: "encrypted image", Look: lookEncrypted, Open: openEncrypted},
	}
}

// additive is a sum of bytes. It implements what of [hash.Hash] this package needs.
type additive struct {
	hash.Hash
	sum uint64
}

func (s *additive) Write(p []byte) (int, error) {
	for _, c := range p {
		s.sum += uint64(c)
	}
	return len(p), nil
}

// weak is a check of a sum of fewer than 32 bits. It is never strong: it misses too much of what can happen to a file.
func weak(what, method string, e block.Extent, expected, found uint64) firmware.Check {
	c := firmware.Check{What: what, Method: method, State: firmware.Passed, Extent: e, Expected: fmt.Sprintf("%x", expected), Found: fmt.Sprintf("%x", found)}
	if expected != found {
		c.State = firmware.Failed
	}
	return c
}

// sumOf adds the bytes of e up.
func sumOf(ctx context.Context, src block.Source, e block.Extent) (uint64, error) {
	var s additive
	err := region.Sum(ctx, src, &s, e)
	return s.sum, err
}

// plainCRC is the check of a CRC-32, with or without the last inversion.
func plainCRC(ctx context.Context, src block.Source, what, method string, e block.Extent, want uint32, invert bool) firmware.Check {
	sum := crc32.NewIEEE()
	if err := region.Sum(ctx, src, sum, e); err != nil {
		return region.Unread(what, method, e, hex.EncodeToString([]byte{byte(want >> 24), byte(want >> 16), byte(want >> 8), byte(want)}), src.Size(), err)
	}
	found := sum.Sum32()
	if invert {
		found = ^found
	}
	return firmware.Sum32(what, method, e, want, found)
}

// claim is a claim of one value; of none when it is empty.
func claim(part *firmware.Part, kind firmware.ClaimKind, value string) {
	if value != "" {
		part.Claims = append(part.Claims, firmware.Claim{Kind: kind, Values: []string{value}})
	}
}

// zero is the check of four bytes that have to be zeros.
func zero(what string, at int64, value uint32) firmware.Check {
	c := firmware.Check{What: what, Method: "structure", State: firmware.Passed, Extent: block.Extent{Offset: at, Length: 4}, Strong: true, Expected: "00000000", Found: fmt.Sprintf("%08x", value)}
	if value != 0 {
		c.State = firmware.Failed
	}
	return c
}

func plain(text string) bool {
	for _, r := range text {
		if r < ' ' || r > '~' {
			return false
		}
	}
	return true
}
