package mapped_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"

	"salvor/block"
	"salvor/block/blocktest"
	"salvor/container/containertest"
	"salvor/container/internal/mapped"
	"salvor/cursor"
)

// layout is a disk of units of 1000 bytes: stored, packed, zero, lost, broken, in turn.
type layout struct {
	disk    []byte
	src     block.Source
	unpacks atomic.Int64
	fail    error // of Locate, for units 5 of 6
}

const unit = 1000

func (l *layout) Locate(off int64) (mapped.Piece, error) {
	i := off / unit
	e := block.Extent{Offset: i * unit, Length: unit} // the last one reaches behind the end of the disk
	switch i % 6 {
	case 0:
		return mapped.Piece{Extent: e, Kind: mapped.Stored, Source: l.src, At: e.Offset}, nil
	case 1:
		return mapped.Piece{Extent: e, Kind: mapped.Packed, Unpack: func(dst []byte) error {
			l.unpacks.Add(1)
			copy(dst, l.disk[e.Offset:])
			return nil
		}}, nil
	case 2:
		return mapped.Piece{Extent: e}, nil
	case 3:
		return mapped.LostPiece(e), nil
	case 4:
		return mapped.Piece{Extent: e, Kind: mapped.Packed, Unpack: func([]byte) error { return cursor.Corrupt("unit", i, "a sum", "none") }}, nil
	}
	return mapped.Piece{Extent: e}, l.fail
}

func newLayout() (*layout, block.Set) {
	l := &layout{disk: containertest.Disk(50_500, 6), fail: cursor.Corrupt("table", 0, "an entry", "none")}
	var bad block.Set
	for at := int64(0); at < int64(len(l.disk)); at += unit {
		e := block.Extent{Offset: at, Length: unit}.Intersect(block.Extent{Length: int64(len(l.disk))})
		switch at / unit % 6 {
		case 2:
			clear(l.disk[e.Offset:e.End()])
		case 3, 4, 5:
			bad.Add(e)
		}
	}
	l.src = block.Bytes(l.disk)
	return l, bad
}

func TestDisk(t *testing.T) {
	blocktest.Run(t, func(*testing.T) (block.Source, []byte, block.Set) {
		l, bad := newLayout()
		return mapped.New(int64(len(l.disk)), l), l.disk, bad
	})
}

// Ranges that are known to be lost from the beginning are, whatever the layout says of them.
func TestKnown(t *testing.T) {
	blocktest.Run(t, func(*testing.T) (block.Source, []byte, block.Set) {
		l, bad := newLayout()
		known := []block.Extent{{Offset: 12_300, Length: 700}, {Offset: 100, Length: 50}, {Offset: 120, Length: 100}, {Offset: 50_400, Length: 9000}, {Offset: 30_000, Length: 0}}
		var list []block.Unreadable
		for _, e := range known {
			list = append(list, block.Unreadable{Extent: e, Why: block.Bad})
			bad.Add(e.Intersect(block.Extent{Length: int64(len(l.disk))}))
		}
		return mapped.New(int64(len(l.disk)), l, list...), l.disk, bad
	})
}

// A container that is cut, and one with places that cannot be read.
func TestContainerFails(t *testing.T) {
	for name, wrap := range map[string]func(block.Source) block.Source{
		"cut":   func(s block.Source) block.Source { return block.Section(s, block.Extent{Length: 30_250}) },
		"short": func(s block.Source) block.Source { return short{s, 30_250} },
		"faulty": func(s block.Source) block.Source {
			return blocktest.Faulty(s, blocktest.Bad(block.Between(30_250, 60_000)))
		},
		"coarse": func(s block.Source) block.Source {
			return blocktest.Coarse(blocktest.Faulty(s, blocktest.Bad(block.Between(30_250, 60_000))))
		},
	} {
		t.Run(name, func(t *testing.T) {
			blocktest.Run(t, func(*testing.T) (block.Source, []byte, block.Set) {
				l, bad := newLayout()
				for at := int64(30_000); at < int64(len(l.disk)); at += unit {
					if at/unit%6 == 0 {
						bad.Add(block.Between(max(at, 30_250), at+unit).Intersect(block.Extent{Length: int64(len(l.disk))}))
					}
				}
				l.src = wrap(l.src)
				return mapped.New(int64(len(l.disk)), l), l.disk, bad
			})
		})
	}
}

