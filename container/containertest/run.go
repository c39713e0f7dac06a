package containertest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"salvor/block"
	"salvor/block/blocktest"
	"salvor/container"
	"salvor/cursor"
	"salvor/internal/need"
)

// Case is an image whose content is known.
type Case struct {
	Name   string
	Format container.Format
	Files  Folder
	File   string // the one that is opened
	Truth  []byte
	// Unreadable are the bytes that cannot be read although no file is missing.
	Unreadable block.Set
	// Used are the names of the files that the disk is read from; nil when it is File alone.
	Used       []string
	SectorSize int64
	// Checked says that sums cover everything, so that no damage may give wrong bytes.
	Checked bool
}

// Bounds of the suite.
const (
	maxAlloc = 200 << 20        // bytes that opening and reading a small image may take in all, damaged or not
	maxTime  = 20 * time.Second // for the same
)

// Run is the conformance suite.
func Run(t *testing.T, c Case) {
	t.Helper()
	t.Run(c.Name, func(t *testing.T) {
		t.Run("Truth", c.truth)
		t.Run("Source", func(t *testing.T) {
			blocktest.Run(t, func(t *testing.T) (block.Source, []byte, block.Set) {
				return c.open(t, c.Files).Source, c.Truth, c.Unreadable
			})
		})
		t.Run("Missing", c.missing)
		t.Run("Cut", c.cut)
		t.Run("Damage", c.damage)
	})
}

