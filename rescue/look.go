package rescue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"salvor/block"
	"salvor/block/probe"
	"salvor/finding"
	"salvor/host"
	"salvor/internal/wire"
	"salvor/layers"
	"salvor/volume"
)

// Bounds of a look at a device: what it may read of it, and how long.
const (
	lookBytes = 1 << 30
	lookTime  = 60 * time.Second
	lookEdge  = 64 << 20 // read wholly at both ends: tables, first volumes, backups
	lookPiece = 128 << 10
	mebi      = 1 << 20
)

// Looked is what a look at sources found.
type Looked struct {
	// Trees are those of the sources, then those of the volumes that were put together out of them.
	Trees      []*layers.Layer
	Images     []Image // firmware that stands on them
	Size       int64
	Searched   int64 // bytes that were read
	Unreadable int64 // of them, those that could not be
	Whole      bool  // all of the sources was searched, and all of the volumes
	Device     bool
	Packed     bool           // a compressed image; Size and Searched count what is in it
	Cut        bool           // of which only the beginning was looked at
	Notes      []wire.Finding // about the sources themselves: parts that are missing
	Duration   time.Duration

	searches map[string]searched // by what was searched
}

// searched is what a search of a source or of a volume found.
type searched struct {
	hits, images      []probe.Hit
	bytes, unreadable int64
	whole             bool
}

// LookOptions are what a look may use.
type LookOptions struct {
	Keys     volume.Keyring // the secrets of encrypted volumes; nil for none
	Progress func(done, total int64)
	// Earlier is a look at the same sources, nil for none: what it searched is not searched again, so that trying a
	// secret reads little more than the structures that the search led to.
	Earlier *Looked
}

// looking is one look.
type looking struct {
	*Looked
	o      LookOptions
	tables *Tables
	begun  time.Time
	opened []*host.Opened
	device map[int]bool // by number: it stands on a device, so that it is not read wholly
	count  int          // volumes that have numbers
}

// Look says what stands in what on the sources at these paths, without a case. Of a device it reads at most 1 GiB, and
// 60 seconds are all that it takes to search: both ends, and the beginning of each MiB, where volumes begin. An image
// file is searched fully as far as that time allows. Volumes that are put together out of the sources are searched in
// the same way, which reads their bytes once more.
func Look(ctx context.Context, paths []string, o LookOptions) (*Looked, error) {
	tables, err := NewTables()
	if err != nil {
		return nil, err
	}
	l := &looking{Looked: &Looked{Whole: true, searches: map[string]searched{}}, o: o, tables: tables, begun: time.Now(), device: map[int]bool{}}
	err = l.all(ctx, paths)
	for _, opened := range l.opened {
		err = errors.Join(err, opened.Close())
	}
	l.Duration = time.Since(l.begun)
	return l.Looked, err
}

func (l *looking) all(ctx context.Context, paths []string) error {
	for _, path := range paths {
		if err := l.source(ctx, path); err != nil {
			return err
		}
	}
	_, err := layers.Nest(ctx, slices.Clone(l.Trees), layers.Nesting{Tables: l.tables.Layers, Keys: l.o.Keys, Resolve: func(ctx context.Context, v *layers.Volume) (*layers.Layer, error) {
		if v.Source.Size() <= 0 {
			return nil, nil
		}
		number := len(l.Trees) + 1
		for _, m := range v.Members {
			l.device[number] = l.device[number] || l.device[m.Source]
		}
		return l.resolve(ctx, v.String(), "volume "+v.Key, v.Source)
	}})
	return err
}

// source looks at one source.
func (l *looking) source(ctx context.Context, path string) error {
	opened, err := host.Open(ctx, path, host.OpenOptions{})
	if err != nil {
		return err
	}
	if slices.ContainsFunc(l.opened, func(o *host.Opened) bool { return o.Real == opened.Real }) {
		return opened.Close()
	}
	l.opened = append(l.opened, opened)
	l.Device = l.Device || opened.Device
	l.device[len(l.Trees)+1] = opened.Device
	for _, n := range opened.Notes {
		l.Notes = append(l.Notes, wireFinding(n))
	}
	src := opened.Source
	if kind, half := recognised(opened); kind != nil && !opened.Device {
		if src, err = lookInto(ctx, opened, kind, l.Looked); err != nil {
			return err
		}
	} else if half != nil && !opened.Device {
		l.Notes = append(l.Notes, wireFinding(halfNote(path, half)))
	}
	if !opened.Device {
		in, notes, err := l.tables.enter(ctx, opened, src, opened.Name)
		if err != nil {
			return err
		}
		if in != nil {
			src, notes = in.image.Source, in.findings
			l.Packed = l.Packed || l.Cut
		}
		for _, n := range notes {
			l.Notes = append(l.Notes, wireFinding(n))
		}
	}
	_, err = l.resolve(ctx, opened.Name, "source "+opened.Real, src)
	return err
}

