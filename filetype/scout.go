package filetype

import (
	"context"

	"salvor/block"
)

// Scout reads a file forward only to see how far its data makes sense. It is what joins the pieces of a file: it
// is asked thousands of times whether the data of one place goes on at another, so it must fail early, may go on
// from a [Mark], and says nothing of a verdict: what it calls whole is examined once more by Examine.
//
// It begins at from, or at the beginning when from is nil; src holds the same bytes before from.Offset() as
// the source that the mark was made on. keep, when not nil, is given marks as they come by, about one for each [MarkEvery]
// bytes of the file. Errors: [ErrNot], and those of ctx.
type Scout func(ctx context.Context, src block.Source, from Mark, keep func(Mark)) (Reach, error)

// MarkEvery is about how many bytes of a file lie between two marks of a [Scout].
const MarkEvery = 512

// Mark is the state of a scout at one place of a file. It does not change, and may be gone on from many times.
type Mark interface {
	// Offset returns up to where the file was read: what comes behind does not count yet.
	Offset() int64
}

// Reach says how far a scout came. All offsets are from the start of the file.
type Reach struct {
	// Whole says that the file was read to its end, which is Bad.
	Whole bool
	// Ended says that the source ended before the file, without a contradiction up to there.
	Ended bool
	// Good is the offset before which all bytes were proven by a checksum: no piece ends before it.
	Good int64
	// Bad is the offset at which the contradiction was met; what is wrong may begin anywhere from Good on.
	Bad int64
	// Next is the offset of the next checksum at or behind Bad; 0 when none is known. What is tried as the next piece is
	// read at least so far.
	Next int64
	// Dense says that the data at Bad is compressed: no sector of it is of one byte only, or text.
	Dense bool
	// Fits, when not nil, refuses at once what cannot stand at Bad: p are the first bytes of a piece, up to 4 KiB.
	Fits func(p []byte) bool
	// Blind are the bytes that nothing checks: a piece that is said to end inside of them could end elsewhere as well.
	Blind []block.Extent
	// Anchors are what must stand somewhere behind when the file goes on: the search for the next piece begins with them.
	Anchors []Anchor
	// Anchored says that nothing but the Anchors tells where the next piece is: what stands near is not tried.
	Anchored bool
}

// Anchor is a structure whose place in the file is known before it was met. Bytes, Fits or both tell it.
type Anchor struct {
	Offset int64  // in the file
	Bytes  []byte // that stand there, at least four
	// Fits says whether p, what stands at Offset, can be the structure. It is given up to Size bytes, 4 KiB when that is 0.
	Fits func(p []byte) bool
	Size int
}
