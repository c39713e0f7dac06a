// Package vdi reads virtual disk images of VirtualBox.
//
// It follows the definitions in VDICore.h of VirtualBox 7.0 (the format has no document of its own), version 1.1.
//
//	0      text for people
//	0x40   0xbeda107f, version, size of the header; kind, places of the table and of the data, size of the disk, size of
//	       blocks; IDs of the disk and of its parent
//	table  for each block of the disk its number among the stored ones; not written; zero
//
// Dynamic and fixed disks are read, and differencing ones whose parent lies beside them under its ID, as VirtualBox
// names snapshots: "{ID}.vdi". The format has no name of the parent; without it what stands there is unreadable.
//
// Neither the header nor the table has a check or a copy. An entry that leads out of the file makes its block
// unreadable.
package vdi
