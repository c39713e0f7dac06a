// Package sweep finds the places on a medium where probes match, while the medium is read once, in any order.
//
// A [Matcher] holds the probes, compiled; a [Sweep] observes one medium. It promises:
//
//   - Each match on the observed bytes is told exactly once, also one that stands across the border of
//     extents that were observed in any order, or one of them in an earlier run ([Sweep.Resume]).
//   - The offset of a hit is that of the structure: the place of the pattern less the probe's At. It is
//     a multiple of the probe's Align, and it may be negative.
//   - Memory is bounded by the number of separate runs observed so far: under 2*probe.MaxBytes for each.
//
// It never reads a medium itself, never judges a hit, and never tells hits in an order: whoever keeps them
// sorts them. A resumed run may tell hits again that an earlier run already told of bytes that it
// observes again.
//
// # How it is fast
//
// Probes whose structures start at multiples of 512 are looked for at those places only: for each
// remainder that their patterns can have, two bytes of each sector are looked up in a bitmap.
//
// Probes that may start anywhere are looked for by a window of four bytes. A window holds three pairs of
// bytes, one of which begins at an offset that is a multiple of three, whatever the window's own offset. So
// a table over pairs, looked into at every third offset, finds every window; it tells which of the
// three pairs was met, and so where the window begins. Of each pattern the window whose pairs are rarest is
// taken. Blocks of one repeated byte, as empty areas are, are passed over whole.
//
// Patterns with less than three fixed bytes in a row would fill that table; each of those costs a search
// of its own and should be avoided.
package sweep
