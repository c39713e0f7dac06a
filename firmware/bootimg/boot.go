package bootimg

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/finding"
	"salvor/firmware"
	"salvor/firmware/internal/region"
)

const (
	bootMagic   = "ANDROID!"
	headPage    = 4096 // of versions 3 and 4
	headerBytes = 1660
	newest      = 4
)

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{commandLine, bootConfig}

var (
	commandLine = &finding.Def{Code: "bootimg.command-line", Severity: finding.Info, Text: "the image starts the kernel with: {line}"}
	bootConfig  = &finding.Def{Code: "bootimg.bootconfig", Severity: finding.Info, Text: "the image gives the system this bootconfig: {line}"}
)

// Formats are the rows of this package in the table of firmware formats.
func Formats() []firmware.Format {
	return []firmware.Format{
		{Name: "android-boot", Title: "Android boot image", Look: lookBoot, Open: openBoot,
			Probes: []probe.Probe{{ID: "firmware.android-boot.header", Bytes: []byte(bootMagic), Align: 512}}},
		{Name: "android-vendor-boot", Title: "Android vendor boot image", Look: lookVendor, Open: openVendor,
			Probes: []probe.Probe{{ID: "firmware.android-vendor-boot.header", Bytes: []byte(vendorMagic), Align: 512}}},
		{Name: "android-dtbo", Title: "Android table of device trees", Look: lookTable, Open: openTable,
			Probes: []probe.Probe{{ID: "firmware.android-dtbo.header", Bytes: []byte{0xd7, 0xb7, 0xab, 0x1e}, Align: 512}}},
	}
}

// header is that of a boot image of any version.
type header struct {
	version                         uint32
	kernel, ramdisk, second         int64
	overlay, overlayAt, tree, trees int64 // trees: the field before there were versions
	signature, page, size           int64 // size: what the header's fields take
	system                          uint32
	name, line                      string
	id                              []byte
}

func parseBoot(p []byte) (*header, error) {
	if !bytes.HasPrefix(p, []byte(bootMagic)) || len(p) < 44 {
		return nil, cursor.ErrNot
	}
	c := cursor.New("Android boot image: header", 0, p)
	version := binary.LittleEndian.Uint32(p[40:])
	c.Skip(8)
	if version == 3 || version == newest {
		h := &header{version: version, page: headPage, size: 1580}
		h.kernel, h.ramdisk, h.system = int64(c.Uint32()), int64(c.Uint32()), c.Uint32()
		said := c.Uint32()
		c.Skip(16 + 4)
		h.line = text(c.Bytes(1536))
		if version == newest {
			h.signature = int64(c.Uint32())
			h.size = 1584
		}
		if said < 1580 || said > headPage { // mkbootimg of Android 10 and 11 says 1596
			return nil, cursor.ErrNot
		}
		return h, c.Err()
	}
	h := &header{size: 1632}
	field := func() int64 { n := int64(c.Uint32()); c.Skip(4); return n }
	h.kernel, h.ramdisk, h.second = field(), field(), field()
	c.Skip(4)
	h.page, h.version, h.system = int64(c.Uint32()), c.Uint32(), c.Uint32()
	h.name = text(c.Bytes(16))
	first := c.Bytes(512)
	h.id = bytes.Clone(c.Bytes(32))
	h.line = text(bytes.Join([][]byte{first, c.Bytes(1024)}, nil))
	switch {
	case h.version > newest:
		h.trees, h.version = int64(h.version), 0
	case h.version >= 1:
		h.overlay, h.overlayAt = int64(c.Uint32()), int64(c.Uint64())
		c.Skip(4)
		h.size = 1648
	}
	if h.version == 2 {
		h.tree = int64(c.Uint32())
		c.Skip(8)
		h.size = headerBytes
	}
	if h.page < 2048 || h.page > 128<<10 || h.page&(h.page-1) != 0 || h.kernel == 0 || h.trees > 64<<20 {
		return nil, cursor.ErrNot
	}
	return h, c.Err()
}

