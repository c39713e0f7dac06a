package filesystemtest

import (
	"context"
	"encoding/hex"
	"fmt"
	"io/fs"
	"math"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"salvor/block"
	"salvor/filesystem"
)

// Options adapt the suite to a format.
type Options struct {
	// Extra says of a live file that the truth need not name it ("lost+found").
	Extra func(*filesystem.File) bool
	// AllowErrors lets a walk over the undamaged image yield errors.
	AllowErrors bool
	// MinFound is the share of the files which damage did not hit that must still be found, over all
	// rounds; 0 means 0.9.
	MinFound float64
	// Checked says that the format's metadata has checksums, so that damage which did not hit a file's own
	// content must never give a Sound file with a wrong content.
	Checked bool
	// Rounds is the number of random damages; 0 means 100.
	Rounds int
	// Seed makes the damage.
	Seed uint64
}

// stuck is how long one walk over an image of a test may take.
const stuck = 30 * time.Second

// Run checks a reader on an undamaged image against the truth, then on damaged ones. open is what the
// kind's Open does. The truth holds every live file, and those deleted ones that must be found.
func Run(t *testing.T, open func(block.Source) (filesystem.FileSystem, error), image block.Source, truth []Truth, opts Options) {
	t.Helper()
	fsys, err := open(image)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	all, err := collect(t.Context(), fsys, stuck)
	if err != nil {
		t.Fatal(err)
	}
	c := &checker{open: open, image: image, fsys: fsys, truth: truth, all: all, opts: opts}
	t.Run("truth", c.equal)
	t.Run("laws", c.laws)
	t.Run("places", c.places)
	t.Run("again", c.again)
	t.Run("cancel", c.cancel)
	t.Run("tree", c.tree)
	t.Run("unreadable", c.unreadable)
	t.Run("damage", c.damage)
}

type checker struct {
	open  func(block.Source) (filesystem.FileSystem, error)
	image block.Source
	fsys  filesystem.FileSystem
	truth []Truth
	all   *list
	opts  Options
}

// equal compares what was found with the truth, both ways.
func (c *checker) equal(t *testing.T) {
	known := map[string]bool{}
	for i := range c.truth {
		w := &c.truth[i]
		known[key(w.state(), w.Path)] = true
		f := c.all.find(w)
		if f == nil {
			t.Errorf("%s %q is missing", w.state(), w.Path)
			continue
		}
		for _, d := range Differences(c.fsys, f, w) {
			t.Errorf("%s %q: %s", w.state(), w.Path, d)
		}
	}
	for _, f := range c.all.files {
		if f.State != filesystem.Live || known[key(f.State.String(), f.Path)] {
			continue
		}
		if c.opts.Extra == nil || !c.opts.Extra(f) {
			t.Errorf("%v %q (%s) is not in the truth", f.State, f.Path, f.ID)
		}
	}
	if !c.opts.AllowErrors {
		for _, err := range c.all.errs {
			t.Errorf("an undamaged image gave: %v", err)
		}
	}
}

// Differences says in what f differs from the truth about it.
func Differences(fsys filesystem.FileSystem, f *filesystem.File, w *Truth) []string {
	var out []string
	differ := func(what string, expected, found any) {
		out = append(out, fmt.Sprintf("%s %v, expected %v", what, found, expected))
	}
	if got := typeOf(f.Mode); got != w.Type {
		differ("type", w.Type, got)
	}
	if w.Type == "file" && f.Size() != w.Size {
		differ("size", w.Size, f.Size())
	}
	if w.Mode != "" && octal(f.Mode) != w.Mode {
		differ("mode", w.Mode, octal(f.Mode))
	}
	if w.UID != nil && (!f.HasOwner || f.UID != *w.UID) {
		differ("uid", *w.UID, f.UID)
	}
	if w.GID != nil && (!f.HasOwner || f.GID != *w.GID) {
		differ("gid", *w.GID, f.GID)
	}
	if f.Target != w.Target && (w.Type == "link" || w.Target != "") {
		differ("target", w.Target, f.Target)
	}
	if w.Modified != "" {
		want, err := time.Parse(time.RFC3339Nano, w.Modified)
		got := f.Times.Modified
		if want.Nanosecond() == 0 {
			got = got.Truncate(time.Second)
		}
		if err != nil || !got.Equal(want) {
			differ("mtime", w.Modified, f.Times.Modified.UTC().Format(time.RFC3339Nano))
		}
	}
	for name, value := range w.Xattrs {
		got, ok := f.Attributes[name]
		if !ok || hex.EncodeToString(got) != value {
			differ("attribute "+name, value, hex.EncodeToString(got))
		}
	}
	if w.Xattrs != nil && len(f.Attributes) != len(w.Xattrs) {
		differ("attributes", len(w.Xattrs), len(f.Attributes))
	}
	if w.SHA256 != "" {
		got, err := hashOf(fsys, f)
		switch {
		case err != nil:
			differ("content", w.SHA256, err)
		case got != w.SHA256:
			differ("content", w.SHA256, got)
		}
	}
	return out
}

