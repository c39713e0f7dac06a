package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"salvor/block"
)

func extent(at int64, n int) block.Extent { return block.Extent{Offset: at, Length: int64(n)} }

const (
	healthySize = 2 << 30
	healthyRuns = 7
)

// healthy copies a file without errors with both programs in turns, and with dd for comparison.
func (b *bench) healthy() error {
	dir, err := os.MkdirTemp("", "salvor-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	source := filepath.Join(dir, "in")
	if err := fill(source); err != nil {
		return err
	}
	image, m := filepath.Join(dir, "out"), filepath.Join(dir, "map")
	programs := []struct {
		name string
		args []string
		sync bool // the program leaves that to us
	}{
		{"salvor", []string{b.salvor, "copy", "--hash", "--force", source, image, m}, false},
		{"ddrescue", []string{"ddrescue", "-q", source, image, m}, true},
		{"dd", []string{"dd", "if=" + source, "of=" + image, "bs=1M", "conv=notrunc,fsync", "status=none"}, false},
	}
	took := make([][]float64, len(programs))
	for range healthyRuns {
		for i, p := range programs {
			for _, name := range []string{image, m, m + ".bak", m + ".sums"} {
				if err := os.RemoveAll(name); err != nil {
					return err
				}
			}
			if out, err := exec.Command("fallocate", "-l", fmt.Sprint(healthySize), image).CombinedOutput(); err != nil {
				return fmt.Errorf("fallocate: %w: %s", err, out)
			}
			if err := exec.Command("sync").Run(); err != nil {
				return err
			}
			begin := time.Now()
			if out, err := exec.Command(p.args[0], p.args[1:]...).CombinedOutput(); err != nil {
				return fmt.Errorf("%v: %w\n%s", p.args, err, out)
			}
			if p.sync {
				if err := exec.Command("sync", image).Run(); err != nil {
					return err
				}
			}
			took[i] = append(took[i], time.Since(begin).Seconds())
			if out, err := exec.Command("cmp", source, image).CombinedOutput(); err != nil {
				return fmt.Errorf("%s: %s", p.name, out)
			}
		}
	}
	for i, p := range programs {
		fmt.Printf("%-8s %.2f  runs %.2f\n", p.name, middle(took[i]), took[i])
	}
	fmt.Printf("salvor / ddrescue %.3f\n", middle(took[0])/middle(took[1]))
	return nil
}

func middle(f []float64) float64 {
	f = slices.Sorted(slices.Values(f))
	return f[len(f)/2]
}

// fill writes random bytes, which no program can leave out.
func fill(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	rnd := rand.NewChaCha8([32]byte{1})
	buf := make([]byte, 1<<20)
	for range healthySize / len(buf) {
		if _, err := rnd.Read(buf); err != nil {
			return err
		}
		if _, err := f.Write(buf); err != nil {
			return err
		}
	}
	return f.Sync()
}
