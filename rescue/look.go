package rescue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"salvor/block"
	"salvor/block/probe"
	"salvor/host"
	"salvor/internal/wire"
	"salvor/layers"
)

// Bounds of a look at a device: what it may read of it, and how long.
const (
	lookBytes = 1 << 30
	lookTime  = 60 * time.Second
	lookEdge  = 64 << 20 // read wholly at both ends: tables, first volumes, backups
	lookPiece = 128 << 10
	mebi      = 1 << 20
)

// Looked is what a look at a source found.
type Looked struct {
	Tree       *layers.Layer
	Size       int64
	Searched   int64 // bytes that were read
	Unreadable int64 // of them, those that could not be
	Whole      bool  // all of the source was searched
	Device     bool
	Packed     bool           // a compressed image; Size and Searched count what is in it
	Cut        bool           // of which only the beginning was looked at
	Notes      []wire.Finding // about the source itself: parts that are missing
	Duration   time.Duration
}

// Look says what stands in what on the source at path, without a case. Of a device it reads at most 1 GiB in
// 60 seconds: both ends, and the beginning of each MiB, where volumes begin. An image file is searched fully
// as far as that time allows.
func Look(ctx context.Context, path string, progress func(done, total int64)) (l *Looked, err error) {
	tables, err := NewTables()
	if err != nil {
		return nil, err
	}
	opened, err := host.Open(ctx, path, host.OpenOptions{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	begun := time.Now()
	l = &Looked{Size: opened.Size, Device: opened.Device}
	for _, n := range opened.Notes {
		l.Notes = append(l.Notes, wireFinding(n))
	}
	src := opened.Source
	if kind, half := recognised(opened); kind != nil && !opened.Device {
		if src, err = lookInto(ctx, opened, kind, l); err != nil {
			return nil, err
		}
	} else if half != nil && !opened.Device {
		l.Notes = append(l.Notes, wireFinding(halfNote(path, half)))
	}
	if !opened.Device {
		in, notes, err := tables.enter(ctx, opened, src, opened.Name)
		if err != nil {
			return nil, err
		}
		if in != nil {
			src, notes = in.image.Source, in.findings
			l.Size = src.Size()
		}
		for _, n := range notes {
			l.Notes = append(l.Notes, wireFinding(n))
		}
	}
	size := src.Size()
	var hits []probe.Hit
	landmark := tables.isLandmark()
	s := tables.matcher.NewSweep(size, func(h probe.Hit) {
		if landmark(h) {
			hits = append(hits, h)
		}
	})
	buf := make([]byte, mebi)
	want := lookWant(size, opened.Device)
	total := want.Bytes()
search:
	for e := range want.All() {
		for at := e.Offset; at < e.End(); at += mebi {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if time.Since(begun) > lookTime {
				break search
			}
			n := min(e.End()-at, mebi)
			m, err := src.ReadAt(buf[:n], at)
			if m > 0 {
				s.Observe(block.Extent{Offset: at, Length: int64(m)}, buf[:m])
			}
			l.Searched += n
			if err != nil {
				if _, ok := block.IsUnreadable(err); !ok {
					return nil, fmt.Errorf("rescue: %w", err)
				}
				l.Unreadable += n - int64(m)
			}
			if progress != nil {
				progress(l.Searched, total)
			}
		}
	}
	l.Whole = l.Searched == size && l.Unreadable == 0 && !l.Cut
	l.Tree, err = layers.Resolve(ctx, layers.Disk{Number: 1, Name: opened.Name, Source: src}, hits, tables.Layers)
	l.Duration = time.Since(begun)
	return l, err
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
