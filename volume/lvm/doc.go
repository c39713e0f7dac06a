// Package lvm reads volume groups of LVM2 without the kernel: it finds physical volumes by their labels, takes the
// newest whole text of metadata that any of them has, and gives the bytes of the logical volumes.
//
// It promises:
//
//   - The metadata that is used is the newest whose checksum holds, on any member and in any of its areas. Where the
//     newest is torn, an older version comes out of the ring that the area is, and its number is told.
//   - Logical volumes that do not need a missing physical volume are whole; of others the bytes that stand there are
//     unreadable. Volumes that are parts of others (images of mirrors, pools, logs) are not volumes.
//   - Text, trees and references are bounded: their sizes, depths and counts, and loops among them.
//   - Thin volumes are looked up in their pool's tree when they are read; a broken node makes unreadable what it
//     stands for, and nothing else.
//
// It never writes, never activates anything and never repairs metadata. What a cache holds and did not write
// back is not read; that is told.
//
// A physical volume:
//
//	sector 0..3   label: "LABELONE", its sector, CRC, offset of the header, "LVM2 001"
//	              header: UUID, size, list of data areas, list of metadata areas, both ended by zeros; extension
//	4096..        metadata area: a header of 512 bytes (CRC, magic, its place and size, where the text stands) and a
//	              ring of texts behind it, each at a multiple of 512 and cut in two where it meets the end
//	pe_start..    extents
//
// Segments: linear and striped; mirror; raid0 to raid10 over pairs of volumes for metadata and data; thin volumes over
// a pool; snapshots of the old kind; caches, of which the origin is read. Others are named.
//
// Followed: lvm.conf(5), lvmraid(7), lvmthin(7), lvmcache(7) of LVM2 2.03.16; the documented layouts of
// lib/format_text/layout.h and of Linux's Documentation/admin-guide/device-mapper (thin-provisioning.rst, snapshot.rst,
// dm-raid.rst; 6.1); libyal's "Logical Volume Manager (LVM) format specification" (2022); the documentation of
// thin-provisioning-tools for the nodes of the B-trees.
package lvm
