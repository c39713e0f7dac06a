// Package vhd reads virtual hard disks of Microsoft's first format.
//
// It follows "Virtual Hard Disk Image Format Specification", version 1.0, of 2006.
//
//	fixed         the disk, then a footer of 512 bytes
//	dynamic       a copy of the footer, a header, a table of blocks; blocks of a bitmap and the data; the footer
//	differencing  the same; sectors whose bit is not set stand in the parent, which is known by its ID
//
// The footer at the end is used, or its copy at the beginning when that is damaged. A parent whose ID is not the one
// that the disk was made on is not read; what stands in it is unreadable then.
package vhd
