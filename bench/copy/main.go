// Copy measures `salvor copy` beside GNU ddrescue on media that fail.
//
//	go run ./bench/copy -salvor PROGRAM [-rounds N] [-kinds singles,cluster] [-seed N]
//	go run ./bench/copy -salvor PROGRAM -healthy
//
// A failing medium is a model (package imaging/failing) behind an NBD server of this program and nbdfuse of Debian's
// libnbd-bin, so that each program opens a file, reads past the system's cache, and gets real errors of the system.
// Both get the same media. Healthy: a file of 2 GiB, both programs in turns, the target preallocated and synced.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"salvor/imaging/failing"
)

func main() {
	var b bench
	var kinds string
	var healthy bool
	flag.StringVar(&b.salvor, "salvor", "", "the program")
	flag.IntVar(&b.rounds, "rounds", 1, "media of each kind")
	flag.Uint64Var(&b.seed, "seed", 1000, "of the first medium")
	flag.Int64Var(&b.size, "size", 256, "of a medium, in MiB")
	flag.IntVar(&b.faults, "faults", -1, "bad sectors of a medium; so many that a run ends in minutes without it")
	flag.StringVar(&kinds, "kinds", "", "which kinds, separated by commas; all without it")
	flag.BoolVar(&healthy, "healthy", false, "a healthy file instead")
	flag.Parse()
	b.size <<= 20
	b.kinds = failing.Kinds
	if kinds != "" {
		b.kinds = nil
		for k := range strings.SplitSeq(kinds, ",") {
			b.kinds = append(b.kinds, failing.Kind(k))
		}
	}
	run := b.failing
	if healthy {
		run = b.healthy
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "copy:", err)
		os.Exit(1)
	}
}

type bench struct {
	salvor string
	rounds int
	seed   uint64
	size   int64
	kinds  []failing.Kind
	faults int
}

// many returns how many faults a medium of a kind has: a run should end within some minutes.
func (b *bench) many(k failing.Kind) int {
	if b.faults >= 0 {
		return b.faults
	}
	switch k {
	case failing.Dead:
		return 10
	case failing.Deads:
		return 12
	case failing.Mixed, failing.Away:
		return 24
	}
	return 60
}

// measure is what a program needed.
type measure struct {
	failing.Stats
	wall time.Duration
	lost int64 // sectors that were never bad and are not in the copy
	more int64 // bad sectors that are
}

func (b *bench) failing() error {
	var sum [4][]float64
	for _, kind := range b.kinds {
		for round := range b.rounds {
			seed := b.seed + uint64(round)
			var got [2]measure
			order := []int{0, 1}
			if round%2 == 1 {
				slices.Reverse(order)
			}
			for _, i := range order {
				var err error
				device := failing.New(kind, seed, b.size, b.many(kind))
				device.Sleep = sleep
				if got[i], err = b.one(device, i == 0); err != nil {
					return fmt.Errorf("%s %d: %w", kind, seed, err)
				}
			}
			s, d := got[0], got[1]
			ratio := [4]float64{
				float64(s.Failed) / float64(max(d.Failed, 1)), s.Most.Seconds() / d.Most.Seconds(),
				s.All.Seconds() / d.All.Seconds(), s.wall.Seconds() / d.wall.Seconds(),
			}
			if d.All == 0 || d.Most == 0 { // it never had them
				ratio[2] = 0
				if d.Most == 0 {
					ratio[1] = 0
				}
			}
			for i, r := range ratio {
				sum[i] = append(sum[i], r)
			}
			for i, m := range got {
				fmt.Printf("%-10s seed %d  %-8s  lost %d  extra %d  reads %6d  failed %4d  asked %4d MiB  held %6.1f s  99%% %6.1f s  100%% %6.1f s  wall %6.1f s\n",
					kind, seed, [...]string{"salvor", "ddrescue"}[i], m.lost, m.more, m.Reads, m.Failed, m.Asked>>20, m.Held.Seconds(), m.Most.Seconds(), m.All.Seconds(), m.wall.Seconds())
			}
			fmt.Printf("%-10s seed %d  ratio     failed %.3f  99%% %.3f  100%% %.3f  wall %.3f\n", kind, seed, ratio[0], ratio[1], ratio[2], ratio[3])
		}
	}
	for i, name := range []string{"failed reads", "time to 99 %", "time to 100 %", "wall time"} {
		slices.Sort(sum[i])
		fmt.Printf("%-14s median %.3f  worst %.3f\n", name, sum[i][len(sum[i])/2], sum[i][len(sum[i])-1])
	}
	return nil
}

