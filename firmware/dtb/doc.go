// Package dtb reads device trees as they stand on flash: the description of a board that its kernel starts with, and
// overlays that are laid over one.
//
// It promises that a tree is only seen where its header and its first nodes hold together, that all of its structure is
// walked, and that for which board it is comes from its root's first "compatible"; those behind it name the chip. An
// overlay claims no board, since it names the chip alone.
//
// A device tree has no sum of its own, so that it is never told to be whole. Trees that hold images are those of package
// fit; tables of trees as Android has them are others too.
//
// # Layout
//
// That of package firmware/internal/fdt. Of the nodes these are read:
//
//	/             compatible, model
//	/fragment@N   of overlays, with __overlay__ in it; __fixups__ and __symbols__ of trees that take them
//	/signature    of a boot loader's own tree: the keys by which it checks what it boots
//
// # Sources
//
// Followed: Devicetree Specification 0.4, chapters 2.3.1 (compatible), 3.2 (root node) and 5 (DTB format); U-Boot 2023.01,
// doc/README.fdt-overlays and doc/uImage.FIT/signature.txt. dtc makes the fixtures, fdtget judges them.
package dtb
