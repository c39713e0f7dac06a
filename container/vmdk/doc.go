// Package vmdk reads virtual disks of VMware.
//
// It follows "Virtual Disk Format 5.0" of VMware (2011), and the notes of the libvmdk project where that is silent.
//
//	descriptor     text: kind of the disk, its extents, its ID and that of its parent; in a file of its own, or in the
//	               first extent
//	sparse extent  "KDMV", size, size of grains; grain directory, grain tables, and a second copy of both
//	packed extent  the same with grains that are zlib streams, each behind a marker; a footer instead of the header
//	flat extent    the bytes as they are
//
// Read are monolithicSparse, twoGbMaxExtentSparse, monolithicFlat, twoGbMaxExtentFlat, vmfs, streamOptimized, and disks
// that build on a parent, whose ID must fit. Sparse extents of ESX (COWD, SESPARSE) and physical disks are not.
//
// Tables have no checks. Where both copies of an entry can be, and differ, the one that names a grain is taken: a table
// that was wiped would else make zeros out of data. A missing extent is unreadable, and so is what stands in a missing
// parent.
package vmdk