// short is a file that ends early.
type short struct {
	block.Source
	end int64
}

func (s short) ReadAt(p []byte, off int64) (int, error) {
	if off >= s.end {
		return 0, io.EOF
	}
	n, err := s.Source.ReadAt(p[:min(int64(len(p)), s.end-off)], off)
	if n < len(p) && err == nil {
		err = io.EOF
	}
	return n, err
}

// Errors that are about no place end a read as they are, and are not remembered as lost bytes.
func TestOtherErrors(t *testing.T) {
	l, _ := newLayout()
	l.fail = context.Canceled
	d := mapped.New(int64(len(l.disk)), l)
	if n, err := d.ReadAt(make([]byte, 10), 5500); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d, %v", n, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	l.src = block.WithContext(ctx, l.src)
	if n, err := d.ReadAt(make([]byte, 10), 6000); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d, %v", n, err)
	}
	if list := block.UnreadableIn(d, block.Extent{Length: d.Size()}); len(list) > 0 {
		t.Errorf("remembered %v", list)
	}
}

// A layout that lies about where its pieces are, or how large, makes bytes unreadable.
type liar struct{ piece mapped.Piece }

func (l liar) Locate(int64) (mapped.Piece, error) { return l.piece, nil }

func TestLiars(t *testing.T) {
	for _, p := range []mapped.Piece{
		{}, {Extent: block.Extent{Offset: 50, Length: 10}}, {Extent: block.Extent{Offset: -5, Length: 3}},
		{Extent: block.Extent{Length: mapped.MaxUnit + 1}, Kind: mapped.Packed, Unpack: func([]byte) error { return nil }},
	} {
		d := mapped.New(1<<40, liar{p})
		n, err := d.ReadAt(make([]byte, 10), 0)
		if _, ok := block.IsUnreadable(err); n != 0 || !ok {
			t.Errorf("%+v: %d, %v", p.Extent, n, err)
		}
	}
}

// A unit is unpacked once as long as it is used.
func TestCache(t *testing.T) {
	l, _ := newLayout()
	d := mapped.New(int64(len(l.disk)), l)
	for range 100 {
		if _, err := d.ReadAt(make([]byte, 10), 1500); err != nil {
			t.Fatal(err)
		}
	}
	if n := l.unpacks.Load(); n != 1 {
		t.Errorf("unpacked %d times", n)
	}
	c := mapped.NewCache[int, int](10)
	for i := range 20 {
		c.Put(i, i, 3)
	}
	c.Put(19, 100, 3)
	kept := 0
	for i := range 20 {
		if _, ok := c.Get(i); ok {
			kept++
		}
	}
	if v, ok := c.Get(19); kept != 3 || !ok || v != 100 {
		t.Errorf("%d are kept, the last is %d", kept, v)
	}
	c.Put(7, 7, 1000)
	if _, ok := c.Get(7); !ok {
		t.Error("the newest does not stay")
	}
}

// Reads over several packed units give the same, and a panic of an unpacker comes to who reads.
func TestAhead(t *testing.T) {
	disk := containertest.Disk(1<<20, 11)
	for _, broken := range []int64{-1, 0, 700} {
		l := &units{disk: disk, broken: broken}
		d := mapped.New(int64(len(disk)), l)
		got := make([]byte, len(disk))
		read := func() (n int, err error) {
			defer func() {
				if v := recover(); v != nil {
					err = errors.New("panic")
				}
			}()
			return d.ReadAt(got, 0)
		}
		for range 2 {
			n, err := read()
			if (err != nil) != (broken >= 0) || broken < 0 && !bytes.Equal(got[:n], disk) {
				t.Errorf("unit %d broken: %d bytes, %v", broken, n, err)
			}
		}
		if broken < 0 && l.count.Load() > 1024+8 {
			t.Errorf("%d units were unpacked for 1024", l.count.Load())
		}
	}
}

