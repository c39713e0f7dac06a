// Package all holds the table of file systems that the program knows. Only the top rooms and tests import
// it; the rooms between get the table as an argument. A new file system is a folder beside this one and a
// row here.
package all

import (
	"salvor/filesystem"
	"salvor/filesystem/exfat"
	"salvor/filesystem/ext"
	"salvor/filesystem/fat"
	"salvor/filesystem/hfsplus"
	"salvor/filesystem/named"
	"salvor/filesystem/ntfs"
	"salvor/finding"
)

// Table returns the file systems that can be read, then those that can only be named.
func Table() []filesystem.Kind {
	kinds := []filesystem.Kind{ext.Kind(), fat.Kind(), exfat.Kind(), ntfs.Kind(), hfsplus.Kind()}
	return append(kinds, named.Kinds()...)
}

// Findings returns the kinds of finding of all rows.
func Findings() []*finding.Def {
	var list []*finding.Def
	list = append(list, ext.Findings...)
	list = append(list, fat.Findings...)
	list = append(list, exfat.Findings...)
	list = append(list, ntfs.Findings...)
	list = append(list, hfsplus.Findings...)
	return append(list, named.Findings...)
}