// laws checks what holds for every file of every reader.
func (c *checker) laws(t *testing.T) {
	info := c.fsys.Info()
	if info.Kind == "" || info.BlockSize <= 0 || info.Size <= 0 {
		t.Errorf("info says kind %q, blocks of %d bytes, %d bytes", info.Kind, info.BlockSize, info.Size)
	}
	ids := map[string]string{}
	dirs := map[string]bool{}
	for _, f := range c.all.files {
		if f.ID == "" {
			t.Errorf("%q has no ID", f.Path)
		}
		if other, taken := ids[f.ID]; taken {
			t.Errorf("%q and %q have one ID: %s", f.Path, other, f.ID)
		}
		ids[f.ID] = f.Path
		if f.Path != "" {
			if !fs.ValidPath(f.Path) || f.Path == "." {
				t.Errorf("%q is no path", f.Path)
			}
			for _, name := range strings.Split(f.Path, "/") {
				if stored := filesystem.UnescapeName(name); filesystem.EscapeName(stored) != name {
					t.Errorf("%q holds the name %q, which is not escaped", f.Path, name)
				}
			}
			// What has no known place hangs below a folder that no one yields.
			if parent := path.Dir(f.Path); parent != "." && !dirs[parent] && !strings.HasPrefix(f.Path, "lost+found-") {
				t.Errorf("%q came before its parent", f.Path)
			}
		}
		if f.Mode.IsDir() {
			dirs[f.Path] = true
		}
		for i, s := range f.Streams {
			if i > 0 && s.Name == "" {
				t.Errorf("%q: the content is stream %d", f.Path, i)
			}
			if s.Size < 0 {
				t.Errorf("%q: size %d", f.Path, s.Size)
			}
		}
	}
}

// places checks the runs of every stream, and that the origin of what Open gives agrees with them.
func (c *checker) places(t *testing.T) {
	volume := block.Extent{Length: c.image.Size()}
	used, err := c.fsys.Used(t.Context())
	if err != nil {
		t.Fatalf("used: %v", err)
	}
	for e := range used.All() {
		if e.Offset < 0 || e.End() > max(c.image.Size(), c.fsys.Info().Size) {
			t.Errorf("used: %v lies outside of the volume", e)
		}
	}
	for _, f := range c.all.files {
		for _, s := range f.Streams {
			if norm := block.Normalize(s.Runs, s.Size); s.Encoding == "" && !slices.Equal(norm, s.Runs) {
				t.Errorf("%q: runs %v are not normalized: %v", f.Path, s.Runs, norm)
			}
			for _, r := range s.Runs {
				if !r.Kind.Stands() {
					continue
				}
				if !volume.Contains(r.PhysicalExtent()) {
					t.Errorf("%q: %v lies outside of the volume", f.Path, r)
				}
				if f.State == filesystem.Live && !used.Contains(r.PhysicalExtent()) {
					t.Errorf("%q: %v is not used", f.Path, r)
				}
			}
			if s.Encoding != "" || f.Locked {
				continue
			}
			src, err := c.fsys.Open(f, s.Name)
			if err != nil {
				t.Errorf("%q: open %q: %v", f.Path, s.Name, err)
				continue
			}
			if src.Size() != s.Size {
				t.Errorf("%q: open gives %d bytes, expected %d", f.Path, src.Size(), s.Size)
			}
			if got := block.Origin(src, block.Extent{Length: s.Size}); !slices.Equal(got, block.Through(c.image, s.Runs)) {
				t.Errorf("%q: origin %v, runs %v", f.Path, got, s.Runs)
			}
		}
		if len(f.Streams) > 0 {
			if _, err := c.fsys.Open(f, "no such stream"); err == nil {
				t.Errorf("%q: a stream that is not there opens", f.Path)
			}
		}
	}
}

