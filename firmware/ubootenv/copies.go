package ubootenv

import (
	"context"
	"errors"
	"fmt"

	"salvor/block"
	"salvor/cursor"
)

// Copy is an environment at its place.
type Copy struct {
	Env
	Offset int64 // bytes
	// Err is why its sum does not fit; nil for one that is sound.
	Err error
}

// Choice says which of two copies is in force.
type Choice struct {
	// Index is 0 or 1; -1 when neither is sound.
	Index int
	// Why says it in words.
	Why string
	// Unsure says that it would be the other one on NOR flash, or for a loader of another kind.
	Unsure bool
}

// Current says which of two copies U-Boot uses, by their sums and their flags.
func Current(a, b *Env) Choice {
	switch {
	case !a.Sound && !b.Sound:
		return Choice{Index: -1, Why: "neither sum fits, so that U-Boot starts with the values that are built into it"}
	case !b.Sound:
		return Choice{Why: "the sum of the second does not fit"}
	case !a.Sound:
		return Choice{Index: 1, Why: "the sum of the first does not fit"}
	}
	x, y := a.Flag, b.Flag
	flags := fmt.Sprintf("their flags are %d and %d", x, y)
	switch {
	case x == 255 && y == 0:
		return Choice{Index: 1, Why: flags + ": the number began again behind 255", Unsure: true}
	case x == 0 && y == 255:
		return Choice{Index: 0, Why: flags + ": the number began again behind 255", Unsure: true}
	case y > x:
		return Choice{Index: 1, Why: flags}
	case x > y:
		return Choice{Index: 0, Why: flags}
	}
	return Choice{Index: 0, Why: flags + ": of two with the same one the first is used", Unsure: !equal(a, b)}
}

// equal reports whether two copies have the same variables.
func equal(a, b *Env) bool { return a.Sum == b.Sum && a.Size == b.Size }

// steps are the distances at which boards put the second copy behind the first, in bytes, beside its size: the sizes of
// erase blocks.
var steps = []int64{0x200, 0x400, 0x800, 0x1000, 0x2000, 0x4000, 0x8000, 0x10000, 0x20000, 0x40000, 0x80000, 0x100000, 0x200000, 0x400000}

// Copies returns the environment at the start of src and, when it is one of two, the other one behind it; or the other one
// alone when the first is gone. It answers cursor.ErrNot when there is none.
func Copies(ctx context.Context, src block.Source) ([]Copy, error) {
	first, err := Read(src)
	_, broken := cursor.IsCorrupt(err)
	switch {
	case err == nil && !first.Redundant:
		return []Copy{{Env: first}}, nil
	case err != nil && !broken && !errors.Is(err, cursor.ErrNot):
		return nil, err
	}
	places := steps
	if first.Size > 0 {
		places = append([]int64{first.Size}, steps...)
	}
	for _, at := range places {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if at < first.Size || at+minSize > src.Size() {
			continue
		}
		p, failed := head(block.Section(src, block.Between(at, src.Size())), maxSize)
		if failed != nil {
			continue // what cannot be read there may be anything
		}
		second, ok := sized(p, 5)
		switch {
		case ok && (first.Size == 0 || second.Size == first.Size):
			return beside(src, Copy{Env: first, Err: err}, Copy{Env: second, Offset: at})
		case first.Sound && !ok:
			if e, why := torn(p, 5); len(e.Variables) > 0 {
				return []Copy{{Env: first}, {Env: e, Offset: at, Err: why}}, nil
			}
		}
	}
	if err == nil || broken {
		return []Copy{{Env: first, Err: err}}, nil
	}
	return nil, cursor.ErrNot
}

// beside returns both copies, of which the second is sound. Beside one that is, a single variable is enough to know a first
// one that is torn.
func beside(src block.Source, first, second Copy) ([]Copy, error) {
	if errors.Is(first.Err, cursor.ErrNot) {
		p, err := head(src, second.Size)
		if err != nil {
			return nil, err
		}
		if first.Env, first.Err = torn(p, 5); len(first.Variables) == 0 {
			return []Copy{second}, nil
		}
	}
	return []Copy{first, second}, nil
}
