package nordic

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/asn1"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"math/big"
	"slices"
	"strings"

	"salvor/block"
	"salvor/cursor"
	"salvor/finding"
	"salvor/firmware"
	"salvor/firmware/internal/pubkey"
	"salvor/firmware/internal/region"
	"salvor/firmware/internal/zipfile"
)

// maxText is the largest manifest or init packet, in bytes.
const maxText = 1 << 20

// anyDevice stands for each version of the SoftDevice.
const anyDevice = 0xFFFE

// Findings are the declared findings of this package.
var Findings = []*finding.Def{needs, debug}

var (
	needs = &finding.Def{Code: "firmware.nordic.softdevice", Severity: finding.Info,
		Text: "the boot loader takes it only where one of these is installed: {expected}"}
	debug = &finding.Def{Code: "firmware.nordic.debug", Severity: finding.Warning,
		Text: "it is a package for tests: versions and hardware are not compared by the boot loader"}
)

// Format is the row of this package in the table of firmware formats. It has no magic but that of a zip archive.
func Format() firmware.Format {
	return firmware.Format{Name: "nordic", Title: "update for Nordic nRF5", Look: look, Open: open}
}

func look(_ context.Context, src block.Source) (firmware.Sighting, error) {
	name, err := zipfile.Starts(src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: "zip archive", Name: name}, nil
}

// image is one of a manifest.
type image struct {
	Bin  string          `json:"bin_file"`
	Dat  string          `json:"dat_file"`
	Init json.RawMessage `json:"init_packet_data"` // of old packages
}

// kinds are the images that a manifest may have.
var kinds = []struct {
	key, title string
	role       firmware.Role
	loader     bool
}{
	{"application", "application", firmware.Program, false}, {"softdevice", "SoftDevice", firmware.Program, false}, {"bootloader", "boot loader", firmware.BootLoader, true},
	{"softdevice_bootloader", "SoftDevice and boot loader", firmware.BootLoader, true},
}

// parseManifest reads a manifest; cursor.ErrNot for any other manifest.json.
func parseManifest(p []byte) (map[string]image, error) {
	var doc struct {
		Manifest map[string]json.RawMessage `json:"manifest"`
	}
	if json.Unmarshal(p, &doc) != nil {
		return nil, cursor.ErrNot
	}
	out := map[string]image{}
	for _, k := range kinds {
		var i image
		if raw, ok := doc.Manifest[k.key]; ok && json.Unmarshal(raw, &i) == nil && i.Bin != "" && i.Dat != "" {
			out[k.key] = i
		}
	}
	if len(out) == 0 {
		return nil, cursor.ErrNot
	}
	return out, nil
}

// reading is a package that is read.
type reading struct {
	src   block.Source
	o     *firmware.Opening
	a     *zipfile.Archive
	part  *firmware.Part
	taken map[string]bool
	// signed is how many images have a signed init packet.
	signed int
}

func open(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	if _, err := zipfile.Starts(src); err != nil {
		return nil, err
	}
	a, err := zipfile.Read(ctx, src)
	if err != nil {
		return nil, err
	}
	r := &reading{src: src, o: o, a: a, part: &firmware.Part{Title: "update for Nordic nRF5", Role: firmware.Package}, taken: map[string]bool{}}
	manifest := r.member(ctx, "manifest.json", firmware.Metadata)
	if manifest == nil {
		return nil, cursor.ErrNot
	}
	text, err := small(manifest)
	if err != nil {
		return nil, cursor.ErrNot
	}
	images, err := parseManifest(text)
	if err != nil {
		return nil, err
	}
	manifest.Title = "manifest"
	r.part.Checks = append(r.part.Checks, a.Checks(src)...)
	r.part.Children = append(r.part.Children, manifest)
	for _, k := range kinds {
		if i, ok := images[k.key]; ok {
			r.image(ctx, i, k.title, k.role, k.loader)
		}
	}
	for i := range r.part.Signatures { // the manifest itself never gets to the device
		r.part.Signatures[i].Partial = r.signed < len(images)
	}
	for n := range a.Members {
		m := &a.Members[n]
		if !r.taken[m.Name] && !m.Folder() {
			r.part.Children = append(r.part.Children, m.Open(ctx, src, o, firmware.Data))
		}
	}
	return r.part, ctx.Err()
}

// member opens a member of the archive, closed; nil when there is none.
func (r *reading) member(ctx context.Context, name string, role firmware.Role) *firmware.Part {
	for n := range r.a.Members {
		if m := &r.a.Members[n]; m.Name == name {
			r.taken[name] = true
			p := m.Open(ctx, r.src, r.o, role)
			p.Role = role
			return p
		}
	}
	return nil
}

// plain is what a member holds: what came out of it where it is packed.
func plain(p *firmware.Part) *firmware.Part {
	if len(p.Children) > 0 && p.Children[0].Unpacked {
		return p.Children[0]
	}
	return p
}

func small(p *firmware.Part) ([]byte, error) {
	s := plain(p).Source
	if s == nil {
		return nil, io.ErrUnexpectedEOF
	}
	return cursor.Read(s, p.Name, 0, s.Size(), maxText)
}

