package failing

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"salvor/block"
)

// Sector is the size of a sector in bytes.
const Sector = 512

// Device is a medium that fails. Its fields may be changed before the first read.
type Device struct {
	size    int64
	seed    uint64
	bad     map[int64]*fault // by number of sector
	Slow    []Zone
	Vanish  []Absence
	PerRead time.Duration // of each request
	Rate    float64       // bytes per second where nothing is slow
	Sleep   func(time.Duration)
	// Data is what the medium holds; nil for bytes that follow from the seed.
	Data []byte
	// Watch is what the time is taken of at which all of it was read, as far as it was never bad.
	Watch block.Set

	mu      sync.Mutex
	stats   Stats
	spent   time.Duration
	goneFor time.Time // it is away until then
	given   block.Set
	begun   time.Time
	most    time.Duration
	all     time.Duration
	watched time.Duration
	Now     func() time.Time
}

// Zone is a place that is read slowly.
type Zone struct {
	block.Extent
	Factor float64 // how much slower
}

// Absence is when a device vanishes: at a number of requests, for a while.
type Absence struct {
	After int64
	For   time.Duration
}

type fault struct {
	hold  time.Duration
	until int // the try at which it is readable, 0 for never
	tries int
}

var (
	errAway   = errors.New("no such device")
	errSector = errors.New("input/output error")
)

// Stats are what a device was asked.
type Stats struct {
	Reads, Failed int64 // requests
	Asked         int64 // bytes
	Held          time.Duration
	// Most and All are when 99 % and all of the sectors that were never bad had been read, from the first request; 0
	// before.
	Most, All time.Duration
	// Watched is when all of Watch had been read.
	Watched time.Duration
}

// Size returns the size in bytes.
func (d *Device) Size() int64 { return d.size }

// Stats returns what was asked so far.
func (d *Device) Stats() Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.stats
	s.Most, s.All, s.Watched = d.most, d.all, d.watched
	return s
}

// Bad returns the sectors that cannot be read at the first try.
func (d *Device) Bad() block.Set {
	extents := make([]block.Extent, 0, len(d.bad))
	for n := range d.bad {
		extents = append(extents, block.Extent{Offset: n * Sector, Length: Sector})
	}
	return block.SetOf(extents...)
}

// Lost returns the sectors that no number of tries reads.
func (d *Device) Lost() block.Set {
	var extents []block.Extent
	for n, f := range d.bad {
		if f.until == 0 {
			extents = append(extents, block.Extent{Offset: n * Sector, Length: Sector})
		}
	}
	return block.SetOf(extents...)
}

// Cost returns how long a request for e takes and whether it fails, and counts it as a try.
func (d *Device) Cost(e block.Extent) (time.Duration, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cost(e)
}

func (d *Device) cost(e block.Extent) (time.Duration, bool) {
	d.stats.Reads++
	d.stats.Asked += e.Length
	for n := e.Offset / Sector; n*Sector < e.End(); n++ {
		f := d.bad[n]
		if f == nil {
			continue
		}
		if f.tries++; f.until > 0 && f.tries >= f.until {
			continue
		}
		d.stats.Failed++
		d.stats.Held += f.hold
		return f.hold, true
	}
	factor := 1.0
	for _, z := range d.Slow {
		if z.Overlaps(e) {
			factor = max(factor, z.Factor)
		}
	}
	return d.PerRead + time.Duration(float64(e.Length)/d.Rate*factor*float64(time.Second)), false
}

// Content returns the bytes of the medium at off.
func (d *Device) Content(p []byte, off int64) {
	if d.Data != nil {
		clear(p[copy(p, d.Data[min(off, int64(len(d.Data))):]):])
		return
	}
	var word [8]byte
	for i := 0; i < len(p); {
		at := (off + int64(i)) &^ 7
		x := uint64(at)*0x9e3779b97f4a7c15 + d.seed
		x ^= x >> 29
		x *= 0xbf58476d1ce4e5b9
		x ^= x >> 32
		binary.LittleEndian.PutUint64(word[:], x)
		i += copy(p[i:], word[off+int64(i)-at:])
	}
}

// ReadAt reads as the medium answers: everything or, after a while, an error.
func (d *Device) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= d.size {
		return 0, io.EOF
	}
	end := error(nil)
	if int64(len(p)) > d.size-off {
		p, end = p[:d.size-off], io.EOF
	}
	e := block.Extent{Offset: off, Length: int64(len(p))}
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.Now()
	if d.begun.IsZero() {
		d.begun = now
	}
	if len(d.Vanish) > 0 && d.stats.Reads >= d.Vanish[0].After {
		d.goneFor = now.Add(d.Vanish[0].For)
		d.Vanish = d.Vanish[1:]
	}
	if now.Before(d.goneFor) {
		d.stats.Reads++
		d.stats.Failed++
		return 0, block.NewUnreadable(e, block.Gone, errAway)
	}
	took, failed := d.cost(e)
	d.spent += took
	d.Sleep(took)
	if failed {
		return 0, block.NewUnreadable(e, block.Bad, errSector)
	}
	d.give(e)
	d.Content(p, off)
	return len(p), end
}

// Replay charges the reads that a log of GNU ddrescue names (--log-reads) with what they cost on this medium, as if
// they had been made one after the other.
func (d *Device) Replay(log io.Reader) error {
	var now time.Time
	d.Now, d.Sleep = func() time.Time { return now }, func(took time.Duration) { now = now.Add(took) }
	now = time.Unix(0, 0)
	buf := make([]byte, 1<<20)
	for lines := bufio.NewScanner(log); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) != 4 || strings.HasPrefix(f[0], "#") {
			continue
		}
		at, err1 := strconv.ParseInt(f[0], 0, 64)
		n, err2 := strconv.ParseInt(f[1], 10, 64)
		if err1 != nil || err2 != nil || n > int64(len(buf)) {
			return fmt.Errorf("a line of the log: %q", lines.Text())
		}
		if _, err := d.ReadAt(buf[:n], at); err != nil && !errors.Is(err, errSector) && !errors.Is(err, io.EOF) {
			return err
		}
	}
	return nil
}

// give notes what was read, and when all of it was.
func (d *Device) give(e block.Extent) {
	d.given.Add(e)
	if d.watched == 0 && !d.Watch.Empty() && d.Watch.Subtract(d.Bad()).Subtract(d.given).Empty() {
		d.watched = d.Now().Sub(d.begun)
	}
	total := d.size - int64(len(d.bad))*Sector
	if d.all > 0 || d.most > 0 && d.given.Bytes() < total {
		return
	}
	n := d.given.Bytes()
	for bad, f := range d.bad {
		if f.until > 0 && d.given.Has(bad*Sector) {
			n -= Sector
		}
	}
	if d.most == 0 && n >= total-total/100 {
		d.most = d.Now().Sub(d.begun)
	}
	if n >= total {
		d.all = d.Now().Sub(d.begun)
	}
}

// Steady makes every bad sector one that never becomes readable, as the test mode of GNU ddrescue has them.
func (d *Device) Steady() *Device {
	for _, f := range d.bad {
		f.until = 0
	}
	return d
}
