package layers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"salvor/block"
	"salvor/cursor"
	"salvor/filesystem"
	"salvor/finding"
	"salvor/guard"
)

// leash is a source whose reads fail when the time of the reader that holds it is over. A file system
// keeps its source for as long as it is used, so the leash can be taken off again.
type leash struct {
	block.Source
	ctx atomic.Pointer[context.Context]
}

func (l *leash) ReadAt(p []byte, off int64) (int, error) {
	if ctx := l.ctx.Load(); ctx != nil {
		if err := (*ctx).Err(); err != nil {
			return 0, err
		}
	}
	return l.Source.ReadAt(p, off)
}

func (l *leash) Unreadable(within block.Extent) []block.Unreadable {
	return block.UnreadableIn(l.Source, within)
}

func (l *leash) Origin(within block.Extent) []block.Run { return block.Origin(l.Source, within) }

// open opens the candidates that were not asked yet, the most promising first.
func (r *resolver) open(ctx context.Context) error {
	slices.SortStableFunc(r.volumes, byPromise)
	asked := 0
	for _, v := range r.volumes {
		if v.asked {
			asked++
		}
	}
	r.unopened = 0
	for _, v := range r.volumes {
		if v.asked || v.row.Open == nil {
			continue
		}
		if asked >= maxOpen {
			r.unopened++
			continue
		}
		asked++
		if err := r.try(ctx, v, v.Extent); err != nil {
			return err
		}
	}
	return nil
}

// openBare asks every kind that can be read to open what stands at a start where no landmark led to a
// candidate: a reader can find its way by structures that no probe knows.
func (r *resolver) openBare(ctx context.Context, starts map[int64]int64) error {
	for start, length := range starts {
		if r.tried[start] || len(r.tried) >= maxPlaces {
			continue
		}
		if slices.ContainsFunc(r.volumes, func(v *candidate) bool { return v.Extent.Offset == start && v.convincing() }) {
			continue
		}
		if start == 0 && length == r.size && r.parted() {
			continue
		}
		r.tried[start] = true
		e := block.Extent{Offset: start, Length: length}
		for i := range r.tables.Kinds {
			k := &r.tables.Kinds[i]
			if k.Open == nil {
				continue
			}
			v := &candidate{Candidate: filesystem.Candidate{Kind: k.Name, Extent: e, FromBackup: true}, row: k, bare: true}
			if err := r.try(ctx, v, e); err != nil {
				return err
			}
			if v.fs == nil || !v.rooted {
				continue
			}
			info := v.fs.Info()
			v.Label, v.UUID = info.Label, info.UUID
			if info.Size > 0 {
				v.Extent.Length = info.Size
			}
			if !v.Extent.Valid() {
				continue
			}
			if v.Extent != e {
				if err := r.try(ctx, v, v.Extent); err != nil {
					return err
				}
			}
			if !r.echo(v) {
				r.volumes = append(r.volumes, v)
			}
		}
	}
	return ctx.Err()
}

// parted reports whether volumes stand on the medium as they do in partitions: a search for one volume on all of it, which
// would read the medium again, has no reason then.
func (r *resolver) parted() bool {
	return slices.ContainsFunc(r.volumes, func(v *candidate) bool {
		return v.Extent.Offset > 0 && v.Extent.Offset%mib == 0 && v.convincing() && !v.bare
	})
}

// try opens v over e and reads the first of its files.
func (r *resolver) try(ctx context.Context, v *candidate, e block.Extent) error {
	v.asked, v.fs, v.openErr, v.rooted, v.rootErr = true, nil, nil, false, nil
	l := &leash{Source: block.Section(r.src, e)}
	v.openErr = guard.Do(ctx, openTime, l.Source, func(ctx context.Context, _ block.Source) error {
		l.ctx.Store(&ctx)
		fs, err := v.row.Open(ctx, l)
		if err == nil {
			v.fs = fs
		}
		return err
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if v.fs == nil && v.openErr == nil {
		v.openErr = fmt.Errorf("%s: %w", v.row.Name, cursor.ErrNot)
	}
	if v.openErr != nil {
		v.fs = nil
		return nil
	}
	v.rootErr = guard.Do(ctx, rootTime, l.Source, func(ctx context.Context, _ block.Source) error {
		l.ctx.Store(&ctx)
		return firstFile(ctx, v.fs)
	})
	l.ctx.Store(nil)
	// A volume that was just made names nothing yet; its main structure then has to speak for it.
	if errors.Is(v.rootErr, errNoFile) && !v.FromBackup && !v.bare && v.Confirmed > v.Refuted {
		v.rootErr = nil
	}
	v.rooted = v.rootErr == nil
	return ctx.Err()
}

// errNoFile says that a volume names nothing at all.
var errNoFile = errors.New("no file and no directory is named")

// firstFile reads files until one comes without an error; entries that fail for long end the try.
func firstFile(ctx context.Context, fs filesystem.FileSystem) error {
	first := errNoFile
	failed := 0
	for f, err := range fs.Files(ctx) {
		switch {
		case err != nil:
			if errors.Is(first, errNoFile) {
				first = err
			}
			if failed++; failed >= 256 {
				return first
			}
		case f != nil && (f.State == filesystem.Live || f.State == filesystem.Rebuilt):
			return nil
		}
	}
	return first
}

// guardFinding turns an error of a reader into a finding when the reader itself failed.
func (v *candidate) guardFindings() []finding.Finding {
	var out []finding.Finding
	if f, ok := guard.Finding(v.row.Name, openTime, v.openErr); ok {
		out = append(out, f)
	}
	if f, ok := guard.Finding(v.row.Name, rootTime, v.rootErr); ok {
		out = append(out, f)
	}
	return out
}
