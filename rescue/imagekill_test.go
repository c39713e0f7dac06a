package rescue

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/imaging"
	"salvor/internal/need"
)

// Kills at random moments of a copy: the map never says finished of what is not in the image, no more is lost than what
// was read since the last interval, and the next run goes on to the same end.
func TestImageKill(t *testing.T) {
	kills := 12
	switch {
	case need.CI():
		kills = 100
	case testing.Short():
		kills = 3
	}
	const (
		size     = 12<<20 + 512*5
		rate     = 48 << 20 // bytes per second
		interval = 50 * time.Millisecond
	)
	dir := t.TempDir()
	data := make([]byte, size)
	rnd := rand.New(rand.NewPCG(8, 8))
	for i := range data {
		data[i] = byte(rnd.Uint32())
	}
	source, bad := filepath.Join(dir, "in"), filepath.Join(dir, "bad")
	must(t, os.WriteFile(source, data, 0o600))
	m := imaging.NewMap(size)
	m.Set(block.Extent{Length: size}, imaging.Finished)
	for range 20 {
		m.Set(block.Extent{Offset: rnd.Int64N(size/512-10) * 512, Length: (1 + rnd.Int64N(5)) * 512}, imaging.BadSector)
	}
	var b bytes.Buffer
	if _, err := m.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	must(t, os.WriteFile(bad, b.Bytes(), 0o600))

	for n := 0; n < kills; {
		target := t.TempDir()
		p := func(name string) string { return filepath.Join(target, name) }
		args := []string{"copy", "-H", bad, "-Z", fmt.Sprint(rate), "--mapfile-interval", "1/20", "--log-reads", p("log"), source, p("img"), p("map")}
		for range 1 + rnd.IntN(3) {
			if kill(t, time.Duration(rnd.Int64N(int64(500*time.Millisecond))), args) {
				n++
			}
			have := mapAt(t, p("map"), size)
			finished := have.Of(imaging.Finished)
			if img, err := os.ReadFile(p("img")); err == nil {
				for e := range finished.All() {
					if !bytes.Equal(img[e.Offset:e.End()], data[e.Offset:e.End()]) {
						t.Fatalf("the map calls %v finished, and the image has other bytes there", e)
					}
				}
			} else if !finished.Empty() {
				t.Fatalf("a map without an image: %v", err)
			}
			// What was read in the interval, in the batch and in the chunk under way is not in the map yet.
			read := readLog(t, p("log"))
			if lost := read.Subtract(finished).Bytes(); lost > int64(float64(rate)*2*interval.Seconds())+4<<20 {
				t.Errorf("%d bytes were read and are not in the map", lost)
			}
			must(t, os.Remove(p("log")))
		}
		code, _, stderr := salvor(t, "copy", "-H", bad, source, p("img"), p("map"))
		if code != ExitReserved {
			t.Fatalf("exit %d\n%s", code, stderr)
		}
		end := mapAt(t, p("map"), size)
		if !end.Of(imaging.BadSector).Equal(m.Of(imaging.BadSector)) || !end.Of(imaging.Finished).Equal(m.Of(imaging.Finished)) {
			t.Fatal("the map is not what the medium is")
		}
		img, err := os.ReadFile(p("img"))
		must(t, err)
		for e := range m.Of(imaging.Finished).All() {
			if !bytes.Equal(img[e.Offset:e.End()], data[e.Offset:e.End()]) {
				t.Fatalf("the image is wrong at %v", e)
			}
		}
	}
}

func mapAt(t *testing.T, path string, size int64) *imaging.Map {
	t.Helper()
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		return imaging.NewMap(size)
	}
	must(t, err)
	defer f.Close()
	m, err := imaging.ReadMap(f)
	must(t, err)
	return m
}

// readLog returns what a log of reads says was read.
func readLog(t *testing.T, path string) block.Set {
	t.Helper()
	var out block.Set
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		must(t, os.WriteFile(path, nil, 0o600))
		return out
	}
	must(t, err)
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		w := strings.Fields(lines.Text())
		if len(w) != 4 || w[0][0] == '#' {
			continue
		}
		at, _ := strconv.ParseInt(w[0], 0, 64)
		n, _ := strconv.ParseInt(w[2], 10, 64)
		out.Add(block.Extent{Offset: at, Length: n})
	}
	return out
}
