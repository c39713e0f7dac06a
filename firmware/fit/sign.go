package fit

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/fdt"
	"salvor/firmware/internal/pubkey"
	"salvor/firmware/internal/region"
)

const (
	maxSignatures = 256
	maxNodes      = 4096
)

// signatures checks all signatures, those of images and those of configurations.
func (r *reading) signatures() {
	left := maxSignatures
	signed := map[*fdt.Node]bool{}
	for _, c := range r.configs {
		for _, n := range c.Children {
			if !hasPrefix(n, "signature") || r.ctx.Err() != nil {
				continue
			}
			signed[c] = true
			if left--; left >= 0 {
				r.configSignature(c, n)
			}
		}
	}
	for _, m := range r.images {
		for _, n := range m.node.Children {
			if !hasPrefix(n, "signature") || m.part == nil || r.ctx.Err() != nil {
				continue
			}
			if left--; left >= 0 {
				r.imageSignature(m, n, signed)
			}
		}
	}
	if left < 0 {
		r.part.Signatures = append(r.part.Signatures, firmware.Signature{What: "the image", Method: "a signature", State: firmware.Cannot, Partial: true, Why: fmt.Sprintf("it has more than %d signatures", maxSignatures)})
	}
	for _, c := range r.configs {
		if len(signed) > 0 && !signed[c] {
			r.part.Signatures = append(r.part.Signatures, firmware.Signature{What: "configuration " + c.Name, Method: "no signature", State: firmware.Cannot, Partial: true, Why: "others are signed, and it is not"})
		}
	}
}

// statement is what a signature node says, without what it covers. The second is what is wrong with it; "" for nothing.
func statement(n *fdt.Node, what string) (*pubkey.Statement, string) {
	s := &pubkey.Statement{What: what}
	if hint := n.Text("key-name-hint"); hint != "" {
		s.Signer = "the key " + hint
	}
	v, ok := n.Get("value")
	if !ok || len(v.Data) == 0 {
		return s, "it has no value: nobody has signed yet"
	}
	s.Signature = v.Data
	var err error
	if s.Hash, s.Scheme, err = algorithm(n); err != nil {
		return s, err.Error()
	}
	return s, ""
}

// check holds a signature over bytes of src against the keys.
func (r *reading) check(s *pubkey.Statement, wrong string, src block.Source, over []block.Extent) firmware.Signature {
	if wrong == "" {
		h := s.Hash.New()
		if err := region.Sum(r.ctx, src, h, over...); err != nil {
			wrong = "what it covers cannot be read: " + err.Error()
		}
		s.Digest = h.Sum(nil)
	}
	out := pubkey.Check(r.o.Keys(), s)
	if wrong != "" {
		out.State, out.Key, out.Why = firmware.Cannot, "", wrong
	}
	return out
}

