package imaging

import (
	"math"
	"time"

	"salvor/block"
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
	left    int64 // bytes that this run still wants to read
	told    time.Time
	fresh   int64 // bytes tried since it was told
	tellFun func(Progress)
}

func newMeter(m *Map, todo block.Set, tell func(Progress)) *meter {
	done := m.Of(Finished)
	return &meter{tellFun: tell, told: time.Now(), left: todo.Bytes(), now: Progress{
		Total: m.Size(), Left: -1, Done: done.Bytes(),
		Bad: m.Of(NonTrimmed, NonScraped, BadSector).Subtract(todo).Bytes(),
	}}
}

// add counts e as tried, of which good bytes were read and bad ones were not.
func (p *meter) add(e block.Extent, good, bad int64) {
	p.now.Pos = e.Offset
	p.now.Done += good
	p.now.Bad += bad
	p.left -= e.Length
	p.fresh += e.Length
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
	p.now.Left = -1
	if p.now.Rate > 0 {
		// 100 years are as good as any longer time, and fit.
		p.now.Left = time.Duration(min(float64(p.left)/p.now.Rate, 100*365*86400) * float64(time.Second))
	}
	p.tellFun(p.now)
}
