package fit

import (
	"crypto"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"
	"slices"
	"strings"

	"salvor/block"
	"salvor/firmware"
	"salvor/firmware/internal/fdt"
	"salvor/firmware/internal/pubkey"
	"salvor/firmware/internal/region"
)

// image is an image of a FIT.
type image struct {
	node  *fdt.Node
	data  block.Extent
	found bool // the tree says where the data are
	part  *firmware.Part
	// strong are the names of the hash nodes that fit; weak are those that fit and can be forged, wrong those that do not
	// fit, open those that cannot be computed. A CRC that fits is in none.
	strong, weak, wrong, open []string
}

// hashes are the algorithms of hash and signature nodes.
var hashes = map[string]crypto.Hash{"md5": crypto.MD5, "sha1": crypto.SHA1, "sha256": crypto.SHA256, "sha384": crypto.SHA384, "sha512": crypto.SHA512}

// dataOf returns where the data of an image are.
func dataOf(t *fdt.Tree, n *fdt.Node) (block.Extent, bool) {
	size, sized := n.Length("data-size")
	if at, ok := n.Length("data-position"); ok && sized {
		return block.Extent{Offset: at, Length: size}, true
	}
	if at, ok := n.Length("data-offset"); ok && sized {
		return block.Extent{Offset: (t.TotalSize+3)&^3 + at, Length: size}, true
	}
	v, ok := n.Get("data")
	return v.Extent, ok
}

func (r *reading) readImages(images *fdt.Node) {
	for i, n := range images.Children {
		if r.ctx.Err() != nil {
			return
		}
		if i >= maxImages {
			r.failed("images", "number", fmt.Sprintf("at most %d", maxImages), fmt.Sprint(len(images.Children)))
			return
		}
		r.readImage(n)
	}
}

func (r *reading) readImage(n *fdt.Node) {
	m := &image{node: n}
	r.images = append(r.images, m)
	m.data, m.found = dataOf(r.t, n)
	inside, _ := n.Get("data")
	outside := m.found && inside.Extent != m.data
	role, title := sort(n)
	if !m.found {
		// The names of a tree that is cut off are gone; its largest value is what the image must be.
		if r.t.Strings.End() <= r.src.Size() || len(n.Properties) == 0 {
			if r.t.StructEnd != 0 {
				r.failed("image "+n.Name, "data", "data, or a size with an offset", "none")
			}
			return
		}
		m.data = slices.MaxFunc(n.Properties, func(a, b fdt.Value) int { return int(a.Extent.Length - b.Extent.Length) }).Extent
		m.found = true
	}
	m.part = region.Part(r.src, n.Name, role, m.data)
	m.part.Title, m.part.Compression = title, n.Text("compression")
	if m.part.Compression == "none" {
		m.part.Compression = ""
	}
	r.part.Children = append(r.part.Children, m.part)
	if m.data.End() > r.src.Size() && m.data.Offset >= r.t.TotalSize {
		r.part.Checks = append(r.part.Checks, firmware.Cut("image "+n.Name, m.data.End(), r.src.Size()))
	}
	r.checkHashes(m)
	if v, ok := n.Get("data"); ok && v.Extent == m.data && slices.ContainsFunc(m.part.Checks, func(c firmware.Check) bool { return c.State == firmware.Passed }) {
		// The token of the data is forced: with another number, length or name the hash would be of other bytes.
		r.forced(n.Name, v.Extent)
	}
	if role == firmware.BootLoader {
		m.part.Installs = append(m.part.Installs, firmware.Install{Needs: m.data.Length, Loader: true})
	}
	switch {
	case outside && m.data.Offset < r.t.TotalSize:
		// An image that holds the tree which holds it has no end.
		r.failed("place of image "+n.Name, "structure", fmt.Sprintf("data behind the %d bytes of the tree", r.t.TotalSize), fmt.Sprintf("data at %d", m.data.Offset))
	case slices.ContainsFunc(r.images[:len(r.images)-1], func(o *image) bool { return o.part != nil && o.data == m.data }):
		// What it is has been told with the other one.
	case n.Child("cipher") != nil:
		m.part.Title += ", encrypted"
	case m.part.Size < m.data.Length:
		// What is cut off is told above; opening it would tell the same again.
	case m.part.Compression != "":
		r.o.Unpack(r.ctx, m.part, m.part.Compression)
	default:
		r.o.Inner(r.ctx, m.part)
	}
}

