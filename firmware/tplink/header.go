package tplink

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/fsimage"
	"salvor/firmware/internal/region"
	"salvor/firmware/internal/vendor"
)

const (
	structure = "TP-Link image: header"
	headSize  = 512
	// maxAll is more than the flash of any of these devices has, in bytes.
	maxAll = 512 << 20
)

// The salts, with which the place of the MD5 is filled: of images without and with a boot loader, of the tools for both
// versions of the header.
var salts = [][]byte{
	{0xdc, 0xd7, 0x3a, 0xa5, 0xc3, 0x95, 0x98, 0xfb, 0xdd, 0xf9, 0xe7, 0xf4, 0x0e, 0xae, 0x47, 0x38},
	{0x8c, 0xef, 0x33, 0x5b, 0xd5, 0xc5, 0xce, 0xfa, 0xa7, 0x9c, 0x28, 0xda, 0xb2, 0xe9, 0x0f, 0x42},
	{0xdc, 0xd7, 0x3a, 0xa5, 0xc3, 0x95, 0x98, 0xfb, 0xdc, 0xf9, 0xe7, 0xf4, 0x0e, 0xae, 0x47, 0x37},
	{0x8c, 0xef, 0x33, 0x5f, 0xd5, 0xc5, 0xce, 0xfa, 0xac, 0x9c, 0x28, 0xda, 0xb2, 0xe9, 0x0f, 0x42},
}

// layout is where a version of the header has its fields.
type layout struct {
	maker, makerSize     int // 0 for none
	version, versionSize int
	hardware             int
	sum                  int
	length               int // of all, then the parts
	numbers, numberSize  int
	region               int // as text, 0 for none
}

var (
	first  = layout{maker: 4, makerSize: 24, version: 28, versionSize: 36, hardware: 64, sum: 76, length: 124, numbers: 152, numberSize: 2, region: 288}
	second = layout{version: 4, versionSize: 48, hardware: 52, sum: 64, length: 112, numbers: 145, numberSize: 1}
)

// header is what one says.
type header struct {
	layout
	mark           uint32 // 1, 2 or 3
	name, text     string
	hw, rev, area  uint32
	sumBytes       []byte
	all            int64
	kernel, root   block.Extent
	boot           block.Extent
	number, region string
}

// Formats are the rows of this package in the table of firmware formats.
func Formats() []firmware.Format {
	return []firmware.Format{
		{Name: "tplink", Title: "TP-Link image", Probes: []probe.Probe{{ID: "firmware.tplink.header", Bytes: []byte("\x01\x00\x00\x00TP-LINK Technologies"), Align: 4}}, Look: look, Open: open},
		{Name: "safeloader", Title: "TP-Link SafeLoader image", Probes: []probe.Probe{{ID: "firmware.safeloader.table", Bytes: []byte("fwup-ptn "), At: tableAt}}, Look: lookSafe, Open: openSafe},
	}
}

func parse(p []byte) (*header, error) {
	c := cursor.New(structure, 0, p)
	mark := c.Uint32BE()
	if c.Err() != nil || len(p) < headSize || mark&0xFFFFFF != 0 || mark>>24 < 1 || mark>>24 > 3 {
		return nil, cursor.ErrNot
	}
	try := []layout{second}
	switch mark >>= 24; mark {
	case 1:
		try = []layout{first}
	case 2:
		try = []layout{first, second} // tools mark both so
	}
	for _, l := range try {
		if h := l.parse(p, mark); h != nil {
			return h, nil
		}
	}
	return nil, cursor.ErrNot
}

// parse reads a header of that layout; nil when it is none.
func (l layout) parse(p []byte, mark uint32) *header {
	h := &header{layout: l, mark: mark, text: vendor.Text(p[l.version : l.version+l.versionSize]), name: vendor.Text(p[l.maker : l.maker+l.makerSize])}
	c := cursor.New(structure, int64(l.hardware), p[l.hardware:])
	h.hw, h.rev, h.area = c.Uint32BE(), c.Uint32BE(), c.Uint32BE()
	h.sumBytes = p[l.sum : l.sum+md5.Size]
	c = cursor.New(structure, int64(l.length), p[l.length:])
	h.all = int64(c.Uint32BE())
	for _, e := range []*block.Extent{&h.kernel, &h.root, &h.boot} {
		*e = block.Extent{Offset: int64(c.Uint32BE()), Length: int64(c.Uint32BE())}
	}
	c = cursor.New(structure, int64(l.numbers), p[l.numbers:])
	var n [3]uint16
	for i := range n {
		if l.numberSize == 2 {
			n[i] = c.Uint16BE()
		} else {
			n[i] = uint16(c.Uint8())
		}
	}
	if n != [3]uint16{} {
		h.number = fmt.Sprintf("%d.%d.%d", n[0], n[1], n[2])
	}
	if l.region > 0 {
		h.region = regionOf(vendor.Text(p[l.region : l.region+32]))
	}
	if !plain(h.text) || !plain(h.name) || l.maker > 0 && h.name == "" || len(h.text) < 2 || h.all > maxAll || h.hw == 0 || h.kernel.Length == 0 || h.kernel.Offset < headSize ||
		h.all > 0 && (h.kernel.End() > h.all || h.root.Length > 0 && (h.root.End() > h.all || h.root.Offset < headSize) || h.boot.End() > h.all) {
		return nil
	}
	return h
}

