package tplink

import (
	"context"
	"crypto/md5"
	"fmt"
	"hash"
	"slices"
	"strconv"
	"strings"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/fsimage"
	"salvor/firmware/internal/region"
	"salvor/firmware/internal/vendor"
)

const (
	safe      = "TP-Link SafeLoader image"
	sumFrom   = 20
	tableAt   = 0x1014
	tableSize = 0x800
	partsAt   = tableAt + tableSize
	maxLines  = 128
	maxMeta   = 64 << 10
)

var safeSalt = []byte{0x7a, 0x2b, 0x15, 0xed, 0x9b, 0x98, 0x59, 0x6d, 0xe5, 0x04, 0xab, 0x44, 0xac, 0x2a, 0x9f, 0x4e}

// Parts of the flash by what they are for: names that TP-Link uses.
var (
	loaders = []string{"fs-uboot", "u-boot", "factory-boot", "boot", "uboot"}
	unique  = []string{"default-mac", "mac", "radio", "radio_bk", "art", "product-info", "device-info", "device-id", "pin", "tddp", "factory-info", "ecc-cert", "profile"}
	roles   = map[string]firmware.Role{"os-image": firmware.Kernel, "file-system": firmware.RootFS, "partition-table": firmware.Table,
		"support-list": firmware.Metadata, "soft-version": firmware.Metadata, "extra-para": firmware.Metadata, "signature": firmware.Signed,
		"user-config": firmware.Settings, "default-config": firmware.Settings}
)

// line is one of a table of partitions.
type line struct {
	name string
	at   block.Extent
}

// table reads lines that begin with a word, up to the first that is none. whole says that it ended in a zero.
func table(p []byte, word string) (out []line, whole bool) {
	text, _, whole := strings.Cut(string(p), "\x00")
	for l := range strings.Lines(text) {
		f := strings.Fields(l)
		if len(f) != 6 || f[0] != word || f[2] != "base" || f[4] != "size" || len(out) >= maxLines {
			return out, false
		}
		base, err1 := strconv.ParseUint(strings.TrimPrefix(f[3], "0x"), 16, 32)
		size, err2 := strconv.ParseUint(strings.TrimPrefix(f[5], "0x"), 16, 32)
		if err1 != nil || err2 != nil {
			return out, false
		}
		out = append(out, line{f[1], block.Extent{Offset: int64(base), Length: int64(size)}})
	}
	return out, whole
}

// safeHeader is the beginning of an image.
type safeHeader struct {
	size  int64
	sum   []byte
	maker string
	parts []line
	whole bool
	cloud bool // a newer kind, with text instead of the length of the maker's text
}

func readSafe(src block.Source) (*safeHeader, error) {
	p, err := cursor.Read(src, safe, 0, partsAt, partsAt)
	if err != nil {
		return nil, region.NotHere(err)
	}
	c := cursor.New(safe, 0, p)
	h := &safeHeader{size: int64(c.Uint32BE()), sum: c.Bytes(md5.Size)}
	n := int(c.Uint32BE())
	if n > 0 && n <= tableAt-24 {
		h.maker = string(c.Bytes(n))
	}
	h.cloud = strings.HasPrefix(string(p[sumFrom:]), "fw-type:")
	h.parts, h.whole = table(p[tableAt:partsAt], "fwup-ptn")
	if c.Err() != nil || len(h.parts) == 0 || h.size < partsAt {
		return nil, cursor.ErrNot
	}
	return h, nil
}

func lookSafe(_ context.Context, src block.Source) (firmware.Sighting, error) {
	h, err := readSafe(src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: safe, Name: strings.TrimSpace(h.maker), Size: h.size}, nil
}

func openSafe(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	h, err := readSafe(src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: safe, Name: strings.TrimSpace(h.maker), Role: firmware.Package, Announced: h.size}
	if h.size > src.Size() {
		part.Checks = append(part.Checks, firmware.Cut("image", h.size, src.Size()))
	}
	// The length decides which bytes the hash is over.
	check := region.Digest(ctx, src, "image", "MD5 of TP-Link", block.Between(sumFrom, h.size), saltedMD5(), h.sum)
	if check.Extent = (block.Extent{Length: h.size}); check.State == firmware.Cannot && h.size > src.Size() {
		check.Why = "the file ends inside of it"
	}
	if check.State == firmware.Failed {
		check.Why = "it was damaged, or is for one of the few devices whose salt is not known"
	}
	if h.cloud && check.State == firmware.Failed && h.size <= src.Size() {
		check.State, check.Why = firmware.Cannot, "TP-Link has not said what the sum of images of type Cloud is over"
	}
	part.Checks = append(part.Checks, check)
	if !h.whole {
		part.Checks = append(part.Checks, firmware.Check{What: "table of parts", Method: "structure", State: firmware.Failed, Extent: block.Extent{Offset: tableAt, Length: tableSize},
			Expected: "lines of fwup-ptn up to a zero", Found: fmt.Sprintf("%d of them, then something else", len(h.parts))})
	}
	var flash []line
	for _, l := range h.parts {
		if e := l.at.Shift(tableAt); l.name == "partition-table" && e.Length > 4 && e.Length <= maxMeta {
			if p, err := cursor.Read(src, "TP-Link SafeLoader image: partition table", e.Offset+4, e.Length-4, maxMeta); err == nil {
				flash, _ = table(p, "partition")
			}
		}
	}
	for _, l := range h.parts {
		h.add(ctx, src, o, part, l, flash)
	}
	fsimage.Behind(ctx, src, h.size, part, o)
	return part, ctx.Err()
}

