package rauc

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"salvor/block"
	"salvor/cursor"
	"salvor/finding"
	"salvor/firmware"
	"salvor/firmware/internal/cms"
	"salvor/firmware/internal/region"
	"salvor/firmware/internal/squash"
)

const (
	trailer = 8
	// maxSignature is the longest CMS message that RAUC takes, in bytes.
	maxSignature = 64 << 10
	leastMessage = 64
	nameOf       = "manifest.raucm"
	maxFiles     = 10_000
)

// Findings are the declared findings of this package.
var Findings = []*finding.Def{hooks, locked, handler}

var (
	hooks = &finding.Def{Code: "firmware.rauc.hooks", Severity: finding.Info,
		Text: "the bundle runs a program of its own on the device ({part}): {found}"}
	handler = &finding.Def{Code: "firmware.rauc.handler", Severity: finding.Warning,
		Text: "the bundle is installed by a program of its own ({part}) and not by the rules of RAUC: what it writes cannot be told"}
	locked = &finding.Def{Code: "firmware.rauc.encrypted", Severity: finding.Info,
		Text: "the payload is encrypted with a key that only the devices have; the images in it cannot be looked at"}
)

// Format is the row of this package in the table of firmware formats.
func Format() firmware.Format {
	return firmware.Format{Name: "rauc", Title: "RAUC bundle", Look: look, Open: open}
}

// trailing is what stands at the end of a bundle.
type trailing struct {
	message *cms.Message
	at      int64 // where the message begins
	size    int64 // how long it is by the last 8 bytes
}

// readTrailer reads the signature at the end of a bundle.
func readTrailer(src block.Source) (*trailing, error) {
	end := src.Size() - trailer
	if end < leastMessage {
		return nil, cursor.ErrNot
	}
	p, err := cursor.Read(src, "RAUC bundle: trailer", end, trailer, trailer)
	if err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint64(p)
	if n < leastMessage || n > maxSignature || int64(n) > end {
		return nil, cursor.ErrNot
	}
	t := &trailing{at: end - int64(n), size: int64(n)}
	if p, err = cursor.Read(src, "RAUC bundle: signature", t.at, t.size, maxSignature); err != nil {
		return nil, err
	}
	t.message, err = cms.Parse(p)
	return t, err
}

// look sees a bundle by the signature at its end; one that lost it by the manifest in its squashfs.
func look(ctx context.Context, src block.Source) (firmware.Sighting, error) {
	_, err := readTrailer(src)
	if _, broken := cursor.IsCorrupt(err); err != nil && (broken || errors.Is(err, cursor.ErrNot)) {
		_, _, err = inside(ctx, src)
	}
	if err != nil {
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: "RAUC bundle", Size: src.Size()}, nil
}

// inside opens a squashfs that has a manifest.
func inside(ctx context.Context, src block.Source) (*squash.FS, map[string]squash.File, error) {
	f, err := squash.Open(ctx, src)
	var other *squash.VariantError
	if _, broken := cursor.IsCorrupt(err); broken || errors.As(err, &other) {
		return nil, nil, cursor.ErrNot
	}
	if err != nil {
		return nil, nil, err
	}
	files := map[string]squash.File{}
	err = f.Walk(ctx, func(file squash.File, err error) bool {
		if err == nil && file.Kind == squash.Regular {
			files[file.Path] = file
		}
		return len(files) < maxFiles
	})
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	if _, ok := files[nameOf]; !ok || err != nil {
		return nil, nil, cursor.ErrNot
	}
	return f, files, nil
}

// reading is the work on one bundle.
type reading struct {
	src     block.Source
	o       *firmware.Opening
	part    *firmware.Part
	payload block.Extent
	m       *manifest
}

func open(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	if _, err := look(ctx, src); err != nil {
		return nil, err
	}
	r := &reading{src: src, o: o, part: &firmware.Part{Title: "RAUC bundle", Role: firmware.Package}, payload: block.Extent{Length: src.Size()}}
	t, err := readTrailer(src)
	switch _, broken := cursor.IsCorrupt(err); {
	case err == nil:
		r.signed(ctx, t)
	case broken || errors.Is(err, cursor.ErrNot):
		r.part.Checks = append(r.part.Checks, firmware.Check{What: "signature", Method: "structure", State: firmware.Failed, Extent: block.Extent{Length: src.Size()},
			Expected: "a CMS message at the end of the bundle, and its length behind it", Found: fmt.Sprint(err), Why: "the file was cut off, or its last bytes were changed"})
	default:
		return nil, err
	}
	r.images(ctx)
	if r.m != nil {
		r.describe()
	}
	return r.part, ctx.Err()
}

func (r *reading) fail(what, expected, found string) {
	r.part.Checks = append(r.part.Checks, firmware.Check{What: what, Method: "structure", State: firmware.Failed, Extent: block.Extent{Length: r.src.Size()}, Expected: expected, Found: found})
}

