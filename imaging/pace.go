package imaging

import (
	"math"
	"time"
)

// costs are what reads of this medium have cost so far: they decide how large a read may be where something may fail.
type costs struct {
	fail    time.Duration // of a read that fails
	small   time.Duration // of a sector that is read
	tried   int64         // sectors that were read by large reads, and a guess of the time before
	reads   int64
	bytes   int64
	elapsed time.Duration // of large reads that succeeded
}

func newCosts(sectors int64) costs {
	// Before anything is known: as if a sixteenth of the medium had been read without an error.
	return costs{fail: 300 * time.Millisecond, small: 150 * time.Microsecond, tried: sectors / 16}
}

func (c *costs) note(n, sector int64, ok bool, took time.Duration) {
	smooth := func(d *time.Duration, by float64) { *d += time.Duration(float64(took-*d) * by) }
	switch {
	case !ok:
		smooth(&c.fail, 0.1)
	case n <= sector:
		smooth(&c.small, 0.02)
	case n >= leastCluster:
		c.tried += n / sector
		c.reads++
		c.bytes += n
		c.elapsed += took
	}
}

// rate returns the average rate of large reads in bytes per second.
func (c *costs) rate() float64 {
	if c.elapsed <= 0 {
		return 0
	}
	return float64(c.bytes) / c.elapsed.Seconds()
}

// worth returns how many sectors can be read one by one in the time of a read that fails.
func (c *costs) worth() int64 {
	if c.small <= 0 {
		return 8192
	}
	return min(max(int64(c.fail/c.small), 64), 8192)
}

// cluster returns the size in bytes of a read among good data. A large one costs less for each byte; but all of
// it has to be read again sector by sector when one sector of it fails. With a cost of one for each read and each
// sector, the sum is smallest for the square root of how many sectors errors are apart.
func (c *costs) cluster(sector int64, areas int) int64 {
	apart := c.tried / int64(areas+1)
	n := int64(smallCluster)
	if areas > 0 {
		n = leastCluster
	}
	for n < ChunkSize && (2*n/sector)*(2*n/sector) <= apart {
		n *= 2
	}
	return n
}

// few returns how many bytes to read at once behind good bytes without an error, in the neighbourhood of errors.
// There the chance that the next sector fails falls with the distance to the last error; a read of several sectors
// pays when the time it saves is more than what its failure would cost, by that chance.
func (c *costs) few(good, sector int64) int64 {
	n := 8 * (good / sector) / c.worth()
	if n < 2 {
		return sector
	}
	return min(1<<int(math.Log2(float64(n)))*sector, smallCluster)
}