// sort says what an image is for, and how people call it.
func sort(n *fdt.Node) (firmware.Role, string) {
	kind, os := n.Text("type"), n.Text("os")
	role, title := firmware.Data, "image"
	if k, ok := kinds[kind]; ok {
		role, title = k.role, k.title
	} else if kind != "" {
		title = kind
	}
	if slices.Contains(loaders, os) && (role == firmware.Program || role == firmware.Data || role == firmware.Kernel) {
		role = firmware.BootLoader
	}
	for _, s := range []string{architectures[n.Text("arch")], os} {
		if s != "" {
			title += ", " + s
		}
	}
	if c := n.Text("compression"); c != "" && c != "none" {
		title += ", " + c
	}
	for _, p := range []struct{ name, words string }{{"load", "to"}, {"entry", "starts at"}} {
		if v, ok := n.Number(p.name); ok {
			title += fmt.Sprintf(", %s %#x", p.words, v)
		}
	}
	return role, title
}

// forced adds the check of the 12 bytes in front of data in the tree, and of what fills them up to 4.
func (r *reading) forced(name string, data block.Extent) {
	token := block.Extent{Offset: data.Offset - 12, Length: 12}
	if data.End() > r.src.Size() {
		return
	}
	r.part.Checks = append(r.part.Checks, firmware.Check{What: "place of image " + name, Method: "structure", State: firmware.Passed, Extent: token, Strong: true, Expected: "data", Found: "data"})
	if fill := block.Between(data.End(), (data.End()+3)&^3); fill.Length > 0 {
		r.part.Checks = append(r.part.Checks, region.Padding(r.ctx, r.src, "filling behind image "+name, fill, 0))
	}
}

// checkHashes makes the checks of all hashes of an image.
func (r *reading) checkHashes(m *image) {
	n := m.node
	for _, c := range n.Children {
		if !hasPrefix(c, "hash") {
			continue
		}
		algo := c.Text("algo")
		v, ok := c.Get("value")
		if !ok && algo == "" {
			continue // one that is ignored, or whose names are cut off
		}
		check := firmware.Check{What: "data, " + c.Name, Method: algo, State: firmware.Cannot, Extent: block.Extent{Length: m.data.Length}, Strong: true, Expected: hex.EncodeToString(v.Data)}
		var h hash.Hash
		kind, known := hashes[algo]
		switch {
		case known:
			h = kind.New()
			check.Method = kind.String()
		case algo == "crc32":
			h = crc32.NewIEEE()
			check.Method = "CRC-32"
		}
		switch {
		case h == nil:
			check.Why = fmt.Sprintf("%q is no hash that is known here", algo)
		case len(v.Data) != h.Size():
			check.State, check.Expected, check.Found = firmware.Failed, fmt.Sprintf("%d bytes", h.Size()), fmt.Sprintf("%d bytes in the tree", len(v.Data))
		case m.data.End() > r.src.Size():
			check.Why = "the file ends inside of it"
		case r.left < m.data.Length:
			check.Why = fmt.Sprintf("the hashes of the images are over more than %d times the file", maxHashed)
		default:
			r.left -= m.data.Length
			check = region.Digest(r.ctx, m.part.Source, check.What, check.Method, check.Extent, h, v.Data)
		}
		m.part.Checks = append(m.part.Checks, check)
		switch {
		case check.State == firmware.Failed:
			m.wrong = append(m.wrong, c.Name)
		case check.State == firmware.Cannot:
			m.open = append(m.open, c.Name)
		case pubkey.Weak(kind, 0) != "":
			m.weak = append(m.weak, c.Name)
		case known:
			m.strong = append(m.strong, c.Name)
		}
	}
}

// algorithm takes apart what a signature node names: "sha256,rsa2048".
func algorithm(n *fdt.Node) (crypto.Hash, pubkey.Scheme, error) {
	algo := n.Text("algo")
	name, key, _ := strings.Cut(algo, ",")
	h, ok := hashes[name]
	switch {
	case !ok:
	case strings.HasPrefix(key, "rsa"):
		switch padding := n.Text("padding"); padding {
		case "", "pkcs-1.5":
			return h, pubkey.PKCS1, nil
		case "pss":
			return h, pubkey.PSS, nil
		default:
			return 0, 0, fmt.Errorf("%q is no padding that is known here", padding)
		}
	case strings.HasPrefix(key, "ecdsa"), strings.HasPrefix(key, "secp"):
		return h, pubkey.ECDSA, nil
	}
	return 0, 0, fmt.Errorf("%q is no way of signing that is known here", algo)
}