// signed checks the signature, and what it covers.
func (r *reading) signed(ctx context.Context, t *trailing) {
	r.payload = block.Extent{Length: t.at}
	message := block.Extent{Offset: t.at, Length: t.size}
	length := firmware.Check{What: "length of the signature", Method: "structure", State: firmware.Passed, Extent: block.Between(message.End(), r.src.Size()), Strong: true,
		Expected: fmt.Sprintf("%d bytes", t.message.Size), Found: fmt.Sprintf("%d bytes", t.size)}
	if int64(t.message.Size) != t.size {
		length.State = firmware.Failed
	}
	r.part.Checks = append(r.part.Checks, length)
	sig := region.Part(r.src, "signature", firmware.Signed, message)
	sig.Title = "CMS signature"
	r.part.Children = append(r.part.Children, sig)
	if t.message.Encrypted {
		why := "the signature and the manifest in it are encrypted for the devices, and so is the payload"
		sig.Title = "encrypted CMS signature"
		r.part.Signatures = append(r.part.Signatures, firmware.Signature{What: "the whole bundle", Method: "CMS", State: firmware.Cannot, Why: why})
		r.part.Checks = append(r.part.Checks, firmware.Check{What: "payload", Method: "dm-verity SHA-256", State: firmware.Cannot, Extent: r.payload, Why: why})
		return
	}
	s := cms.Signed{What: "the whole bundle", Keys: r.o.Keys()}
	if t.message.Content == nil {
		s.Digest = func(h crypto.Hash) ([]byte, error) {
			x := h.New()
			err := region.Sum(ctx, r.src, x, r.payload)
			return x.Sum(nil), err
		}
	}
	a := t.message.Check(s)
	r.part.Signatures = append(r.part.Signatures, a.Signatures...)
	r.part.Findings = append(r.part.Findings, a.Findings...)
	sig.Checks = append(sig.Checks, a.Message)
	if t.message.Content == nil {
		a.Content.What, a.Content.Extent, a.Content.Strong = "payload", r.payload, a.Content.State == firmware.Passed
		r.part.Checks = append(r.part.Checks, a.Content)
		return
	}
	a.Content.What, a.Content.Extent = "manifest", message
	if p, err := cursor.Read(r.src, "CMS message", message.Offset, message.Length, message.Length); err == nil {
		at := bytes.Index(p, t.message.Content) // what stands around it has no sum
		if a.Content.Strong = a.Content.Strong && at >= 0; at >= 0 {
			a.Content.Extent = block.Extent{Offset: message.Offset + int64(at), Length: int64(len(t.message.Content))}
		}
	}
	r.part.Checks = append(r.part.Checks, a.Content)
	r.verity(ctx, t.message.Content)
}

// verity checks the payload by the manifest that is signed.
func (r *reading) verity(ctx context.Context, content []byte) {
	child := &firmware.Part{Name: nameOf, Title: "RAUC manifest", Role: firmware.Metadata, Size: int64(len(content)), Source: block.Bytes(content), Unpacked: true}
	r.part.Children = append(r.part.Children, child)
	m, err := parseManifest(content)
	if err != nil {
		r.fail("manifest", "a manifest", err.Error())
		return
	}
	r.m = m
	if m.format != "verity" && m.format != "crypt" {
		r.fail("manifest", "the format verity or crypt, since it stands in the signature", m.format[:min(len(m.format), 40)])
		return
	}
	tree := block.Extent{Offset: r.payload.Length - m.tree, Length: m.tree}
	if tree.Offset < 0 || len(m.root) != sha256.Size {
		r.fail("manifest", fmt.Sprintf("a root hash of %d bytes and a tree of at most %d", sha256.Size, r.payload.Length), fmt.Sprintf("%d and %d", len(m.root), m.tree))
		return
	}
	r.payload.Length -= m.tree
	v, err := newVerity(r.src, r.payload, tree, m.salt, m.root)
	if err != nil {
		r.fail("payload", "the size of the payload and of its tree by the manifest", err.Error())
		return
	}
	r.part.Checks = append(r.part.Checks, v.check(ctx)...)
}

// images opens the images in the squashfs by the manifest.
func (r *reading) images(ctx context.Context) {
	if r.m != nil && r.m.format == "crypt" {
		r.part.Findings = append(r.part.Findings, locked.New())
		return
	}
	f, files, err := inside(ctx, block.Section(r.src, r.payload))
	if err != nil {
		if ctx.Err() == nil && (len(r.part.Signatures) == 0 || !strings.Contains(r.part.Signatures[0].Why, "encrypted")) {
			r.fail("payload", "a squashfs image with "+nameOf, err.Error())
		}
		return
	}
	if r.m == nil {
		child := r.child(f, files[nameOf], firmware.Metadata)
		child.Title = "RAUC manifest"
		r.part.Children = append(r.part.Children, child)
		p, err := cursor.Read(child.Source, structure, 0, child.Size, maxManifest)
		if err == nil {
			r.m, err = parseManifest(p)
		}
		if err != nil {
			r.fail("manifest", "a manifest", err.Error())
			return
		}
		if r.m.format != "plain" && len(r.part.Signatures) > 0 {
			r.fail("manifest", "the format plain, since it is not in the signature", r.m.format[:min(len(r.m.format), 40)])
		}
	}
	for i := range r.m.images {
		if ctx.Err() != nil {
			return
		}
		r.image(ctx, f, files, &r.m.images[i])
	}
	for _, name := range []string{r.m.hook, r.m.handler} {
		if file, ok := files[name]; ok && name != "" {
			r.part.Children = append(r.part.Children, r.child(f, file, firmware.Script))
		} else if name != "" {
			r.fail(name, "a file that the manifest names", "none")
		}
	}
}

