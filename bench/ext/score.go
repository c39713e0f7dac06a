package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"salvor/block"
	"salvor/filesystem"
	"salvor/filesystem/all"
)

// score is what one tool brought back.
type score struct {
	truth, exact, named   int
	wrong, sound, certain int // files of the right path with other bytes; those that claim to be Sound; those without a guessed place
	seconds               float64
}

func (s score) print(image, tool string) {
	part := func(n int) string { return fmt.Sprintf("%d (%.1f %%)", n, 100*float64(n)/float64(max(s.truth, 1))) }
	fmt.Printf("| %s | %s | %d | %s | %s | %d | %d | %d | %.1f |\n", image, tool, s.truth, part(s.exact), part(s.named), s.wrong, s.sound, s.certain, s.seconds)
}

// goal knows what is to be had.
type goal struct {
	bySum  map[string][]string // paths
	byPath map[string]string
	sums   map[string]bool // of all files, those that are not asked for too
	had    map[string]bool
	named  map[string]bool
}

func newGoal(truth, others []file) *goal {
	g := &goal{map[string][]string{}, map[string]string{}, map[string]bool{}, map[string]bool{}, map[string]bool{}}
	for _, f := range truth {
		g.bySum[f.sha256] = append(g.bySum[f.sha256], f.path)
		g.byPath[f.path] = f.sha256
		g.sums[f.sha256] = true
	}
	for _, f := range others {
		g.sums[f.sha256] = true
	}
	return g
}

// take notes one file that was brought back.
func (g *goal) take(sum, path string) (known bool) {
	for _, p := range g.bySum[sum] {
		if os.Getenv("EXT_BENCH_VERBOSE") != "" && p != path {
			fmt.Printf("<!-- %q stands under %q -->\n", p, path)
		}
		g.had[p] = true
		if p == path {
			g.named[p] = true
		}
	}
	return g.sums[sum]
}

// disk is an image as a source.
type disk struct {
	*os.File
	size int64
}

func (d disk) Size() int64 { return d.size }

// open opens the image by the first kind that reads it.
func open(ctx context.Context, src block.Source) (filesystem.FileSystem, error) {
	for _, k := range all.Table() {
		if k.Name == "ext" {
			return k.Open(ctx, src)
		}
	}
	return nil, fmt.Errorf("no reader of ext")
}

func ours(ctx context.Context, image string, truth, others []file) (score, error) {
	f, err := os.Open(image)
	if err != nil {
		return score{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return score{}, err
	}
	begin := time.Now()
	fsys, err := open(ctx, disk{f, info.Size()})
	if err != nil {
		return score{}, err
	}
	g := newGoal(truth, others)
	s := score{truth: len(truth)}
	for x, err := range fsys.Files(ctx) {
		if err != nil || !x.Mode.IsRegular() || len(x.Streams) == 0 || x.Size() == 0 || !block.OfKind(x.Streams[0].Runs, block.Zero).Complement(block.Extent{Length: x.Size()}).Overlaps(block.Extent{Length: x.Size()}) {
			continue
		}
		src, err := fsys.Open(x, "")
		if err != nil {
			continue
		}
		h := sha256.New()
		if _, err := io.Copy(h, block.Reader(src)); err != nil {
			continue // it says itself that it is not whole
		}
		if g.take(hex.EncodeToString(h.Sum(nil)), x.Path) {
			continue
		}
		s.wrong++
		if x.Sound {
			s.sound++
		}
		if block.OfKind(x.Streams[0].Runs, block.Guessed).Empty() {
			s.certain++
		}
		if os.Getenv("EXT_BENCH_VERBOSE") != "" {
			fmt.Printf("<!-- wrong: %s %v %q %d bytes %v -->\n", x.ID, x.State, x.Path, x.Size(), x.Findings)
		}
	}
	s.seconds = time.Since(begin).Seconds()
	s.exact, s.named = len(g.had), len(g.named)
	if os.Getenv("EXT_BENCH_VERBOSE") != "" {
		for p := range g.byPath {
			if !g.named[p] {
				fmt.Printf("<!-- exact %v, not named: %q -->\n", g.had[p], p)
			}
		}
	}
	return s, nil
}

// rival is a tool of others that saves files into a folder.
type rival struct {
	name string
	args func(image, out string) []string
}

var rivals = []rival{
	{"tsk_recover", func(image, out string) []string { return []string{"tsk_recover", "-e", image, out} }},
	{"ext4magic -m", func(image, out string) []string { return []string{"ext4magic", image, "-m", "-d", out} }},
	{"ext4magic -R", func(image, out string) []string {
		return []string{"ext4magic", image, "-R", "-a", fmt.Sprint(time.Now().Add(-time.Hour).Unix()), "-d", out}
	}},
	{"extundelete", func(image, out string) []string { return []string{"extundelete", "--restore-all", image} }},
}

func (t rival) score(dir, image string, truth, others []file) (score, error) {
	out, err := os.MkdirTemp(dir, "out")
	if err != nil {
		return score{}, err
	}
	defer os.RemoveAll(out)
	begin := time.Now()
	args := t.args(image, out)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = out
	cmd.Stdin = strings.NewReader("y\n")
	said, err := cmd.CombinedOutput()
	s := score{truth: len(truth), seconds: time.Since(begin).Seconds()}
	if err != nil {
		lines := strings.Split(strings.TrimSpace(string(said)), "\n")
		fmt.Printf("<!-- %s: %v: %s -->\n", t.name, err, lines[len(lines)-1])
	}
	g := newGoal(truth, others)
	err = filepath.WalkDir(out, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil || len(b) == 0 {
			return err
		}
		rel, err := filepath.Rel(out, path)
		if err != nil {
			return err
		}
		for _, prefix := range []string{"RECOVERED_FILES/", "MAGIC-1/", "MAGIC-2/", "MAGIC-3/"} {
			rel = strings.TrimPrefix(rel, prefix)
		}
		sum := sha256.Sum256(b)
		if !g.take(hex.EncodeToString(sum[:]), rel) {
			s.wrong++
		}
		return nil
	})
	s.exact, s.named = len(g.had), len(g.named)
	return s, err
}
