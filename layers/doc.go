// Package layers puts together what stands in what on a medium: tables, partitions, file systems.
//
// Schemes and file systems only claim; this package alone weighs their claims against each other. [Resolve]
// promises:
//
//   - A volume is taken by what it shows of itself, not by what a table says of it: with every table gone,
//     the landmarks of a sweep (superblocks, boot sectors and their backups) give the same volumes at the
//     same bytes.
//   - Nothing that scores is dropped in silence. A reading that loses against a better one of the same bytes
//     is a layer with Rival set; what is too weak to show is counted in a finding.
//   - A reader that panics or does not end costs its own layer and nothing else.
//   - Work is bounded: so many landmarks are examined for each kind, so many candidates opened, so deep a
//     nesting followed (the constants in limits.go); what a bound left out is told in a finding.
//
// It never writes, never repairs a table, and never joins two readings into a third.
//
// The steps, one file each:
//
//	tables.go     read every scheme; agree and choose
//	rank.go       what a table's own checks are worth; which table stands inside of which
//	landmarks.go  from landmarks, and from a look at the usual places, to candidates
//	open.go       open each candidate and read its root directory, under guard
//	score.go      evidence to a number from 0 to 100
//	accept.go     the best candidates that do not overlap become volumes, the others rivals
//	inside.go     what is no volume of its own: files that are images, shifted readings, what stood there before
//	habit.go      what the neighbours say of a slot whose start is overwritten
//	tree.go       volumes into partitions into tables; gaps; numbers
//	layout.go     whose partitions these are, by their labels
//	partition.go  the partition table as it should be
//
// Scores: a table begins with what its checks say (a GPT whose checksums agree 85, an MBR 60, a broken copy
// 30) and gains with the share of its entries at whose start a volume stands. A volume begins with 45 for
// having convinced its own kind, gains for each confirmed fact, for opening, for a root directory that
// reads, for standing at the start of a partition and on a MiB, and loses for each refuted fact, for
// crossing a partition's border and for bytes behind the end of the medium.
package layers