// again walks twice at once and expects the same, and leaves walks early.
func (c *checker) again(t *testing.T) {
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			l, err := collect(context.Background(), c.fsys, stuck)
			if err != nil {
				t.Error(err)
				return
			}
			if len(l.files) != len(c.all.files) || len(l.errs) != len(c.all.errs) {
				t.Errorf("a second walk gave %d files and %d errors, the first %d and %d", len(l.files), len(l.errs), len(c.all.files), len(c.all.errs))
				return
			}
			for i, f := range l.files {
				if w := c.all.files[i]; f.ID != w.ID || f.Path != w.Path {
					t.Errorf("file %d of a second walk is %s %q, first %s %q", i, f.ID, f.Path, w.ID, w.Path)
					return
				}
			}
		})
	}
	wg.Wait()
	for _, stop := range []int{1, 2, len(c.all.files) / 2} {
		n := 0
		for range c.fsys.Files(t.Context()) {
			if n++; n >= stop {
				break
			}
		}
	}
}

// cancel ends walks by their context.
func (c *checker) cancel(t *testing.T) {
	for _, after := range []int{0, 1, len(c.all.files) / 2} {
		fsys, err := c.open(c.image)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		n, late := 0, 0
		var last error
		if after == 0 {
			cancel()
		}
		for f, err := range fsys.Files(ctx) {
			if f != nil {
				n++
			}
			if n > after {
				late++
			}
			if n == after {
				cancel()
			}
			last = err
		}
		cancel()
		if late > 1 {
			t.Errorf("%d more files came after a cancel at file %d", late, after)
		}
		if last == nil || !strings.Contains(last.Error(), context.Canceled.Error()) {
			t.Errorf("a walk that was cancelled at file %d ends with %v", after, last)
		}
		ended, stop := context.WithCancel(t.Context())
		stop()
		if _, err := fsys.Used(ended); err == nil && after == 0 {
			t.Error("used: a context that has ended is not heeded")
		}
	}
}

// tree runs the standard library's suite over the derived fs.FS.
func (c *checker) tree(t *testing.T) {
	tree, err := filesystem.Tree(c.fsys, func(f *filesystem.File) bool { return !f.Locked })
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(tree, c.paths()...); err != nil {
		t.Error(err)
	}
}

// paths returns where [filesystem.Tree] has the live regular files of the truth: it takes a tree without any
// for granted only where nothing is expected in it.
func (c *checker) paths() []string {
	var out []string
	for i := range c.truth {
		w := &c.truth[i]
		if w.Type != "file" || w.state() != filesystem.Live.String() {
			continue
		}
		if f := c.all.find(w); f != nil && f.Locked {
			continue
		}
		var names []string
		for _, name := range strings.Split(w.Path, "/") {
			if strings.Contains(name, `\`) { // as Tree writes it
				name = strings.NewReplacer(`%`, "%25", `\`, "%5c").Replace(name)
			}
			names = append(names, name)
		}
		out = append(out, strings.Join(names, "/"))
	}
	return out
}

// touches reports whether hit has a byte in the places where the content of f stands, which is what a truth knows.
func touches(f *filesystem.File, hit block.Set) bool {
	for _, s := range f.Streams {
		if s.Name == "" && !block.Places(s.Runs).Intersect(hit).Empty() {
			return true
		}
	}
	return false
}

// minFound is the share of files that damage must leave.
func (c *checker) minFound() float64 {
	if c.opts.MinFound == 0 {
		return 0.9
	}
	return math.Min(c.opts.MinFound, 1)
}
