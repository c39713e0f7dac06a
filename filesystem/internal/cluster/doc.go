// Package cluster holds what the readers of FAT and exFAT share: sets of clusters that take memory only where
// something is, reading that goes on behind unreadable bytes, FATs read through a small cache, a bound of the steps
// that all chains of a walk may take, and names in UTF-16 that may be broken.
package cluster