// image opens an image with its init packet.
func (r *reading) image(ctx context.Context, i image, title string, role firmware.Role, loader bool) {
	missing := func(name string) {
		r.part.Checks = append(r.part.Checks, firmware.Check{What: title, Method: "presence", State: firmware.Failed, Expected: "a file " + name, Found: "none", Why: "the manifest names it"})
	}
	bin, dat := r.member(ctx, i.Bin, role), r.member(ctx, i.Dat, firmware.Signed)
	for _, x := range []struct {
		p    *firmware.Part
		name string
	}{{bin, i.Bin}, {dat, i.Dat}} {
		if x.p == nil {
			missing(x.name)
			continue
		}
		r.part.Children = append(r.part.Children, x.p)
	}
	if bin != nil {
		bin.Title = title
		if loader {
			bin.Installs = append(bin.Installs, firmware.Install{Where: "boot loader", Loader: true})
		}
	}
	if dat == nil {
		return
	}
	dat.Title = "init packet"
	text, err := small(dat)
	var k *packet
	if err == nil {
		if k, err = parsePacket(text); len(i.Init) > 0 || err != nil {
			if old, second := parseOld(text); second == nil && len(i.Init) > 0 {
				k, err = old, nil
			}
		}
	}
	if err != nil {
		dat.Checks = append(dat.Checks, firmware.Check{What: "init packet", Method: "structure", State: firmware.Failed, Extent: block.Extent{Length: dat.Size}, Expected: "an init packet", Found: err.Error()})
		return
	}
	if bin != nil {
		if got := k.check(ctx, bin, r.o); len(got) > 0 {
			r.signed++
			r.part.Signatures = append(r.part.Signatures, got...)
		}
		if k.hasKind && (k.kind >= uint64(len(types)) || types[k.kind] != title && types[k.kind] != "external "+title) {
			dat.Checks = append(dat.Checks, firmware.Check{What: "init packet", Method: "type", State: firmware.Failed, Extent: block.Extent{Length: dat.Size}, Expected: title, Found: kindName(k.kind)})
		}
		bin.Version = fmt.Sprint(k.version)
		if r.part.Version == "" {
			r.part.Version = bin.Version
		}
	}
	if k.debug {
		r.part.Findings = append(r.part.Findings, debug.New())
	}
	if k.hasHW && !k.debug {
		r.part.Claims = append(r.part.Claims, firmware.Claim{Kind: firmware.Hardware, Values: []string{fmt.Sprint(k.hardware)}})
	}
	var devices []string
	for _, d := range k.devices {
		devices = append(devices, fmt.Sprintf("SoftDevice 0x%04x", d))
	}
	if len(devices) > 0 && !slices.Contains(k.devices, anyDevice) && !slices.Contains(k.devices, 0) {
		r.part.Findings = append(r.part.Findings, needs.New(finding.Expected(strings.Join(devices, ", "), nil)))
	}
}

// kindName names a type of firmware.
func kindName(n uint64) string {
	if n < uint64(len(types)) {
		return types[n]
	}
	return fmt.Sprintf("type %d", n)
}

// reversed is p with its last byte first.
func reversed(p []byte) []byte {
	out := slices.Clone(p)
	slices.Reverse(out)
	return out
}

// check holds an image against its init packet, and the signature against the keys.
func (k *packet) check(ctx context.Context, p *firmware.Part, o *firmware.Opening) (out []firmware.Signature) {
	x := plain(p)
	whole := block.Extent{Length: x.Size}
	if k.old {
		sum := uint16(0xFFFF)
		c := firmware.Check{What: "image", Method: "CRC-16", State: firmware.Passed, Extent: whole, Expected: fmt.Sprintf("%04x", k.crc)}
		if err := region.Scan(ctx, x.Source, whole, func(b []byte) error { sum = crc16(sum, b); return nil }); err != nil {
			c = region.Unread("image", "CRC-16", whole, c.Expected, x.Size, err)
		} else if c.Found = fmt.Sprintf("%04x", sum); sum != k.crc {
			c.State = firmware.Failed
		}
		x.Checks = append(x.Checks, c)
		return nil
	}
	if k.sizes != x.Size {
		x.Checks = append(x.Checks, firmware.Check{What: "image", Method: "size", State: firmware.Failed, Extent: whole, Expected: fmt.Sprintf("%d bytes", k.sizes), Found: fmt.Sprintf("%d bytes", x.Size)})
	}
	var h hash.Hash
	name := ""
	switch k.hashKind {
	case 3:
		h, name = sha256.New(), "SHA-256"
	case 4:
		h, name = sha512.New(), "SHA-512"
	default:
		x.Checks = append(x.Checks, firmware.Check{What: "image", Method: "hash", State: firmware.Cannot, Extent: whole, Why: fmt.Sprintf("the init packet has a hash of the kind %d", k.hashKind)})
	}
	if h != nil {
		x.Checks = append(x.Checks, region.Digest(ctx, x.Source, "image", name, whole, h, reversed(k.hash)))
	}
	if !k.signed {
		return nil
	}
	s := &pubkey.Statement{What: "the init packet, with the hash of " + p.Name, Hash: crypto.SHA256, Message: k.command, Scheme: pubkey.ECDSA}
	if k.scheme == 1 {
		s.Scheme, s.Hash, s.Signature = pubkey.Ed25519, 0, k.signature
	} else {
		s.Signature = signature(k.signature)
	}
	return append(out, pubkey.Check(o.Keys(), s))
}

// signature is one of two halves, each with its last byte first, as ASN.1.
func signature(p []byte) []byte {
	if len(p) != 64 {
		return p
	}
	out, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(reversed(p[:32])), new(big.Int).SetBytes(reversed(p[32:]))})
	if err != nil {
		return p
	}
	return out
}
