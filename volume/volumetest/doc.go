// Package volumetest holds readers of partition tables to what all of them promise: the same tables by a
// landmark as at the usual place, no panic and no endless work on damaged bytes, extents that can be. It has what the
// tests of encrypted volumes share too.
package volumetest
