// Package vhdx reads virtual hard disks of Microsoft's second format.
//
// It follows [MS-VHDX], "Virtual Hard Disk v2 (VHDX) File Format", version 8.0.
//
//	0          "vhdxfile"
//	64, 128 KiB   two headers, of which the one with the higher number counts
//	192, 256 KiB  two region tables: where the table of blocks and the metadata stand
//	log        what was being written to those when the file was closed by no one
//	metadata   sizes of blocks, sectors and the disk; where the parent stands
//	table      for each block of the disk its state and place; between them those of the bitmaps of sectors
//
// Structures have a CRC-32C; of two copies the one that fits is used. The log is replayed in memory: reads of what it
// changes are led to the changed pages. Blocks that were never written, and those that are zero or unmapped, read as
// zeros; what stands in a parent that is missing, or has another ID, is unreadable.
package vhdx
