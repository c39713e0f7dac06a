package failing

import (
	"math"
	"math/rand/v2"
	"time"

	"salvor/block"
)

// Kind is a way in which media fail.
type Kind string

// The kinds.
const (
	Singles  Kind = "singles"   // single sectors anywhere
	Cluster  Kind = "cluster"   // one place with scattered errors
	Clusters Kind = "clusters"  // several such places
	Dead     Kind = "dead zone" // one stretch without a good sector
	Deads    Kind = "dead zones"
	SlowZone Kind = "slow zone" // a few errors, and places that are read slowly
	Periodic Kind = "periodic"  // one head of several
	Edge     Kind = "edge"      // worse towards the end
	Mixed    Kind = "mixed"     // of everything a little
	Away     Kind = "vanishing" // mixed, and it vanishes and comes back
)

// Kinds are all kinds.
var Kinds = []Kind{Singles, Cluster, Clusters, Dead, Deads, SlowZone, Periodic, Edge, Mixed, Away}

// Long is how many times as many sectors dead zones have as other kinds have faults.
const Long = 32

// New returns a medium of size bytes with about faults bad sectors.
func New(kind Kind, seed uint64, size int64, faults int) *Device {
	d := &Device{size: size, seed: seed, bad: map[int64]*fault{}, PerRead: 120 * time.Microsecond, Rate: 90e6,
		Sleep: time.Sleep, Now: time.Now}
	g := &maker{d: d, rnd: rand.New(rand.NewPCG(seed, uint64(len(kind))*1000+uint64(kind[0]))), sectors: size / Sector}
	switch kind {
	case Singles:
		g.singles(faults)
	case Cluster:
		g.cluster(faults)
	case Clusters:
		for range 5 {
			g.cluster(faults / 5)
		}
	case Dead:
		g.dead(faults * Long)
	case Deads:
		for range 4 {
			g.dead(faults / 4 * Long)
		}
	case SlowZone:
		g.singles(faults / 4)
		g.cluster(faults / 4)
		for range 2 {
			g.slow()
		}
	case Periodic:
		g.periodic(faults)
	case Edge:
		g.edge(faults)
	case Mixed, Away:
		g.singles(faults / 5)
		g.cluster(faults / 4)
		g.cluster(faults / 4)
		g.dead(faults / 4 * Long)
		g.slow()
		if kind == Away {
			d.Vanish = []Absence{{After: 200 + g.rnd.Int64N(500), For: 4 * time.Second}}
		}
	}
	return d
}

type maker struct {
	d       *Device
	rnd     *rand.Rand
	sectors int64
}

// fail makes a sector bad. Its time is drawn evenly over the orders of magnitude between 20 ms and 2 s.
func (g *maker) fail(n int64) {
	if n < 0 || n >= g.sectors {
		return
	}
	f := &fault{hold: time.Duration(20 * math.Pow(100, g.rnd.Float64()) * float64(time.Millisecond))}
	if g.rnd.IntN(20) == 0 {
		f.until = 2 + g.rnd.IntN(4)
	}
	if g.d.bad[n] == nil {
		g.d.bad[n] = f
	}
}

func (g *maker) singles(n int) {
	for range n {
		g.fail(g.rnd.Int64N(g.sectors))
	}
}

// cluster scatters n errors over a place where one of 4 to of 60 sectors is bad, in runs of 1 to 4.
func (g *maker) cluster(n int) {
	at := g.rnd.Int64N(g.sectors)
	gap := 4 + g.rnd.Float64()*56
	for n > 0 {
		at += 1 + int64(g.rnd.ExpFloat64()*gap)
		for range min(n, 1+g.rnd.IntN(4)) {
			g.fail(at)
			at++
			n--
		}
	}
}

func (g *maker) dead(n int) {
	at := g.rnd.Int64N(max(g.sectors-int64(n), 1))
	for i := range int64(n) {
		g.fail(at + i)
	}
}

func (g *maker) slow() {
	length := g.d.size / 100 * (1 + g.rnd.Int64N(2))
	at := g.rnd.Int64N(g.d.size-length) / Sector * Sector
	g.d.Slow = append(g.d.Slow, Zone{block.Extent{Offset: at, Length: length}, 20 + 80*g.rnd.Float64()})
}

// periodic makes one track of several bad here and there, as one head does.
func (g *maker) periodic(n int) {
	track := int64(256 + g.rnd.IntN(512))
	heads := int64(4)
	cylinders := g.sectors / (track * heads)
	run := max(4, n/int(min(cylinders, 12)))
	for n > 0 {
		at := (g.rnd.Int64N(cylinders)*heads+1)*track + g.rnd.Int64N(track/2)
		for i := range int64(min(n, run)) {
			g.fail(at + 2*i)
		}
		n -= run
	}
}

// edge has more errors the nearer to the end.
func (g *maker) edge(n int) {
	for range n {
		x := g.rnd.ExpFloat64() * float64(g.sectors) / 200
		g.fail(g.sectors - 1 - int64(x))
	}
}