func (c Case) open(t *testing.T, files Folder) *container.Image {
	t.Helper()
	image, err := c.try(files)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func (c Case) try(files Folder) (*container.Image, error) {
	return c.Format.Open(context.Background(), block.Bytes(files[c.File]), c.File, files.Open)
}

func (c Case) truth(t *testing.T) {
	if !container.Recognised(&c.Format, block.Bytes(c.Files[c.File])) {
		t.Error("the signatures do not recognise it")
	}
	image := c.open(t, c.Files)
	if image.Format != c.Format.Name {
		t.Errorf("it is called %q, expected %q", image.Format, c.Format.Name)
	}
	if image.SectorSize != c.SectorSize {
		t.Errorf("sectors of %d bytes, expected %d", image.SectorSize, c.SectorSize)
	}
	used := c.Used
	if used == nil {
		used = []string{c.File}
	}
	if !slices.Equal(image.Files, used) {
		t.Errorf("read from %q, expected %q", image.Files, used)
	}
	if got := int64(len(c.Truth)); image.Source.Size() != got {
		t.Fatalf("a disk of %d bytes, expected %d", image.Source.Size(), got)
	}
	if c.compare(t, image.Source, "whole") < int64(len(c.Truth))-c.Unreadable.Bytes() {
		t.Error("not all could be read")
	}
	if image.Verify != nil {
		list, err := image.Verify(context.Background())
		if err != nil {
			t.Error(err)
		}
		for _, f := range list {
			if f.Severity > 0 {
				t.Errorf("the stored checks do not fit: %v", f)
			}
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.Format.Open(ctx, block.WithContext(ctx, block.Bytes(c.Files[c.File])), c.File, c.Files.Open); !errors.Is(err, context.Canceled) {
		t.Errorf("opening beside a context that is over gives %v", err)
	}
	for name, other := range map[string][]byte{"nothing": {}, "zeros": make([]byte, 4096), "text": bytes.Repeat([]byte("text "), 3000)} {
		if _, err := c.Format.Open(context.Background(), block.Bytes(other), "x", Folder{}.Open); !errors.Is(err, cursor.ErrNot) {
			t.Errorf("%s opens with %v, expected cursor.ErrNot", name, err)
		}
	}
}

// compare reads all of src, and returns how many bytes were right; a wrong one is an error of the test.
func (c Case) compare(t *testing.T, src block.Source, what string) (right int64) {
	t.Helper()
	buf := make([]byte, 256<<10)
	for off := int64(0); off < src.Size(); {
		n, err := src.ReadAt(buf, off)
		if off+int64(n) > int64(len(c.Truth)) || !bytes.Equal(buf[:n], c.Truth[off:off+int64(n)]) {
			t.Errorf("%s: wrong bytes in %d bytes at %#x", what, n, off)
			return right
		}
		off += int64(n)
		right += int64(n)
		if u, ok := block.IsUnreadable(err); ok {
			for _, r := range u.Ranges {
				if r.Has(off) {
					off = max(off+1, r.End())
				}
			}
		} else if err != nil && !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", what, err)
			return right
		}
	}
	return right
}

// missing opens the image without each of its other files.
func (c Case) missing(t *testing.T) {
	for _, name := range c.Used {
		if name == c.File {
			continue
		}
		image, err := c.try(c.Files.Without(name))
		switch {
		case errors.Is(err, container.ErrNoSibling):
		case err != nil:
			t.Errorf("without %s: %v", name, err)
		case image.Source.Size() != int64(len(c.Truth)):
			t.Errorf("without %s: %d bytes", name, image.Source.Size())
		default:
			if right := c.compare(t, image.Source, "without "+name); right == int64(len(c.Truth)) {
				t.Errorf("without %s all bytes are read", name)
			}
			if len(image.Findings) == 0 {
				t.Errorf("without %s nothing is told", name)
			}
		}
	}
}

// cut opens the image with its file cut at many places: what is read of it then is right.
func (c Case) cut(t *testing.T) {
	whole := c.Files[c.File]
	rnd := rand.New(rand.NewPCG(7, 7))
	for i := range 40 {
		n := len(whole) - 1 - 512*i
		if i >= 10 {
			n = rnd.IntN(len(whole))
		}
		if n <= 0 {
			continue
		}
		image, err := c.try(c.Files.With(c.File, whole[:n]))
		if err != nil {
			c.acceptable(t, err)
			continue
		}
		if image.Source.Size() != int64(len(c.Truth)) {
			continue // it does not say any more how large the disk is
		}
		c.compare(t, image.Source, "cut")
	}
}

func (c Case) acceptable(t *testing.T, err error) {
	t.Helper()
	var locked *container.LockedError
	var unsupported *container.UnsupportedError
	_, corrupt := cursor.IsCorrupt(err)
	_, unreadable := block.IsUnreadable(err)
	if !corrupt && !unreadable && !errors.Is(err, cursor.ErrNot) && !errors.Is(err, container.ErrNoSibling) &&
		!errors.Is(err, container.ErrConfined) && !errors.As(err, &locked) && !errors.As(err, &unsupported) {
		t.Errorf("%v is none of the errors of a format", err)
	}
}

// damage overwrites random bytes of random files.
func (c Case) damage(t *testing.T) {
	rounds := 150
	if need.CI() {
		rounds = 400
	}
	rnd := rand.New(rand.NewPCG(8, 8))
	var names []string
	for name := range c.Files {
		names = append(names, name)
	}
	slices.Sort(names)
	for range rounds {
		name := names[rnd.IntN(len(names))]
		broken := slices.Clone(c.Files[name])
		Damage(rnd, broken)
		c.survive(t, c.Files.With(name, broken))
	}
}

// Damage overwrites some bytes of b.
func Damage(rnd *rand.Rand, b []byte) {
	for range 1 + rnd.IntN(4) {
		at := rnd.IntN(len(b))
		switch rnd.IntN(4) {
		case 0: // the structures stand at both ends
			at = rnd.IntN(min(len(b), 4096))
		case 1:
			at = len(b) - 1 - rnd.IntN(min(len(b), 1024))
		}
		for i := at; i < min(len(b), at+1+rnd.IntN(9)); i++ {
			b[i] = byte(rnd.Uint32())
			if rnd.IntN(3) == 0 {
				b[i] = 0xff
			}
		}
	}
}

// survive opens a damaged image and reads what it says it has, up to a bound.
func (c Case) survive(t *testing.T, files Folder) {
	t.Helper()
	begun := time.Now()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	image, err := c.try(files)
	if err != nil {
		c.acceptable(t, err)
	} else {
		if c.Checked && image.Source.Size() == int64(len(c.Truth)) {
			c.compare(t, image.Source, "damaged")
		}
		Exercise(t, image)
	}
	runtime.ReadMemStats(&after)
	if took := time.Since(begun); took > maxTime {
		t.Errorf("a damaged image took %v", took)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > maxAlloc {
		t.Errorf("a damaged image took %d MiB of memory", n>>20)
	}
}

// Exercise reads some places of a disk, which may say that it is of any size.
func Exercise(t testing.TB, image *container.Image) {
	t.Helper()
	size := image.Source.Size()
	if size < 0 {
		t.Fatalf("a disk of %d bytes", size)
	}
	buf := make([]byte, 64<<10)
	rnd := rand.New(rand.NewPCG(9, uint64(size)))
	for i := range 24 {
		off := int64(i) * size / 24
		if i%3 == 2 {
			off = rnd.Int64N(size + 1)
		}
		n, err := image.Source.ReadAt(buf, off)
		if n < len(buf) && err == nil || n == len(buf) && err != nil {
			t.Fatalf("%d bytes at %#x with the error %v", n, off, err)
		}
		if u, ok := block.IsUnreadable(err); ok && len(u.Ranges) == 0 {
			t.Fatalf("an error without a range at %#x", off)
		}
		block.UnreadableIn(image.Source, block.Extent{Offset: off, Length: 1 << 20})
	}
}

// Fuzz opens any bytes as an image, with itself as each of its siblings.
func Fuzz(f *testing.F, format container.Format, seeds ...[]byte) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = b[:min(len(b), 4<<20)]
		image, err := format.Open(context.Background(), block.Bytes(b), "image.E01", func(string) (block.Source, error) { return block.Bytes(b), nil })
		if err != nil {
			Case{}.acceptable(t, err)
			return
		}
		Exercise(t, image)
		if image.Verify != nil && image.Source.Size() < 16<<20 {
			if _, err := image.Verify(context.Background()); err != nil {
				if _, ok := block.IsUnreadable(err); !ok {
					t.Error(err)
				}
			}
		}
	})
}
