package imaging

import (
	"math"
	"time"
)

const (
	// tellEvery is how often progress is told.
	tellEvery = 200 * time.Millisecond
	// smoothing is the time over which the rate is smoothed: after it a change of pace counts to 63 %.
	smoothing = 5 * time.Second
)

// meter counts what is read and tells it.
type meter struct {
	now     Progress
	plan    *planner
	told    time.Time
	fresh   int64 // bytes tried since it was told
	tellFun func(Progress)
}

func newMeter(p *planner, tell func(Progress)) *meter {
	return &meter{plan: p, tellFun: tell, told: time.Now(), now: Progress{Total: p.m.Size(), Left: -1}}
}

// add counts a read of n bytes.
func (p *meter) add(n int64) {
	p.fresh += n
	p.tell(false)
}

// tell tells the progress when it is time, or now.
func (p *meter) tell(now bool) {
	passed := time.Since(p.told)
	if p.tellFun == nil || (!now && passed < tellEvery) {
		return
	}
	if passed > 0 {
		rate := float64(p.fresh) / passed.Seconds()
		if p.now.Rate == 0 {
			p.now.Rate = rate
		} else {
			p.now.Rate += (rate - p.now.Rate) * (1 - math.Exp(-passed.Seconds()/smoothing.Seconds()))
		}
	}
	p.fresh, p.told = 0, time.Now()
	s := p.plan
	p.now.Phase, p.now.Pass, p.now.Backward, p.now.Done = s.phase, s.pass, s.dir < 0, s.of(Finished)
	p.now.NonTried, p.now.NonTrimmed, p.now.NonScraped, p.now.BadSector = s.of(NonTried), s.of(NonTrimmed), s.of(NonScraped), s.of(BadSector)
	p.now.Bad = p.now.NonTrimmed + p.now.NonScraped + p.now.BadSector
	left := p.now.NonTried
	if !s.NoTrim {
		left += p.now.NonTrimmed
	}
	if !s.NoScrape {
		left += p.now.NonScraped
	}
	p.now.Left = -1
	if left == 0 {
		p.now.Left = 0
	} else if p.now.Rate > 0 {
		// 100 years are as good as any longer time, and fit.
		p.now.Left = time.Duration(min(float64(left)/p.now.Rate, 100*365*86400) * float64(time.Second))
	}
	p.tellFun(p.now)
}