// child is a file in the squashfs.
func (r *reading) child(f *squash.FS, file squash.File, role firmware.Role) *firmware.Part {
	return &firmware.Part{Name: file.Path, Role: role, Size: file.Size, Source: f.Content(file), Unpacked: true}
}

// image opens one image, and holds it against the manifest.
func (r *reading) image(ctx context.Context, f *squash.FS, files map[string]squash.File, i *image) {
	if i.file == "" {
		return // a slot that is only handled by a hook
	}
	file, ok := files[path.Clean(i.file)]
	if !ok {
		r.fail(i.file, "a file that the manifest names", "none")
		return
	}
	child := r.child(f, file, roleOf(i.class))
	whole := block.Extent{Length: file.Size}
	if ext := path.Ext(i.file); ext == ".caibx" || ext == ".caidx" {
		child.Title = "index of casync"
		child.Checks = append(child.Checks, firmware.Check{What: i.file, Method: "SHA-256", State: firmware.Cannot, Expected: i.sha256, Why: "it is only an index: the content lies in a store of chunks beside the bundle"})
		r.part.Children = append(r.part.Children, child)
		return
	}
	if i.size >= 0 {
		child.Announced = i.size
		if i.size != file.Size {
			child.Checks = append(child.Checks, firmware.Check{What: i.file, Method: "size", State: firmware.Failed, Extent: whole, Expected: fmt.Sprintf("%d bytes", i.size), Found: fmt.Sprintf("%d bytes", file.Size)})
		}
	}
	if want, err := hex.DecodeString(i.sha256); err == nil && len(want) == sha256.Size {
		child.Checks = append(child.Checks, region.Digest(ctx, child.Source, i.file, "SHA-256", whole, sha256.New(), want))
	} else if i.sha256 != "" {
		r.fail(i.file, "a SHA-256 of 64 hex digits", i.sha256[:min(len(i.sha256), 80)])
	}
	r.o.Inner(ctx, child)
	if i.variant != "" {
		child.Title = strings.TrimPrefix(child.Title+", variant "+i.variant, ", ")
	}
	if i.adaptive != "" {
		child.Title = strings.TrimPrefix(child.Title+", adaptive by "+i.adaptive, ", ")
	}
	r.part.Children = append(r.part.Children, child)
}

// describe tells what the manifest says of the device and of what is installed.
func (r *reading) describe() {
	m := r.m
	r.part.Version = m.version
	r.part.Title = fmt.Sprintf("RAUC bundle, %s", m.format)
	r.part.Claims = append(r.part.Claims, firmware.Claim{Kind: firmware.Compatible, Values: []string{m.compatible}})
	var slots []string
	for i := range m.images {
		x := &m.images[i]
		if x.hooks != "" {
			slots = append(slots, x.class+": "+strings.ReplaceAll(x.hooks, ";", ", "))
		}
		install := firmware.Install{Where: x.class, Loader: roleOf(x.class) == firmware.BootLoader}
		if raw(x.file) {
			install.Needs = max(x.size, 0)
		}
		to := r.part
		if at := slices.IndexFunc(r.part.Children, func(c *firmware.Part) bool { return c.Name == path.Clean(x.file) && x.file != "" }); at >= 0 {
			to = r.part.Children[at]
		}
		if !slices.Contains(to.Installs, install) {
			to.Installs = append(to.Installs, install)
		}
	}
	if m.hook != "" {
		r.part.Findings = append(r.part.Findings, hooks.New(finding.Arg("part", m.hook), finding.Expected(nil, strings.Join(slots, "; "))))
	}
	if m.handler != "" {
		r.part.Findings = append(r.part.Findings, handler.New(finding.Arg("part", m.handler)))
	}
}

// raw reports whether a file is written as it is, so that its size is what the slot needs. Archives, indexes of casync
// and sparse images are not.
func raw(file string) bool {
	base := path.Base(file)
	for _, s := range []string{".tar", ".caibx", ".caidx", ".catar", ".simg", ".vfat.simg"} {
		if strings.Contains(base, s) {
			return false
		}
	}
	return true
}

// roleOf says what a slot class is for, by the names that RAUC's documentation uses.
func roleOf(class string) firmware.Role {
	switch c := strings.ToLower(class); {
	case strings.Contains(c, "bootloader") || strings.Contains(c, "barebox") || strings.Contains(c, "u-boot") || strings.Contains(c, "uboot"):
		return firmware.BootLoader
	case strings.Contains(c, "rootfs") || c == "system":
		return firmware.RootFS
	case strings.Contains(c, "kernel"):
		return firmware.Kernel
	case strings.Contains(c, "dtb") || strings.Contains(c, "devicetree"):
		return firmware.DeviceTree
	}
	return firmware.Data
}
