package ui

import (
	"net/netip"
	"sync"
	"time"
)

// How guesses are slowed: the first few wrong ones of an address cost nothing, each further one doubles the time until
// the next, and so it is with all addresses together, which many computers could share out among them.
const (
	freeGuesses    = 4
	longestWait    = 15 * time.Minute
	freeGuessesAll = 40
	longestWaitAll = 10 * time.Second
	guessesForgot  = time.Hour // after the last one
	maxGuessers    = 4096
)

// guesses are the wrong ones of one address, or of all.
type guesses struct {
	wrong      int
	last, next time.Time // the last one, and when the next is let through
}

// add counts a guess as wrong, which it is until it turns out to be right.
func (g *guesses) add(now time.Time, free int, longest time.Duration) {
	if now.Sub(g.last) > guessesForgot {
		g.wrong = 0
	}
	g.wrong++
	g.last, g.next = now, now
	if more := g.wrong - free; more > 0 {
		g.next = now.Add(min(time.Second<<min(more-1, 30), longest))
	}
}

// throttle slows who guesses.
type throttle struct {
	now func() time.Time

	mu   sync.Mutex
	by   map[netip.Addr]*guesses
	all  guesses
	good map[netip.Addr]bool // addresses that knew the password: others' guesses do not keep them out
}

func newThrottle() *throttle {
	return &throttle{now: time.Now, by: map[netip.Addr]*guesses{}, good: map[netip.Addr]bool{}}
}

// guesser returns what counts as one address: a computer has a whole network of those of IPv6.
func guesser(remote string) netip.Addr {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	a := at.Addr().Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}

// begin lets a guess through, or says how long it has to wait. One that was let through counts as wrong until [throttle.right].
func (t *throttle) begin(who netip.Addr) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	g := t.by[who]
	if g == nil {
		g = &guesses{}
	}
	if wait = g.next.Sub(now); wait > 0 {
		return wait
	}
	if wait = t.all.next.Sub(now); wait > 0 && !t.good[who] {
		return wait
	}
	if t.by[who] == nil {
		t.makeRoom(now)
		t.by[who] = g
	}
	g.add(now, freeGuesses, longestWait)
	t.all.add(now, freeGuessesAll, longestWaitAll)
	return 0
}

// makeRoom keeps the table bounded: who was not seen for long goes first, and at last whoever was seen longest ago.
func (t *throttle) makeRoom(now time.Time) {
	if len(t.by) < maxGuessers {
		return
	}
	var oldest netip.Addr
	for who, g := range t.by {
		if now.Sub(g.last) > guessesForgot {
			delete(t.by, who)
		} else if o := t.by[oldest]; o == nil || g.last.Before(o.last) {
			oldest = who
		}
	}
	if len(t.by) >= maxGuessers {
		delete(t.by, oldest)
	}
}

// right says that the guess of this address was no wrong one.
func (t *throttle) right(who netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.by, who)
	t.all.wrong = max(t.all.wrong-1, 0)
	if len(t.good) < maxGuessers {
		t.good[who] = true
	}
}