// one copies a medium with one of the programs.
func (b *bench) one(d *failing.Device, ours bool) (m measure, err error) {
	dir, err := os.MkdirTemp("", "salvor-bench-")
	if err != nil {
		return m, err
	}
	defer os.RemoveAll(dir)
	source, done, err := mount(dir, d)
	if err != nil {
		return m, err
	}
	defer func() {
		if e := done(); err == nil {
			err = e
		}
	}()
	image := filepath.Join(dir, "copy.img")
	cmd := exec.Command("ddrescue", "-q", "-d", source, image, filepath.Join(dir, "map"))
	if ours {
		cmd = exec.Command(b.salvor, "copy", "-d", source, image, filepath.Join(dir, "map"))
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	begin := time.Now()
	err = cmd.Run()
	m.wall = time.Since(begin)
	var exit *exec.ExitError
	if err != nil && !(ours && asExit(err, &exit) && exit.ExitCode() == 10) {
		return m, fmt.Errorf("%v: %w\n%s", cmd.Args, err, out.Bytes())
	}
	m.Stats = d.Stats()
	m.lost, m.more, err = compare(d, image)
	return m, err
}

func asExit(err error, e **exec.ExitError) bool {
	x, ok := err.(*exec.ExitError)
	*e = x
	return ok
}

// mount shows the medium as a file.
func mount(dir string, d *failing.Device) (path string, done func() error, err error) {
	socket := filepath.Join(dir, "nbd")
	l, err := net.Listen("unix", socket)
	if err != nil {
		return "", nil, err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c, d)
		}
	}()
	point := filepath.Join(dir, "mnt")
	if err := os.Mkdir(point, 0o700); err != nil {
		return "", nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "nbdfuse", "-r", point, "--unix", socket)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Start(); err != nil {
		cancel()
		return "", nil, err
	}
	path = filepath.Join(point, "nbd")
	for range 200 {
		if st, err := os.Stat(path); err == nil && st.Size() == d.Size() {
			return path, func() error {
				if out, err := exec.Command("fusermount3", "-u", point).CombinedOutput(); err != nil {
					cancel()
					return fmt.Errorf("fusermount3: %w: %s", err, out)
				}
				_ = cmd.Wait() // it ends with its mount
				cancel()
				return l.Close()
			}, nil
		}
		time.Sleep(25 * time.Millisecond)
	}
	cancel()
	return "", nil, fmt.Errorf("nbdfuse did not begin")
}

// compare counts the sectors of the copy that are not those of the medium.
func compare(d *failing.Device, image string) (lost, more int64, err error) {
	f, err := os.Open(image)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	bad := d.Bad()
	want, got := make([]byte, 1<<20), make([]byte, 1<<20)
	for at := int64(0); at < d.Size(); at += int64(len(want)) {
		d.Content(want, at)
		clear(got)
		if _, err := f.ReadAt(got, at); err != nil && err != io.EOF {
			return 0, 0, err
		}
		if bytes.Equal(want, got) && !bad.Overlaps(extent(at, len(want))) {
			continue
		}
		for i := 0; i < len(want); i += failing.Sector {
			same := bytes.Equal(want[i:i+failing.Sector], got[i:i+failing.Sector])
			switch isBad := bad.Has(at + int64(i)); {
			case !same && !isBad:
				lost++
			case same && isBad:
				more++
			}
		}
	}
	return lost, more, nil
}
