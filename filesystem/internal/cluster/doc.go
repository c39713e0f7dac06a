// Package cluster holds what the readers of FAT and exFAT share: sets of clusters that take memory only where
// something is, reading that goes on behind unreadable bytes, and names in UTF-16 that may be broken.
package cluster
