// Package fsimage is what the readers of file system images in packages share: where a cut image ends, which bytes are
// proven, and what stands behind an image.
//
// It promises that nothing counts as proven that was not given as proven, and that no filling is called broken: bytes
// behind an image that are all of one value are told as filling, all others as a part of their own.
package fsimage
