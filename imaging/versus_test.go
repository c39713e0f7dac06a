package imaging

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/imaging/failing"
	"salvor/internal/need"
)

// race is what a program needed on a medium.
type race struct {
	reads, failed  int64
	asked          int64
	most, all, end time.Duration // to 99 % and to all of the good data, and to the end
	good           int64         // bytes read
}

// judge adds up the reads of a program on a medium.
type judge struct {
	d    *failing.Device
	good int64 // bytes that can be read
	now  time.Duration
	race
}

func newJudge(d *failing.Device) *judge {
	return &judge{d: d, good: d.Size() - d.Bad().Bytes()}
}

// read charges a read, and reports whether it succeeded and how long it took.
func (j *judge) read(e block.Extent) (bool, time.Duration) {
	took, failed := j.d.Cost(e)
	j.now += took
	j.reads++
	j.asked += e.Length
	j.end = j.now
	if failed {
		j.failed++
		return false, took
	}
	j.race.good += e.Length
	if j.most == 0 && j.race.good >= j.good-j.good/100 {
		j.most = j.now
	}
	if j.race.good >= j.good {
		j.all = j.now
	}
	return true, took
}

// ours runs the plan against the medium.
func ours(t testing.TB, d *failing.Device, p Plan) (race, *Map) {
	t.Helper()
	m := NewMap(d.Size())
	s := newPlanner(m, p, failing.Sector)
	j := newJudge(d)
	for e, ok := s.next(); ok; e, ok = s.next() {
		good, took := j.read(e)
		o := outcome{took: took}
		if good {
			o.good = e.Length
		}
		s.done(e, o)
	}
	return j.race, m
}

// theirs runs ddrescue in its test mode and charges the reads that it logs.
func theirs(t testing.TB, d *failing.Device, args ...string) race {
	t.Helper()
	dir := t.TempDir()
	m := NewMap(d.Size())
	m.Set(block.Extent{Length: d.Size()}, Finished)
	for e := range d.Bad().All() {
		m.Set(e, BadSector)
	}
	file, err := os.Create(filepath.Join(dir, "bad.map"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.WriteTo(file); err != nil {
		t.Fatal(err)
	}
	file.Close()
	in := filepath.Join(dir, "in")
	if err := os.WriteFile(in, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(in, d.Size()); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(dir, "log")
	args = append(args, "-q", "-S", "-H", file.Name(), "--log-reads="+log, in, filepath.Join(dir, "out"), filepath.Join(dir, "map"))
	if out, err := exec.Command("ddrescue", args...).CombinedOutput(); err != nil {
		t.Fatalf("ddrescue: %v: %s", err, out)
	}
	l, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	j := newJudge(d)
	for lines := bufio.NewScanner(l); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) != 4 || strings.HasPrefix(f[0], "#") {
			continue
		}
		at, err1 := strconv.ParseInt(f[0], 0, 64)
		n, err2 := strconv.ParseInt(f[1], 10, 64)
		if err1 != nil || err2 != nil {
			t.Fatalf("a line of the log: %q", lines.Text())
		}
		j.read(block.Extent{Offset: at, Length: n})
	}
	os.RemoveAll(dir)
	return j.race
}

// Beside GNU ddrescue, by its own log of reads on the same media.
func TestVersus(t *testing.T) {
	need.Tools(t, "ddrescue")
	rounds := 2
	if need.CI() {
		rounds = 4
	}
	var failed, most, all, end []float64
	for _, kind := range failing.Kinds {
		if kind == failing.Away {
			continue // their test mode has nothing like it
		}
		for round := range rounds {
			seed := uint64(round)*17 + 3
			size := int64(256<<20) << (round % 3)
			faults := 60 << (round % 4)
			a, m := ours(t, failing.New(kind, seed, size, faults).Steady(), Plan{})
			b := theirs(t, failing.New(kind, seed, size, faults).Steady())
			if want := failing.New(kind, seed, size, faults).Bad(); !m.Of(BadSector).Equal(want) || m.Of(Finished).Bytes() != size-want.Bytes() {
				t.Errorf("%s %d: the map is not what the medium is", kind, seed)
			}
			if b.good != a.good {
				t.Errorf("%s %d: %d bytes, ddrescue has %d", kind, seed, a.good, b.good)
			}
			f := []float64{float64(a.failed) / float64(b.failed), a.most.Seconds() / b.most.Seconds(), a.all.Seconds() / b.all.Seconds(), a.end.Seconds() / b.end.Seconds()}
			failed, most, all, end = append(failed, f[0]), append(most, f[1]), append(all, f[2]), append(end, f[3])
			t.Logf("%-10s %4d MiB %3d bad: failed %4d / %4d = %.2f  99%%: %5.1f / %5.1f s = %.2f  100%%: %5.1f / %5.1f s = %.2f  end %.2f  reads %d / %d",
				kind, size>>20, faults, a.failed, b.failed, f[0], a.most.Seconds(), b.most.Seconds(), f[1], a.all.Seconds(), b.all.Seconds(), f[2], f[3], a.reads, b.reads)
		}
	}
	for _, r := range []struct {
		name        string
		got         []float64
		most, worst float64
	}{
		{"failed reads", failed, 1, 1.1}, {"time to 99 %", most, 0.9, 2}, {"time to 100 %", all, 1, 1.1}, {"time to the end", end, 1, 1.1},
	} {
		t.Logf("%-15s median %.3f, worst %.3f of ddrescue's", r.name, median(r.got), slices.Max(r.got))
		if median(r.got) > r.most || slices.Max(r.got) > r.worst {
			t.Errorf("%s: median %.3f, at most %.2f; worst %.3f, at most %.2f", r.name, median(r.got), r.most, slices.Max(r.got), r.worst)
		}
	}
}

func median(f []float64) float64 {
	f = slices.Sorted(slices.Values(f))
	return f[len(f)/2]
}