// resolve searches a source or a volume, which key tells from all others, and finds its layers.
func (l *looking) resolve(ctx context.Context, name, key string, src block.Source) (*layers.Layer, error) {
	number := len(l.Trees) + 1
	key = fmt.Sprintf("%s of %d", key, src.Size())
	found, err := l.searchOnce(ctx, key, src, l.device[number])
	if err != nil {
		return nil, err
	}
	l.Whole = l.Whole && found.whole && !l.Cut
	l.Unreadable += found.unreadable
	if err := l.images(ctx, number, src, found.images); err != nil {
		return nil, err
	}
	hits := found.hits
	t, err := layers.Resolve(ctx, layers.Disk{Number: number, Name: name, Source: src, Volumes: l.count}, hits, l.tables.Layers)
	if err != nil {
		return nil, err
	}
	l.count += len(t.Volumes())
	l.Trees = append(l.Trees, t)
	return t, nil
}

// images adds the firmware images among the places that look like one.
func (l *looking) images(ctx context.Context, number int, src block.Source, hits []probe.Hit) error {
	found, left, err := l.tables.firmwareImages(ctx, number, src, hits)
	if left > 0 {
		l.Notes = append(l.Notes, wireFinding(moreImages.New(finding.Arg("count", left))))
	}
	l.Images = append(l.Images, found...)
	return err
}

// searchOnce searches a source or a volume, unless an earlier look did.
func (l *looking) searchOnce(ctx context.Context, key string, src block.Source, device bool) (searched, error) {
	l.Size += src.Size()
	if l.o.Earlier != nil {
		if was, ok := l.o.Earlier.searches[key]; ok {
			l.Searched += was.bytes
			l.searches[key] = was
			return was, nil
		}
	}
	found, err := l.search(ctx, src, device)
	if err == nil {
		l.searches[key] = found
	}
	return found, err
}

// search returns the landmarks on a source, and the places that look like firmware.
func (l *looking) search(ctx context.Context, src block.Source, device bool) (found searched, err error) {
	size := src.Size()
	landmark := l.tables.isLandmark()
	s := l.tables.matcher.NewSweep(size, func(h probe.Hit) {
		if landmark(h) {
			found.hits = append(found.hits, h)
		} else if _, ok := l.tables.firmwareOf[h.ID]; ok && len(found.images) <= imageTries {
			found.images = append(found.images, h)
		}
	})
	buf := make([]byte, mebi)
	want := lookWant(size, device)
	total := l.Searched + want.Bytes()
	for e := range want.All() {
		for at := e.Offset; at < e.End(); at += mebi {
			if err := ctx.Err(); err != nil {
				return found, err
			}
			if time.Since(l.begun) > lookTime {
				return found, nil
			}
			n := min(e.End()-at, mebi)
			lost, err := lookPieceOf(src, at, buf[:n], device, s.Observe)
			if err != nil {
				return found, fmt.Errorf("rescue: %w", err)
			}
			found.bytes += n
			l.Searched += n
			found.unreadable += lost
			if l.o.Progress != nil {
				l.o.Progress(l.Searched, total)
			}
		}
	}
	found.whole = found.bytes == size && found.unreadable == 0
	return found, nil
}

// lookPieceOf reads a piece into buf and hands what can be read to observe. It returns how many bytes cannot. Behind
// what an image lost it goes on; a device is not asked again.
func lookPieceOf(src block.Source, at int64, buf []byte, device bool, observe func(block.Extent, []byte)) (lost int64, err error) {
	for done := 0; done < len(buf); {
		n, err := src.ReadAt(buf[done:], at+int64(done))
		if n > 0 {
			observe(block.Extent{Offset: at + int64(done), Length: int64(n)}, buf[done:done+n])
		}
		if done += n; err == nil || errors.Is(err, io.EOF) {
			break
		}
		u, ok := block.IsUnreadable(err)
		if !ok {
			return lost, err
		}
		stop := at + int64(len(buf))
		if !device {
			for _, r := range u.Ranges {
				if r.Has(at + int64(done)) {
					stop = min(stop, r.End())
				}
			}
		}
		lost += stop - at - int64(done)
		done = int(stop - at)
	}
	return lost, nil
}

// lookWant returns what a look reads of a source, at most [lookBytes] of a device.
func lookWant(size int64, device bool) block.Set {
	whole := block.Extent{Length: size}
	if !device || size <= lookBytes {
		return block.SetOf(whole)
	}
	want := block.SetOf(block.Extent{Length: lookEdge}, block.Extent{Offset: size - lookEdge, Length: lookEdge})
	// Larger media get fewer places, spread evenly: each still at a multiple of a MiB.
	places := int64(lookBytes-2*lookEdge) / lookPiece
	step := (size/places + mebi) / mebi * mebi
	for at := int64(lookEdge); at < size-lookEdge; at += step {
		want.Add(block.Extent{Offset: at, Length: lookPiece})
	}
	return want
}
