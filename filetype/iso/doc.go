// Package iso judges images of optical discs (ISO 9660).
//
// The descriptors and every folder are walked, by the long names of Joliet where they are there; every number that the
// format holds in both byte orders must be the same in both, and every file must lie inside of the volume. The end is
// the size that the volume gives itself. There is no checksum: Consistent is the most that is said. The name is the
// volume's.
//
// Layout, in sectors of 2048 bytes: 16 that systems start from, descriptors ("CD001") from 16 on up to one of kind 255,
// folders, files. Followed: ECMA-119, fourth edition; Joliet Specification 1.0.
package iso
