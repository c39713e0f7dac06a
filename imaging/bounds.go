package imaging

import (
	"context"
	"errors"
	"fmt"
	"time"

	"salvor/block"
)

// ExhaustedError ends a run that reached a bound of its plan.
type ExhaustedError struct {
	Bound string // "read errors", "bad areas", "error rate", "slow reads", "time without a successful read"
	Limit string
}

func (e *ExhaustedError) Error() string {
	return fmt.Sprintf("imaging: more %s than the limit of %s", e.Bound, e.Limit)
}

// bounds counts reads, and holds the plan to its bounds and its pace.
type bounds struct {
	plan          Plan
	reads, failed int64
	slow          int
	lastGood      time.Time
	second        time.Time // the second that is counted
	badInSecond   int64
	free          time.Time // when the next read is within the rate
	phase         Status
	pass          int
	areas         int // bad areas at the beginning, -1 before
}

func newBounds(p Plan) bounds {
	now := time.Now()
	return bounds{plan: p, lastGood: now, areas: -1}
}

// back says that a source which was gone is there again.
func (b *bounds) back() { b.lastGood = time.Now() }

// limit turns an option into what is allowed: false for no bound.
func limit(n int) (int, bool) { return max(n, 0), n != 0 }

func (b *bounds) before(ctx context.Context, p *planner, e block.Extent) error {
	if b.phase != 0 && (b.phase != p.phase || b.pass != p.pass) && b.plan.PauseOnPass > 0 {
		if err := sleep(ctx, b.plan.PauseOnPass); err != nil {
			return err
		}
	}
	b.phase, b.pass = p.phase, p.pass
	if n, ok := limit(b.plan.MaxBadAreas); ok {
		areas := p.m.Of(BadSector).Count()
		if b.areas < 0 {
			b.areas = areas
			if b.plan.AllBadAreas {
				b.areas = 0
			}
		}
		if areas-b.areas > n {
			return &ExhaustedError{"bad areas", fmt.Sprint(n)}
		}
	}
	if rate := b.plan.MaxReadRate; rate > 0 {
		ahead := time.Until(b.free)
		b.free = time.Now().Add(max(ahead, 0) + time.Duration(float64(e.Length)/float64(rate)*float64(time.Second)))
		return sleep(ctx, ahead)
	}
	return nil
}

func (b *bounds) after(ctx context.Context, e block.Extent, o outcome) error {
	b.reads++
	now := time.Now()
	if o.good > 0 {
		b.lastGood = now
	}
	if o.good == e.Length {
		if r := b.plan.MinReadRate; r > 0 && e.Length >= leastCluster && o.took > 0 && float64(e.Length)/o.took.Seconds() < float64(r) {
			b.slow++
		}
		if n, ok := limit(b.plan.MaxSlowReads); ok && b.slow > n {
			return &ExhaustedError{"slow reads", fmt.Sprint(n)}
		}
		return nil
	}
	b.failed++
	if now.Sub(b.second) >= time.Second {
		b.second, b.badInSecond = now, 0
	}
	b.badInSecond += e.Length - o.good
	if n := b.plan.MaxErrorRate; n > 0 && b.badInSecond > n {
		return &ExhaustedError{"bytes failing in a second", fmt.Sprint(n)}
	}
	if n, ok := limit(b.plan.MaxReadErrors); ok && b.failed > int64(n) {
		return &ExhaustedError{"read errors", fmt.Sprint(n)}
	}
	if t := b.plan.Timeout; t > 0 && now.Sub(b.lastGood) > t {
		return &ExhaustedError{"time without a successful read", t.String()}
	}
	return sleep(ctx, b.plan.PauseOnError)
}

// sleep waits for d, or for the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// IsExhausted returns the bound that ended a run, where one did.
func IsExhausted(err error) (*ExhaustedError, bool) {
	var e *ExhaustedError
	ok := errors.As(err, &e)
	return e, ok
}