// imageSignature checks a signature over the data of an image.
func (r *reading) imageSignature(m *image, n *fdt.Node, signed map[*fdt.Node]bool) {
	s, wrong := statement(n, "image "+m.node.Name)
	switch {
	case m.data.End() > r.src.Size():
		wrong = "the file ends inside of it"
	case r.left < m.data.Length:
		wrong = fmt.Sprintf("the signatures of the images are over more than %d times the file", maxHashed)
	}
	r.left -= m.data.Length
	out := r.check(s, wrong, m.part.Source, []block.Extent{{Length: m.part.Size}})
	if !slices.ContainsFunc(r.configs, func(c *fdt.Node) bool { return signed[c] && slices.Contains(r.used(c), m) }) {
		out.Weak = join(out.Weak, "no signed configuration says with what it belongs together, so that it can be mixed with others")
	}
	m.part.Signatures = append(m.part.Signatures, out)
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

// configSignature checks a signature of a configuration, and says for each of its images whether it is genuine by it.
func (r *reading) configSignature(c, n *fdt.Node) {
	s, wrong := statement(n, "configuration "+c.Name)
	nodes := n.Texts("hashed-nodes")
	var over []block.Extent
	if wrong == "" {
		over, wrong = r.covered(c, n, nodes)
	}
	out := r.check(s, wrong, r.src, over)
	out.Partial = true
	r.part.Signatures = append(r.part.Signatures, out)
	if out.State != firmware.Passed {
		return
	}
	r.proven = append(r.proven, n)
	seen := r.part.Uncovered()
	for _, e := range over {
		if seen.Overlaps(e) {
			r.part.Checks = append(r.part.Checks, firmware.Check{What: "signed nodes of configuration " + c.Name, Method: out.Method, State: firmware.Passed, Extent: e, Strong: true, Expected: "a signature that fits", Found: "it fits " + out.Key})
		}
	}
	for _, m := range r.used(c) {
		if m.part == nil {
			continue
		}
		own := out
		own.What, own.Partial = fmt.Sprintf("image %s, by configuration %s", m.node.Name, c.Name), false
		r.imageBy(m, nodes, &own)
		m.part.Signatures = append(m.part.Signatures, own)
	}
}

// imageBy says whether an image is genuine by a signature over nodes that fits. It is when the signature covers its node
// and a hash of it that fits, and no other node can be taken for its own.
func (r *reading) imageBy(m *image, nodes []string, s *firmware.Signature) {
	path := "/images/" + m.node.Name
	by := func(list []string) bool {
		return slices.ContainsFunc(list, func(hash string) bool { return slices.Contains(nodes, path+"/"+hash) })
	}
	s.State = firmware.Cannot
	switch {
	case !slices.Contains(nodes, path):
		s.Why = "the signature does not cover this image"
	case r.ambiguous("/images", m.node.Name):
		s.Why = fmt.Sprintf("a boot loader could take another node for it, whose name begins with %q", m.node.Name+"@")
	case m.data.End() > r.src.Size():
		s.Why = "the file ends inside of it"
	case by(m.wrong):
		s.State, s.Why = firmware.Failed, "the signature covers a hash, which does not fit the data"
	case by(m.strong):
		s.State = firmware.Passed
	case by(m.weak):
		s.State, s.Weak = firmware.Passed, join(s.Weak, "its hash can be forged")
	case by(m.open):
		s.Why = "the signature covers a hash that cannot be computed"
	default:
		s.Why = "the signature covers no hash of it, or a CRC only, which anyone can forge"
	}
	if s.State != firmware.Passed {
		s.Key = ""
	}
}

// ambiguous reports whether a child's name is not its own alone: older boot loaders take "a@1" for "a".
func (r *reading) ambiguous(parent, name string) bool {
	n := r.t.Root.At(parent)
	return n == nil || slices.ContainsFunc(n.Children, func(c *fdt.Node) bool { return strings.HasPrefix(c.Name, name+"@") })
}

// covered returns the bytes that a signature of a configuration covers, or why that cannot be told.
func (r *reading) covered(c, n *fdt.Node, nodes []string) ([]block.Extent, string) {
	own := "/configurations/" + c.Name
	switch {
	case len(nodes) == 0:
		return nil, "it does not say which nodes it covers"
	case len(nodes) > maxNodes:
		return nil, fmt.Sprintf("it covers more than %d nodes", maxNodes)
	case !slices.Contains(nodes, "/") || !slices.Contains(nodes, own):
		// Without the root, signed nodes of another tree could stand anywhere in this one.
		return nil, "it does not cover the root and the configuration itself"
	case r.ambiguous("/configurations", c.Name):
		return nil, fmt.Sprintf("a boot loader could take another configuration for it, whose name begins with %q", c.Name+"@")
	case r.t.TotalSize > r.src.Size():
		return nil, "the file ends inside of the tree"
	}
	over, err := regions(r.ctx, r.src, r.t.Header, nodes)
	if err != nil {
		if _, broken := cursor.IsCorrupt(err); !broken {
			return nil, "what it covers cannot be read: " + err.Error()
		}
		return nil, err.Error()
	}
	if v, ok := n.Get("hashed-strings"); ok {
		if len(v.Data) != 8 || int64(binary.BigEndian.Uint32(v.Data[4:])) > r.t.Strings.Length {
			return nil, "it covers more names than there are"
		}
		over = append(over, block.Extent{Offset: r.t.Strings.Offset, Length: int64(binary.BigEndian.Uint32(v.Data[4:]))})
	}
	return over, ""
}
