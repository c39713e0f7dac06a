// Package layers puts together what stands in what on a medium: tables, partitions, file systems.
package layers
