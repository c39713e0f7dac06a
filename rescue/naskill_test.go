package rescue

import (
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"salvor/internal/need"
)

// TestNASKill kills the rescue of a RAID 5 that lacks a disk at random moments. It comes to the same end.
func TestNASKill(t *testing.T) {
	points := 3
	if need.CI() {
		points = 6
	}
	disks := nasDisks(t, "four")
	args := func(dir string) []string { return []string{"rescue", disks[3], disks[0], disks[1], "--to", dir} }
	want := filepath.Join(t.TempDir(), "whole")
	begun := time.Now()
	exit, _, stderr := salvor(t, args(want)...)
	took := time.Since(begun)
	if exit != ExitReserved {
		t.Fatalf("exit %d\n%s", exit, stderr)
	}
	undisturbed := end(t, want, exit)
	r := rand.New(rand.NewPCG(5, 1))
	got := filepath.Join(t.TempDir(), "killed")
	kills := 0
	for range points {
		cmd := exec.Command(program(t), args(got)...)
		must(t, cmd.Start())
		time.Sleep(time.Duration(r.Float64() * 0.9 * float64(took)))
		_ = cmd.Process.Kill() // it may have come to its end
		if err := cmd.Wait(); err != nil {
			kills++
		}
	}
	exit, _, stderr = salvor(t, args(got)...)
	if exit != ExitReserved {
		t.Errorf("exit %d\n%s", exit, stderr)
	}
	undisturbed.compare(t, end(t, got, exit))
	expectVolumes(t, got, "system", "media", "scratch")
	t.Logf("killed %d times in %v each", kills, took)
}
