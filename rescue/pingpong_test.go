package rescue_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"salvor/block"
	"salvor/imaging"
	"salvor/internal/need"
	"salvor/internal/wire"
	"salvor/rescue"
)

// quiet are events that no one watches.
type quiet struct{}

func (quiet) Progress(wire.Progress) {}
func (quiet) Layers([]wire.Layer)    {}
func (quiet) Finding(wire.Finding)   {}

// badMap returns a random map of errors of a medium of size bytes.
func badMap(rnd *rand.Rand, size int64) *imaging.Map {
	m := imaging.NewMap(size)
	m.Set(block.Extent{Length: size}, imaging.Finished)
	for range 1 + rnd.IntN(12) {
		n := int64(1)
		switch rnd.IntN(4) {
		case 0:
			n += rnd.Int64N(8)
		case 1:
			n += rnd.Int64N(600)
		}
		m.Set(block.Extent{Offset: rnd.Int64N(size/512) * 512, Length: n * 512}, imaging.BadSector)
	}
	if rnd.IntN(3) == 0 { // a cluster
		at := rnd.Int64N(size / 512)
		for range 30 {
			at += 1 + rnd.Int64N(40)
			m.Set(block.Extent{Offset: at * 512, Length: 512}, imaging.BadSector)
		}
	}
	return m
}

func writeMap(t *testing.T, path string, m *imaging.Map) {
	t.Helper()
	var b bytes.Buffer
	if _, err := m.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

func openMap(t *testing.T, path string) *imaging.Map {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := imaging.ReadMap(f)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// One map goes from one program to the other and back, at any place of the work, and the end is the same map and the
// same image as if either had done it alone.
func TestPingPong(t *testing.T) {
	t.Parallel()
	need.Tools(t, "ddrescue")
	rounds := uint64(25)
	if need.CI() {
		rounds = 200
	}
	const size = 3<<20 + 512*77
	dir := t.TempDir()
	data := make([]byte, size)
	source := filepath.Join(dir, "in")
	rnd := rand.New(rand.NewPCG(4, 4))
	for i := range data {
		data[i] = byte(rnd.Uint32())
	}
	if err := os.WriteFile(source, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for seed := range rounds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 5))
			bad := badMap(rnd, size)
			dir := t.TempDir()
			p := func(name string) string { return filepath.Join(dir, name) }
			writeMap(t, p("bad"), bad)

			theirs := func(image, m string, args ...string) {
				t.Helper()
				args = append(args, "-q", "-f", "-H", p("bad"), source, image, m)
				if out, err := exec.Command("ddrescue", args...).CombinedOutput(); err != nil {
					// With a bound on errors it ends with 1 when it reaches that.
					if e, ok := err.(*exec.ExitError); !ok || e.ExitCode() != 1 {
						t.Fatalf("ddrescue %v: %v\n%s", args, err, out)
					}
				}
			}
			ours := func(image, m string, plan imaging.Plan) {
				t.Helper()
				o := rescue.ImageCopy{Source: source, Image: image, Map: m, OutputPosition: -1, Test: bad, Program: "test", Force: true}
				o.Plan = plan
				r, err := rescue.CopyImage(t.Context(), o, quiet{}, slog.New(slog.NewTextHandler(io.Discard, nil)))
				if _, bounded := imaging.IsExhausted(err); err != nil && !bounded {
					t.Fatalf("%+v, %v", r, err)
				}
			}
			theirs(p("alone.img"), p("alone.map"))
			ours(p("own.img"), p("own.map"), imaging.Plan{})

			// Each is stopped somewhere by a bound on errors, or a phase that it leaves out.
			stop := func() imaging.Plan {
				return []imaging.Plan{{MaxReadErrors: 1 + rnd.IntN(20)}, {NoTrim: true, NoScrape: true}, {NoScrape: true}, {CopyPasses: 2, NoTrim: true, NoScrape: true}, {Reverse: true, MaxReadErrors: 1 + rnd.IntN(9)}}[rnd.IntN(5)]
			}
			their := func() []string {
				return [][]string{{fmt.Sprintf("-X%d", rnd.IntN(20))}, {"-N", "-n"}, {"-n"}, {"--cpass=1", "-N", "-n"}, {"-R", fmt.Sprintf("-X%d", rnd.IntN(9))}}[rnd.IntN(5)]
			}
			image, m := p("pp.img"), p("pp.map")
			ours(image, m, stop())
			theirs(image, m, their()...)
			ours(image, m, stop())
			theirs(image, m, their()...)
			if rnd.IntN(2) == 0 {
				ours(image, m, imaging.Plan{})
			} else {
				theirs(image, m)
			}
			last := []func(){func() { ours(image, m, imaging.Plan{}) }, func() { theirs(image, m) }}
			last[rnd.IntN(2)]()

			want := openMap(t, p("alone.map"))
			wantImage, err := os.ReadFile(p("alone.img"))
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"own", "pp"} {
				got := openMap(t, p(name+".map"))
				for _, s := range []imaging.Status{imaging.Finished, imaging.BadSector, imaging.NonTried, imaging.NonTrimmed, imaging.NonScraped} {
					if !got.Of(s).Equal(want.Of(s)) {
						t.Errorf("%s: %v: %v, want %v", name, s, got.Of(s).Extents(), want.Of(s).Extents())
					}
				}
				if got.Current != want.Current || got.Pass != want.Pass {
					t.Errorf("%s: the work is %v %d, want %v %d", name, got.Current, got.Pass, want.Current, want.Pass)
				}
				img, err := os.ReadFile(p(name + ".img"))
				if err != nil {
					t.Fatal(err)
				}
				// A file that no one wrote the end of is shorter in one program than in the other.
				if n := len(wantImage); len(img) < n || !bytes.Equal(img[:n], wantImage) || len(bytes.Trim(img[n:], "\x00")) > 0 {
					t.Errorf("%s: the image differs", name)
				}
			}
		})
	}
}
