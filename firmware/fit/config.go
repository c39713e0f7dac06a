package fit

import (
	"fmt"
	"slices"

	"salvor/firmware"
	"salvor/firmware/internal/fdt"
)

// parts are the properties of a configuration that name images.
var parts = []string{"kernel", "fdt", "ramdisk", "firmware", "loadables", "setup", "fpga", "script", "tee", "standalone"}

// image returns the image of that very name.
func (r *reading) image(name string) *image {
	i := slices.IndexFunc(r.images, func(m *image) bool { return m.node.Name == name })
	if i < 0 {
		return nil
	}
	return r.images[i]
}

// used returns the images of a configuration.
func (r *reading) used(config *fdt.Node) (out []*image) {
	for _, p := range parts {
		for _, name := range config.Texts(p) {
			if m := r.image(name); m != nil && !slices.Contains(out, m) {
				out = append(out, m)
			}
		}
	}
	return out
}

// checkDefault checks that the configuration exists which is booted where nobody chooses.
func (r *reading) checkDefault(n *fdt.Node) {
	name := n.Text("default")
	if _, there := n.Get("default"); !there || name != "" && n.Child(name) != nil || r.t.StructEnd == 0 {
		return
	}
	r.failed("default configuration", "reference", name, "no configuration of that name")
}

// references checks that the images which the configurations name are there.
func (r *reading) references() {
	if r.t.StructEnd == 0 {
		return
	}
	for _, c := range r.configs {
		for _, p := range parts {
			for _, name := range c.Texts(p) {
				if name != "" && r.image(name) == nil && len(r.images) < maxImages {
					r.failed(fmt.Sprintf("%s of configuration %s", p, c.Name), "reference", name, "no image of that name")
				}
			}
		}
	}
}

// claims gathers for which boards the configurations are, and for which processors.
func (r *reading) claims() {
	var boards, processors []string
	add := func(list *[]string, s string) {
		if s != "" && !slices.Contains(*list, s) {
			*list = append(*list, s)
		}
	}
	for _, c := range r.configs {
		if all := c.Texts("compatible"); len(all) > 0 {
			add(&boards, all[0])
			continue
		}
		for _, name := range c.Texts("fdt") {
			if m := r.image(name); m != nil && m.part != nil {
				add(&boards, compatible(m.part))
				break // those behind it are overlays
			}
		}
	}
	for _, m := range r.images {
		if m.part == nil {
			continue
		}
		if role := m.part.Role; role == firmware.Kernel || role == firmware.BootLoader {
			arch := m.node.Text("arch")
			add(&processors, architectures[arch])
			add(&processors, arch)
		}
		// What a tree says of itself is a choice among the others here.
		m.part.Walk(func(x *firmware.Part, _ int) bool {
			if m.part.Role == firmware.DeviceTree {
				x.Claims = nil
			}
			return true
		})
	}
	if len(boards) > 0 {
		r.part.Claims = append(r.part.Claims, firmware.Claim{Kind: firmware.Compatible, Values: boards})
	}
	if len(processors) > 0 {
		r.part.Claims = append(r.part.Claims, firmware.Claim{Kind: firmware.Architecture, Values: processors})
	}
}

// compatible returns the board that a device tree in an image is for.
func compatible(p *firmware.Part) (board string) {
	p.Walk(func(x *firmware.Part, _ int) bool {
		for _, c := range x.Claims {
			if c.Kind == firmware.Compatible && len(c.Values) > 0 && board == "" {
				board = c.Values[0]
			}
		}
		return true
	})
	return board
}
