package fit

import (
	"fmt"

	"salvor/block"
	"salvor/firmware"
	"salvor/firmware/internal/fdt"
)

// settle says, where a signature of a configuration fits, which bytes beside those that it covers need no sum: a change
// in them either makes a check or the signature fail, or changes nothing that is installed.
func (r *reading) settle() {
	if len(r.proven) == 0 {
		return
	}
	// The signature and its notes: the time, who signed, the name of the key. Nothing but the check reads them.
	for _, n := range r.proven {
		r.part.Unused.Add(block.Between(n.Offset, n.End))
		// Names that were added when it was signed are those of the signature and of places.
		signed := int64(0)
		if v, ok := n.Number("hashed-strings"); ok {
			signed = int64(uint32(v))
		}
		r.part.Unused.Add(block.Between(r.t.Strings.Offset+signed, r.t.Strings.End()))
	}
	for _, m := range r.images {
		if m.part == nil || len(m.wrong)+len(m.open) > 0 || len(m.strong)+len(m.weak) == 0 {
			continue
		}
		for _, name := range []string{"data-size", "data-offset", "data-position"} {
			if v, ok := m.node.Get(name); ok {
				r.forcedBy("place of image "+m.node.Name, v, "the hash of what stands there fits")
			}
		}
		for _, n := range m.node.Children {
			if s := m.part.Signatures; hasPrefix(n, "signature") && passedOnly(s) {
				r.part.Unused.Add(block.Between(n.Offset, n.End))
			}
		}
	}
	if n := r.t.Root.At("/configurations"); n != nil && len(n.Children) == 1 {
		if v, ok := n.Get("default"); ok && n.Text("default") == n.Children[0].Name {
			r.forcedBy("default configuration", v, "there is one only")
		}
	}
	// Of the header, what the tree is found by; the rest is not read of an image, and neither are reservations of memory.
	header := firmware.Check{What: "header", Method: "structure", State: firmware.Passed, Strong: true, Expected: "the places of the tree", Found: "the tree"}
	for _, e := range []block.Extent{{Offset: 0, Length: 4}, {Offset: 8, Length: 8}, {Offset: 20, Length: 4}, {Offset: 36, Length: 4}} {
		if header.Extent = e; e.Offset == 20 && r.t.Version > 17 { // a newer one that readers of this one take: nothing forces it
			continue
		}
		r.part.Checks = append(r.part.Checks, header)
	}
	for _, e := range []block.Extent{{Offset: 4, Length: 4}, {Offset: 16, Length: 4}, {Offset: 24, Length: 12}} {
		r.part.Unused.Add(e)
	}
	r.part.Unused.Add(block.Between(r.t.Reservations, r.t.ReservedEnd))
}

func passedOnly(all []firmware.Signature) bool {
	for _, s := range all {
		if s.State != firmware.Passed {
			return false
		}
	}
	return len(all) > 0
}

// forcedBy adds the check of a property whose value the image forces.
func (r *reading) forcedBy(what string, v fdt.Value, found string) {
	e := block.Between(v.Extent.Offset-12, (v.Extent.End()+3)&^3)
	r.part.Checks = append(r.part.Checks, firmware.Check{What: what, Method: "structure", State: firmware.Passed, Extent: e, Strong: true, Expected: "one that fits", Found: found})
}

// unsummed tells how much of the tree nothing covers: a changed address or name in it is seen by no sum.
func (r *reading) unsummed() {
	open := r.part.Uncovered().Within(block.Extent{Length: min(r.t.TotalSize, r.src.Size())})
	if open.Empty() {
		return
	}
	fitting := 0
	for _, m := range r.images {
		if m.part != nil {
			for _, c := range m.part.Checks {
				if c.State == firmware.Passed {
					fitting++
				}
			}
		}
	}
	why := fmt.Sprintf("hashes of this format cover the images only, of which %d fit; %d bytes of the tree are covered by no signature that was checked", fitting, open.Bytes())
	r.part.Checks = append(r.part.Checks, firmware.Check{What: "names, addresses and options in the tree", Method: "sum", State: firmware.Cannot, Extent: open.Extents()[0], Why: why})
}
