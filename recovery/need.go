package recovery

import (
	"context"

	"salvor/filetype"
)

// Need is what saving a selection takes, before anything is written.
type Need struct {
	Count                               // what can be saved
	Verdicts map[filetype.Verdict]Count // the same by verdict
	Space    int64                      // bytes that it takes on the target, estimated
	TooLarge Count                      // files that are larger than the target can hold
	Largest  int64                      // bytes of the largest of these
}

// NeedOf returns what saving the entries of q to a target t takes.
func NeedOf(ctx context.Context, c *Catalog, q Query, t Target) (Need, error) {
	n := Need{Verdicts: map[filetype.Verdict]Count{}}
	count := func(size, stored int64, v filetype.Verdict) {
		switch {
		case t.MaxFileSize > 0 && size > t.MaxFileSize:
			n.TooLarge.add(Count{Files: 1, Bytes: size})
			n.Largest = max(n.Largest, size)
			return
		case size-stored > maxHoles:
			return
		}
		n.add(Count{Files: 1, Bytes: size})
		of := n.Verdicts[v]
		of.add(Count{Files: 1, Bytes: size})
		n.Verdicts[v] = of
		if t.Sparse {
			size = stored
		}
		n.Space += (size+perFile-1)/perFile*perFile + perFile/4
	}
	if q.Name != "" || q.FindingPrefix != "" || len(q.Steps) > 0 {
		for e, err := range c.Select(ctx, q) {
			if err != nil {
				return Need{}, err
			}
			count(e.Size, e.stored(), e.Verdict)
		}
		return n, nil
	}
	where, args := q.where()
	err := c.each(ctx, "SELECT size, stored, verdict FROM entries WHERE "+where, args, func(row scanner) error {
		var size, stored int64
		var v filetype.Verdict
		err := row.Scan(&size, &stored, &v)
		count(size, stored, v)
		return err
	})
	return n, err
}

// Needed returns how many entries of q are to be saved, with their bytes, and about how many bytes of space
// they take on the target. Entries that cannot be saved there, being too large, are not counted.
func Needed(ctx context.Context, c *Catalog, q Query, t Target) (total Count, space int64, err error) {
	n, err := NeedOf(ctx, c, q, t)
	return n.Count, n.Space, err
}