// units is a disk of packed units of 1 KiB; the unpacking of one may panic.
type units struct {
	disk   []byte
	broken int64
	count  atomic.Int64
}

func (l *units) Locate(off int64) (mapped.Piece, error) {
	e := block.Extent{Offset: off &^ 1023, Length: 1024}
	return mapped.Piece{Extent: e, Kind: mapped.Packed, Unpack: func(dst []byte) error {
		l.count.Add(1)
		if e.Offset>>10 == l.broken {
			var none []byte
			dst[0] = none[0]
		}
		copy(dst, l.disk[e.Offset:])
		return nil
	}}, nil
}

func TestBase(t *testing.T) {
	e := block.Extent{Offset: 100, Length: 100}
	small := block.Bytes(make([]byte, 150))
	for _, c := range []struct {
		base mapped.Base
		off  int64
		kind mapped.Kind
		want block.Extent
	}{
		{mapped.Base{}, 150, mapped.Zero, e},
		{mapped.Base{Missing: true}, 150, mapped.Lost, e},
		{mapped.Base{Source: small}, 120, mapped.Stored, block.Between(100, 150)},
		{mapped.Base{Source: small}, 150, mapped.Zero, block.Between(150, 200)},
		{mapped.Base{Source: block.Bytes(nil)}, 150, mapped.Zero, e},
	} {
		if p := c.base.Piece(e, c.off); p.Kind != c.kind || p.Extent != c.want {
			t.Errorf("%+v: %v %v", c.base, p.Kind, p.Extent)
		}
	}
}

// Pieces go on as long as each ends where the next begins, on the disk and in the file.
func TestJoined(t *testing.T) {
	list := []mapped.Piece{
		{Extent: block.Extent{Offset: 10, Length: 10}, Kind: mapped.Stored, At: 110}, {Extent: block.Extent{Offset: 20, Length: 10}, Kind: mapped.Stored, At: 120},
		{Extent: block.Extent{Offset: 30, Length: 10}, Kind: mapped.Stored, At: 130, File: 1},
	}
	first := mapped.Piece{Extent: block.Extent{Length: 10}, Kind: mapped.Stored, At: 100}
	next := func(i int64) (mapped.Piece, error) {
		if i >= int64(len(list)) {
			return mapped.Piece{}, cursor.ErrNot
		}
		return list[i], nil
	}
	for limit, want := range map[int64]int64{0: 10, 1: 20, 2: 30, 9: 30} {
		if got := mapped.Joined(first, limit, next).Extent.Length; got != want {
			t.Errorf("up to %d: %d bytes, expected %d", limit, got, want)
		}
	}
	for name, p := range map[string]mapped.Piece{
		"another kind": {Extent: first.Extent}, "packed": {Extent: first.Extent, Kind: mapped.Packed}, "another place": {Extent: first.Extent, Kind: mapped.Stored, At: 7},
	} {
		if got := mapped.Joined(p, 9, next).Extent.Length; got != 10 {
			t.Errorf("%s: %d bytes", name, got)
		}
	}
}

func TestPieces(t *testing.T) {
	l, _ := newLayout()
	d := mapped.New(int64(len(l.disk)), l)
	at, broken := int64(0), 0
	if err := d.Pieces(context.Background(), 0, func(p mapped.Piece, err error) bool {
		if p.Extent.Offset != at {
			t.Errorf("a piece at %d, expected %d", p.Extent.Offset, at)
		}
		if at = p.Extent.End(); err != nil {
			broken++
		}
		return true
	}); err != nil || at != d.Size() || broken != 8 {
		t.Errorf("%v: up to %d, %d broken", err, at, broken)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := d.Pieces(ctx, 0, func(mapped.Piece, error) bool { return true }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := d.Pieces(context.Background(), 0, func(mapped.Piece, error) bool { return false }); err != nil {
		t.Error(err)
	}
}
