package filesystemtest

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"salvor/block"
	"salvor/block/blocktest"
	"salvor/cursor"
	"salvor/filesystem"
)

// metadata returns the bytes of the image that are used and no file's content.
func (c *checker) metadata(t *testing.T) []block.Extent {
	used, err := c.fsys.Used(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var content []block.Extent
	for _, f := range c.all.files {
		for _, s := range f.Streams {
			for _, r := range s.Runs {
				content = append(content, r.PhysicalExtent())
			}
		}
	}
	return used.Subtract(block.SetOf(content...)).Within(block.Extent{Length: c.image.Size()}).Extents()
}

// pick returns a random place: most often in the metadata, where damage does the most.
func pick(rnd *rand.Rand, meta []block.Extent, size int64) int64 {
	if len(meta) == 0 || rnd.IntN(4) == 0 {
		return rnd.Int64N(size)
	}
	e := meta[rnd.IntN(len(meta))]
	return e.Offset + rnd.Int64N(e.Length)
}

// unreadable makes ranges of the image unreadable and expects each byte of each file to be right or an
// error, and each file that is missing to be explained by one.
func (c *checker) unreadable(t *testing.T) {
	rnd := rand.New(rand.NewPCG(c.opts.Seed, 1))
	meta := c.metadata(t)
	for round := range max(c.rounds()/5, 10) {
		var bad []block.Extent
		for range 1 + rnd.IntN(6) {
			at := pick(rnd, meta, c.image.Size()) &^ 511
			n := int64(512) << rnd.IntN(6)
			bad = append(bad, block.Between(at, min(at+n, c.image.Size())))
		}
		hit := block.SetOf(bad...)
		src := blocktest.Faulty(c.image, blocktest.Bad(hit.Extents()...))
		if round%2 == 1 {
			src = blocktest.Silent(src)
		}
		if err := c.readAround(t, src, hit); err != nil {
			t.Fatalf("round %d, unreadable %v: %v", round, hit.Extents(), err)
		}
	}
}

func (c *checker) readAround(t *testing.T, src block.Source, hit block.Set) error {
	fsys, err := c.open(src)
	if err != nil {
		if _, bad := block.IsUnreadable(err); !bad && !known(err) {
			return fmt.Errorf("open: %w", err)
		}
		return nil
	}
	l, err := collect(t.Context(), fsys, stuck)
	if err != nil {
		return err
	}
	findings := len(fsys.Info().Findings)
	for _, f := range l.files {
		findings += len(f.Findings)
	}
	for i := range c.truth {
		w := &c.truth[i]
		if w.state() != filesystem.Live.String() {
			continue
		}
		f, whole := l.find(w), c.all.find(w)
		if whole == nil {
			continue
		}
		if f == nil {
			if len(l.errs) == 0 && findings == 0 {
				return fmt.Errorf("%q is missing and nothing says why", w.Path)
			}
			continue
		}
		if err := c.compare(fsys, f, whole); err != nil {
			return fmt.Errorf("%q: %w", w.Path, err)
		}
		if w.Type == "file" && touches(whole, hit) && len(f.Findings) == 0 {
			if _, err := hashOf(fsys, f); err == nil && w.SHA256 != "" {
				return fmt.Errorf("%q reads whole, though the medium does not", w.Path)
			}
		}
	}
	return nil
}

// compare reads f and the same file of the undamaged image side by side: each byte is right or an error.
func (c *checker) compare(fsys filesystem.FileSystem, f, whole *filesystem.File) error {
	if !whole.Mode.IsRegular() || whole.Locked || len(f.Streams) == 0 || f.Size() != whole.Size() {
		if len(f.Findings) == 0 && whole.Mode.IsRegular() && f.Size() != whole.Size() {
			return fmt.Errorf("size %d, expected %d, and no finding", f.Size(), whole.Size())
		}
		return nil
	}
	src, err := fsys.Open(f, "")
	if err != nil {
		return err
	}
	want, err := c.fsys.Open(whole, "")
	if err != nil {
		return err
	}
	p, q := make([]byte, 4096), make([]byte, 4096)
	for off := int64(0); off < src.Size(); off += int64(len(p)) {
		n, err := src.ReadAt(p, off)
		if _, bad := block.IsUnreadable(err); err != nil && !bad && !errors.Is(err, io.EOF) {
			return fmt.Errorf("at %d: %w", off, err)
		}
		m, err := want.ReadAt(q, off)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if n > m || string(p[:n]) != string(q[:n]) {
			return fmt.Errorf("wrong bytes within %d of offset %d", n, off)
		}
	}
	return nil
}

// known reports whether err is one of the answers that a parser has for bytes it cannot use.
func known(err error) bool {
	_, corrupt := cursor.IsCorrupt(err)
	return corrupt || errors.Is(err, cursor.ErrNot)
}

// overlay is a source with some bytes replaced.
type overlay struct {
	block.Source
	patches []patch
}

type patch struct {
	at int64
	p  []byte
}

func (o *overlay) ReadAt(p []byte, off int64) (int, error) {
	n, err := o.Source.ReadAt(p, off)
	for _, x := range o.patches {
		if c := (block.Extent{Offset: x.at, Length: int64(len(x.p))}).Intersect(block.Extent{Offset: off, Length: int64(n)}); c.Length > 0 {
			copy(p[c.Offset-off:c.End()-off], x.p[c.Offset-x.at:])
		}
	}
	return n, err
}

// damage overwrites random places and expects no failure, an end, and the files that were not hit.
func (c *checker) damage(t *testing.T) {
	rnd := rand.New(rand.NewPCG(c.opts.Seed, 2))
	meta := c.metadata(t)
	found, expected := 0, 0
	for round := range c.rounds() {
		o := &overlay{Source: c.image}
		var hits []block.Extent
		for range 1 + rnd.IntN(4) {
			p := make([]byte, 1+rnd.IntN(1<<rnd.IntN(10)))
			fill := rnd.IntN(4)
			for i := range p {
				switch fill {
				case 0:
					p[i] = 0
				case 1:
					p[i] = 0xFF
				default:
					p[i] = byte(rnd.Uint32())
				}
			}
			x := patch{pick(rnd, meta, c.image.Size()), p}
			o.patches = append(o.patches, x)
			hits = append(hits, block.Extent{Offset: x.at, Length: int64(len(p))})
		}
		hit := block.SetOf(hits...)
		fsys, err := c.open(o)
		if err != nil {
			if !known(err) {
				t.Fatalf("round %d, damage at %v: open: %v", round, hits, err)
			}
			expected += c.untouched(hit)
			continue
		}
		l, err := collect(t.Context(), fsys, stuck)
		if err != nil {
			t.Fatalf("round %d, damage at %v: %v", round, hits, err)
		}
		if _, err := fsys.Used(t.Context()); err != nil {
			t.Fatalf("round %d, damage at %v: used: %v", round, hits, err)
		}
		f, e := c.score(t, round, fsys, l, hit)
		found, expected = found+f, expected+e
	}
	if expected == 0 {
		return
	}
	share := float64(found) / float64(expected)
	t.Logf("found %d of %d files that %d damages did not hit (%.4f)", found, expected, c.rounds(), share)
	if share < c.minFound() {
		t.Errorf("found %.4f of the files that were not hit, expected at least %.4f", share, c.minFound())
	}
}

func (c *checker) untouched(hit block.Set) int {
	n := 0
	for i := range c.truth {
		if w := &c.truth[i]; w.Type == "file" && w.Size > 0 && w.SHA256 != "" && w.state() == filesystem.Live.String() {
			if whole := c.all.find(w); whole != nil && !touches(whole, hit) {
				n++
			}
		}
	}
	return n
}

// score counts the live files of the truth that hit does not touch, and those of them whose content is
// still found, be it as an orphan.
func (c *checker) score(t *testing.T, round int, fsys filesystem.FileSystem, l *list, hit block.Set) (found, expected int) {
	size := map[int64][]*filesystem.File{}
	for _, f := range l.files {
		if f.Mode.IsRegular() && !f.Locked {
			size[f.Size()] = append(size[f.Size()], f)
		}
	}
	for i := range c.truth {
		w := &c.truth[i]
		if w.Type != "file" || w.Size == 0 || w.SHA256 == "" || w.state() != filesystem.Live.String() {
			continue
		}
		whole := c.all.find(w)
		if whole == nil || touches(whole, hit) {
			continue
		}
		expected++
		f := l.find(w)
		if f != nil {
			got, err := hashOf(fsys, f)
			if err == nil && got == w.SHA256 {
				found++
				continue
			}
			if err == nil && f.Sound && c.opts.Checked {
				t.Errorf("round %d, damage at %v: %q is called sound and holds the wrong bytes", round, hit.Extents(), w.Path)
			}
		}
		for _, f := range size[w.Size] {
			if got, err := hashOf(fsys, f); err == nil && got == w.SHA256 {
				found++
				break
			}
		}
	}
	return found, expected
}

func (c *checker) rounds() int {
	if c.opts.Rounds == 0 {
		return 100
	}
	return c.opts.Rounds
}
