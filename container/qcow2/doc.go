// Package qcow2 reads disk images of QEMU's qcow2 format, versions 2 and 3.
//
// It follows docs/interop/qcow2.rst of QEMU 9.
//
//	header          "QFI\xfb", version, backing file, size of clusters, size of the disk, where the L1 table stands
//	extensions      format of the backing file, name of an external data file
//	L1 table        where each L2 table stands
//	L2 tables       a cluster of entries: where a cluster of the disk stands, packed or as it is; zero; or not written
//
// Read are packed clusters (deflate, zstd), extended L2 entries with subclusters, chains of backing files (qcow2 and
// raw), and external data files. The refcounts and bitmaps are not needed. Snapshots inside of the image are named, and
// the state that is read is the active one. Encrypted images (AES, LUKS) are named as locked.
//
// A table, an entry or a cluster that cannot be as it is makes its own bytes unreadable. So does a missing backing file
// with all that was not written over it: what stood there is not known, and not zero.
package qcow2