func readBoot(src block.Source) (*header, error) {
	p, err := cursor.Read(src, "Android boot image: header", 0, headerBytes, headerBytes)
	if err != nil {
		return nil, region.NotHere(err)
	}
	h, err := parseBoot(p)
	return h, region.NotHere(err)
}

// total is how long the image is.
func (h *header) total() int64 {
	n := pages(h.size, h.page)
	for _, s := range []int64{h.kernel, h.ramdisk, h.second, h.trees, h.overlay, h.tree, h.signature} {
		n += pages(s, h.page)
	}
	return n
}

func (h *header) title() string {
	title := fmt.Sprintf("Android boot image, version %d", h.version)
	if h.kernel == 0 {
		title = fmt.Sprintf("Android init_boot image, version %d", h.version)
	}
	title, _ = described(title, h.system)
	return title
}

func lookBoot(_ context.Context, src block.Source) (firmware.Sighting, error) {
	h, err := readBoot(src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	version, _ := system(h.system)
	return firmware.Sighting{Title: h.title(), Name: h.name, Version: version, Size: h.total()}, nil
}

func openBoot(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	h, err := readBoot(src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: h.title(), Name: h.name, Role: firmware.Kernel}
	part.Version, _ = system(h.system)
	if h.kernel == 0 {
		part.Role = firmware.Ramdisk
		part.Installs = append(part.Installs, firmware.Install{Where: "init_boot", Needs: h.total()})
	}
	if h.line != "" {
		part.Findings = append(part.Findings, commandLine.New(finding.Arg("line", h.line)))
	}
	l := &layout{ctx: ctx, src: src, part: part, page: h.page}
	l.header(h.size)
	l.add("kernel", firmware.Kernel, h.kernel)
	l.add("ramdisk", firmware.Ramdisk, h.ramdisk)
	l.add("second stage", firmware.BootLoader, h.second)
	l.add("device trees", firmware.DeviceTree, h.trees)
	overlay := l.end
	l.add("recovery overlay", firmware.DeviceTree, h.overlay)
	l.add("device tree", firmware.DeviceTree, h.tree)
	l.add("signature of the generic kernel", firmware.Signed, h.signature)
	if h.overlay > 0 && h.overlayAt != overlay {
		part.Checks = append(part.Checks, firmware.Check{What: "place of the recovery overlay", Method: "structure", State: firmware.Failed, Extent: block.Extent{Length: h.size},
			Expected: fmt.Sprint(overlay), Found: fmt.Sprint(h.overlayAt)})
	}
	if h.version < 3 && !bytes.Equal(h.id, make([]byte, len(h.id))) {
		part.Checks = append(part.Checks, h.check(ctx, src, l))
	}
	l.finish(o)
	return part, ctx.Err()
}

// check recomputes the ID: each part and then its size, as 4 bytes. A part that is not there counts by its size of 0, but
// for those that the version does not know.
func (h *header) check(ctx context.Context, src block.Source, l *layout) firmware.Check {
	method, want, sum := "SHA-1", h.id[:sha1.Size], hash.Hash(sha1.New())
	if !bytes.Equal(h.id[sha1.Size:], make([]byte, len(h.id)-sha1.Size)) {
		method, want, sum = "SHA-256", h.id, sha256.New()
	}
	over := block.Between(h.page, l.end)
	sizes := []int64{h.kernel, h.ramdisk, h.second}
	if h.trees > 0 {
		sizes = append(sizes, h.trees)
	}
	if h.version >= 1 {
		sizes = append(sizes, h.overlay)
	}
	if h.version >= 2 {
		sizes = append(sizes, h.tree)
	}
	at := h.page
	for _, n := range sizes {
		if err := region.Sum(ctx, src, sum, block.Extent{Offset: at, Length: n}); err != nil {
			return region.Unread("ID", method, over, hex.EncodeToString(want), src.Size(), err)
		}
		sum.Write(binary.LittleEndian.AppendUint32(nil, uint32(n)))
		at += pages(n, h.page)
	}
	c := firmware.Digest("ID", method, over, want, sum.Sum(nil))
	c.Why = "over kernel, ramdisk and the parts behind"
	return c
}