func plain(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}

// regionOf reads "00000000;55530000;" as "US": the letters of the last number but the text's end.
func regionOf(text string) string {
	parts := strings.Split(strings.TrimSuffix(text, ";"), ";")
	p, err := hex.DecodeString(parts[len(parts)-1])
	name := vendor.Text(p)
	if err != nil || len(parts) < 2 || len(p) != 4 || name == "" || !plain(name) {
		return ""
	}
	return name
}

func read(src block.Source) (*header, error) {
	p, err := cursor.Read(src, structure, 0, headSize, headSize)
	if err != nil {
		return nil, region.NotHere(err)
	}
	return parse(p)
}

func look(_ context.Context, src block.Source) (firmware.Sighting, error) {
	h, err := read(src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: h.title(), Name: h.name, Version: h.versionText(), Size: max(h.kernel.End(), h.root.End(), h.boot.End())}, nil
}

// title names the image for people. Its length is what the flash has room for; files may end before.
func (h *header) title() string { return fmt.Sprintf("TP-Link image, version %d", h.mark) }

// versionText is the version as numbers, or as the maker writes it.
func (h *header) versionText() string {
	if h.number != "" {
		return h.number
	}
	return h.text
}

func open(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	h, err := read(src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: h.title(), Name: h.text, Version: h.versionText(), Role: firmware.Package, Announced: max(h.kernel.End(), h.root.End(), h.boot.End())}
	part.Checks = append(part.Checks, h.check(ctx, src))
	part.Claims = append(part.Claims, firmware.Claim{Kind: firmware.Product, Values: []string{fmt.Sprintf("0x%08x", h.hw)}})
	part.Claims = append(part.Claims, firmware.Claim{Kind: firmware.Hardware, Values: []string{fmt.Sprint(h.rev)}})
	if h.region != "" {
		part.Claims = append(part.Claims, firmware.Claim{Kind: firmware.Region, Values: []string{h.region}})
	}
	if h.mark == 3 {
		part.Signatures = append(part.Signatures, firmware.Signature{What: "image", Method: "RSA", State: firmware.Cannot, Why: "TP-Link has not said how images of this version are signed"})
	}
	for _, p := range []struct {
		name string
		role firmware.Role
		e    block.Extent
	}{{"boot loader", firmware.BootLoader, h.boot}, {"kernel", firmware.Kernel, h.kernel}, {"root file system", firmware.RootFS, h.root}} {
		if p.e.Length == 0 {
			continue
		}
		child := vendor.Inside(ctx, src, o, part, p.name, p.role, p.e)
		child.Role = p.role
		if p.role == firmware.BootLoader {
			child.Installs = []firmware.Install{{Where: "u-boot", Needs: p.e.Length, Loader: true}}
		}
	}
	part.Installs = []firmware.Install{{Where: "firmware", Needs: max(h.all, src.Size())}}
	if h.sumless() {
		fsimage.Behind(ctx, src, max(h.kernel.End(), h.root.End()), part, o)
	}
	return part, ctx.Err()
}

// sumless reports whether the header is that of a kernel alone, whose MD5 nobody filled in.
func (h *header) sumless() bool { return string(h.sumBytes) == strings.Repeat("\x00", md5.Size) }

// check computes the MD5 of the whole file. Whichever salt fits is the right one.
func (h *header) check(ctx context.Context, src block.Source) firmware.Check {
	const what, method = "image", "MD5 of TP-Link"
	whole := block.Extent{Length: src.Size()}
	if h.sumless() {
		return firmware.Check{What: what, Method: method, State: firmware.Cannot, Extent: whole, Why: "the header is that of a kernel alone, which has no sum"}
	}
	sums := make([]io.Writer, len(salts))
	hashes := make([]interface{ Sum([]byte) []byte }, len(salts))
	for i, salt := range salts {
		x := md5.New()
		if err := region.Sum(ctx, src, x, block.Extent{Length: int64(h.sum)}); err != nil {
			return region.Unread(what, method, whole, hex.EncodeToString(h.sumBytes), src.Size(), err)
		}
		x.Write(salt)
		sums[i], hashes[i] = x, x
	}
	all := io.MultiWriter(sums...)
	err := region.Scan(ctx, src, block.Between(int64(h.sum+md5.Size), src.Size()), func(p []byte) error { _, err := all.Write(p); return err })
	if err != nil {
		return region.Unread(what, method, whole, hex.EncodeToString(h.sumBytes), src.Size(), err)
	}
	best := 0
	if h.boot.Length > 0 {
		best = 1
	}
	for i, x := range hashes {
		if string(x.Sum(nil)) == string(h.sumBytes) {
			best = i
		}
	}
	return firmware.Digest(what, method, whole, h.sumBytes, hashes[best].Sum(nil))
}
