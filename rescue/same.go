package rescue

import (
	"context"
	"fmt"
	"io"

	"salvor/cursor"
	"salvor/host"
	"salvor/imaging"
)

// sampled is how many chunks of a source are read a second time to see that nothing changed it meanwhile: half of
// them where tables and volumes begin, which whatever writes to a file system changes first, half of them spread
// over the whole.
const sampled = 64

// same reads a sample of the source again, after it was read in this run, and refuses to go on when its hashes say
// that something wrote to it: what was read before and after does not fit together then. A medium with places that
// cannot be read is spared the second reading.
func (j *job) same(ctx context.Context) error {
	if !j.fresh || j.bad > 0 {
		return nil
	}
	return j.compare(ctx)
}

// stillSame does the same at the end of the job for an image that is used where it lies, since what was saved came
// from its second reading.
func (j *job) stillSame(ctx context.Context) error {
	if !j.inPlace || j.packed != nil {
		return nil
	}
	if err := j.opened.Changed(); err != nil {
		return fmt.Errorf("rescue: %w", err)
	}
	return j.compare(ctx)
}

func (j *job) compare(ctx context.Context) error {
	chunks, err := j.sample(ctx)
	if err != nil {
		return err
	}
	_, err = j.c.ReadSums(j.number, func(r io.Reader, _ io.ReaderAt, _ int64) error {
		sums := func(yield func(imaging.Sum, error) bool) {
			for s, err := range imaging.ReadSums(r) {
				if _, broken := cursor.IsCorrupt(err); broken || err == nil && !chunks[s.Offset/imaging.ChunkSize] {
					continue
				}
				if !yield(s, err) {
					return
				}
			}
		}
		v, err := imaging.Verify(ctx, j.opened.Source, sums)
		if err != nil || v.Changed.Empty() {
			return err
		}
		return &host.RefusedError{Exit: host.ExitRefused, Code: "rescue.source.moving",
			Why: fmt.Sprintf("%s changes while it is read: the hash of its bytes at %v is another one than a moment ago", j.path, v.Changed.Extents()[0]),
			Next: "find what writes to it (a mount, another program, a running virtual machine, a download that is not finished), end that, " +
				"and begin a new case in another folder"}
	})
	return err
}

// sample chooses the chunks to read again, by number.
func (j *job) sample(ctx context.Context) (map[int64]bool, error) {
	chunks := map[int64]bool{}
	isLandmark := j.tables.isLandmark()
	for h, err := range j.cat.Landmarks(ctx, j.number) {
		if err != nil {
			return nil, err
		}
		if isLandmark(h) {
			chunks[h.Offset/imaging.ChunkSize] = true
		}
		if len(chunks) >= sampled/2 {
			break
		}
	}
	count := (j.opened.Size + imaging.ChunkSize - 1) / imaging.ChunkSize
	for i := range int64(sampled / 2) {
		chunks[count*i/(sampled/2)] = true
	}
	chunks[count-1] = true
	return chunks, nil
}