// add puts a part of the image into the part of the whole.
func (h *safeHeader) add(ctx context.Context, src block.Source, o *firmware.Opening, part *firmware.Part, l line, flash []line) {
	e := l.at.Shift(tableAt)
	if e.End() > h.size {
		part.Checks = append(part.Checks, firmware.Check{What: l.name, Method: "size", State: firmware.Failed, Extent: block.Extent{Offset: tableAt, Length: tableSize},
			Expected: fmt.Sprintf("an end at %d or before", h.size), Found: fmt.Sprint(e.End())})
		return
	}
	child := region.Part(src, l.name, firmware.Data, e)
	if r, ok := roles[l.name]; ok {
		child.Role = r
	}
	switch isLoader, isUnique := slices.Contains(loaders, l.name), slices.Contains(unique, l.name); {
	case isLoader, isUnique:
		if child.Role = firmware.BootLoader; isUnique {
			child.Role = firmware.Unique
		}
		child.Installs = []firmware.Install{{Where: l.name, Needs: l.at.Length, Loader: isLoader, Unique: isUnique}}
	case slices.ContainsFunc(flash, func(x line) bool { return x.name == l.name }):
		child.Installs = []firmware.Install{{Where: l.name, Needs: l.at.Length}}
	}
	for _, x := range flash {
		if x.name == l.name && l.at.Length > x.at.Length {
			child.Checks = append(child.Checks, firmware.Check{What: "room in its partition", Method: "size", State: firmware.Failed, Extent: block.Extent{Length: child.Size},
				Expected: fmt.Sprintf("at most %d bytes", x.at.Length), Found: fmt.Sprintf("%d bytes", l.at.Length)})
		}
	}
	switch l.name {
	case "support-list":
		supported(meta(src, e), part)
	case "soft-version":
		part.Version = softVersion(meta(src, e))
	case "signature":
		part.Signatures = append(part.Signatures, firmware.Signature{What: "image", Method: "RSA", State: firmware.Cannot, Why: "TP-Link has not said how images are signed"})
	}
	if child.Size > 0 {
		o.Inner(ctx, child)
	}
	part.Children = append(part.Children, child)
}

// meta is the content of a part that begins with its length.
func meta(src block.Source, e block.Extent) []byte {
	p, err := cursor.Read(src, "TP-Link SafeLoader image: metadata", e.Offset, min(e.Length, maxMeta), maxMeta)
	if err != nil || len(p) < 8 {
		return nil
	}
	c := cursor.New("TP-Link SafeLoader image: metadata", e.Offset, p)
	n := int(c.Uint32BE())
	c.Skip(4)
	if n < 0 || n > c.Len() {
		return nil
	}
	return c.Bytes(n)
}

// supported claims the devices of a list: "CPE210(TP-LINK|EU|N300-2|00000000):2.0", or
// "{product_name:Archer C7,product_ver:5.0.0,special_id:45550000}".
func supported(text []byte, part *firmware.Part) {
	var boards, revisions, regions []string
	put := func(list *[]string, value string) {
		if value = strings.TrimSpace(value); value != "" && len(*list) < maxLines && !slices.Contains(*list, value) {
			*list = append(*list, value)
		}
	}
	for l := range strings.Lines(strings.TrimRight(string(text), "\x00")) {
		l = strings.TrimSpace(l)
		if name, rest, ok := strings.Cut(l, "("); ok {
			inside, rev, _ := strings.Cut(rest, "):")
			put(&boards, name)
			put(&revisions, rev)
			if f := strings.Split(inside, "|"); len(f) > 1 {
				put(&regions, f[1])
			}
			continue
		}
		if !strings.HasPrefix(l, "{") {
			continue
		}
		for pair := range strings.SplitSeq(strings.Trim(l, "{}"), ",") {
			switch key, value, _ := strings.Cut(pair, ":"); strings.TrimSpace(key) {
			case "product_name":
				put(&boards, value)
			case "product_ver":
				put(&revisions, value)
			case "special_id":
				if name := regionOf("0;" + value); name != "" {
					put(&regions, name)
				} else if strings.Trim(value, "0 ") == "" {
					put(&regions, "UN")
				}
			}
		}
	}
	for _, c := range []firmware.Claim{{Kind: firmware.Board, Values: boards}, {Kind: firmware.Hardware, Values: revisions}, {Kind: firmware.Region, Values: regions}} {
		if len(c.Values) > 0 {
			part.Claims = append(part.Claims, c)
		}
	}
}

// softVersion reads a version, as text ("soft_ver:1.2.1\n") or as numbers.
func softVersion(p []byte) string {
	if text, ok := strings.CutPrefix(vendor.Text(p), "soft_ver:"); ok {
		return strings.TrimSpace(text)
	}
	if len(p) < 12 || p[0] != 0xFF {
		return ""
	}
	return fmt.Sprintf("%d.%d.%d (%02x%02x-%02x-%02x)", p[1], p[2], p[3], p[4], p[5], p[6], p[7])
}

// saltedMD5 is an MD5 that begins with the salt.
func saltedMD5() hash.Hash {
	h := md5.New()
	h.Write(safeSalt)
	return h
}
