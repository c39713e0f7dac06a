// Package dtb judges flattened device trees: the description of a board's hardware, and the images (FIT) that hold a
// kernel with its trees.
//
// The whole tree is walked: nodes are closed, properties lie inside their block, and their names in the block of
// strings. The end is the size that the header says, which all blocks lie in. There is no checksum over the tree:
// Consistent is the most that is said. The name is the board's model.
//
// Layout: D0 0D FE ED, size(4), places of the tree(4), the strings(4) and the reserved memory(4), versions(8),
// processor(4), sizes of the strings(4) and the tree(4). The tree is a row of tokens(4): 1 opens a node, name; 3 is a
// property, size(4), place of its name(4), value; 2 closes a node; 9 ends. Numbers have the high byte first.
//
// Followed: Devicetree Specification 0.4, chapter 5.
package dtb
