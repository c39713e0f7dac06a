package diagnosis

import (
	"regexp"
	"slices"
)

// What it takes for a log to go on behind a hint, as one does that has nothing to do with a failure. Logs of failures end
// soon behind the line that tells the cause: no case of the training half with such a weak one goes on for so long.
const (
	onLines = 6    // behind the last hint, at least...
	onShare = 0.25 // ...and of all lines
	farLine = 12   // the same for what is more than a hint
	farPart = 0.4
	alone   = 0.35 // the score up to which a hint says nothing where no line says that anything failed
	behind  = 0.51 // the same where the log goes on
	called  = 12   // lines from which a log calls a program by its name that has a part in it
	distant = 0.97 // the same for a network or a server that a library alone tells of, where it goes on for longer, or where nobody speaks who updates or fetches something
)

// doubt returns the score below which causes are only named and not graded: what was found may be nothing but the words
// of a healthy system. It is 0 where anything says that something failed.
func doubt(tales []*tale, items []*item) float64 {
	switch {
	case endsWell(tales, items):
		return behind
	case failure(tales, items):
		return 0
	case goesOn(items, farLine, farPart):
		return distant
	case goesOn(items, onLines, onShare):
		return behind
	}
	return alone
}

// doubtOf returns the score below which one cause is only named: doubt is that of the logs as a whole.
func (e *Engine) doubtOf(doubt float64, c Cause, shares []share, tales []*tale) float64 {
	if doubt == 0 {
		return 0
	}
	peers := e.distant(c, shares)
	switch {
	case e.nameless(shares, tales):
		return distant
	case doubt == distant && !peers:
		return behind
	case (peers || c.Class() == "configuration" && networkAlone(shares)) && !e.fetched(tales):
		return distant
	case doubt == alone && peers && !slices.ContainsFunc(shares, fetches):
		return behind
	}
	return doubt
}

// fetched reports whether anybody speaks in the logs who has a part in updates, or fetches or sends something. What a
// person typed is about an update, and so is a command whose exit status was asked for.
func (e *Engine) fetched(tales []*tale) bool {
	for _, t := range tales {
		if t.said {
			return true
		}
		for n := range t.speaks {
			if e.updates(e.base.Ecosystems[n].Name) {
				return true
			}
		}
		if slices.ContainsFunc(t.events, func(ev told) bool { return ev.since > 0 || e.updates(ev.rule.Ecosystem) }) {
			return true
		}
	}
	return false
}

// nameless reports whether all that stands for a cause are sentences of programs whose names do not stand in the logs, nor
// in theirs. Others have sentences like them.
func (e *Engine) nameless(shares []share, tales []*tale) bool {
	lines := int64(0)
	for _, t := range tales {
		lines += t.lines
	}
	return lines >= called && !slices.ContainsFunc(shares, func(s share) bool {
		eco := e.base.Ecosystem(s.item.rule.Ecosystem)
		return s.item.tale == nil || eco == nil || len(eco.Names) == 0 || e.isNamed(eco, tales)
	})
}

func (e *Engine) isNamed(eco *Ecosystem, tales []*tale) bool {
	n := slices.Index(e.base.Ecosystems, eco)
	return slices.ContainsFunc(tales, func(t *tale) bool {
		return t.named[n] || t.speaks[n] > 0 || slices.ContainsFunc(e.names[n], func(re *regexp.Regexp) bool { return re.MatchString(t.input) })
	})
}

// updates reports whether who speaks has a part in updates.
func (e *Engine) updates(name string) bool {
	eco := e.base.Ecosystem(name)
	return eco != nil && !eco.Library && !eco.Bystander
}

// distant reports whether nothing but words of a library stands for a cause of a network or a server. Every program that
// serves or fetches meets peers that are not there, names that are not known, and pages that are missing, and goes on. A
// network that wants a login first is no such peer.
func (e *Engine) distant(c Cause, shares []share) bool {
	return distantClass(c.Class()) && c != "network.captive-portal" && !slices.ContainsFunc(shares, func(s share) bool {
		eco := e.base.Ecosystem(s.item.rule.Ecosystem)
		return s.item.tale == nil || eco == nil || !eco.Anywhere
	})
}

// network is the ecosystem of the libraries that reach servers.
const network = "net"

// networkAlone reports whether nothing but words of such libraries stands for a cause: a proxy's name that is wrong, a file of
// certificates that cannot be read.
func networkAlone(shares []share) bool {
	return !slices.ContainsFunc(shares, func(s share) bool { return s.item.tale == nil || s.item.rule.Ecosystem != network })
}

// fetches reports whether a line is of somebody who fetches or sends something. What a library says that is no better than
// a coin's toss is no cause without it.
func fetches(s share) bool {
	return s.item.since > 0 || fetching.MatchString(s.item.quote) || s.item.program != "" && fetching.MatchString(s.item.program)
}

// fetching is what a line holds, or the name of its program, where somebody fetches or sends something.
var fetching = regexp.MustCompile(`://|` + updaterName.String())

func distantClass(c Class) bool { return c == "network" || c == "server" }

// failure reports whether anything beside hints says that something failed: a line, a person, a fact.
func failure(tales []*tale, items []*item) bool {
	return slices.ContainsFunc(tales, func(t *tale) bool { return t.said }) ||
		slices.ContainsFunc(items, func(i *item) bool {
			return i.tale == nil && i.rule.Role.Weigh() && i.strength() > hint || i.rule.Role == RoleSummary && !i.ended
		})
}

// goesOn reports whether all logs with hints go on behind them, for so many lines and such a share of all.
func goesOn(items []*item, lines int64, share float64) bool {
	last := map[*tale]int64{}
	for _, i := range items {
		if i.tale != nil && !i.ended && i.rule.Role.Weigh() {
			last[i.tale] = max(last[i.tale], i.place.Line)
		}
	}
	for t, line := range last {
		if rest := t.lines - line; rest < lines || float64(rest) < share*float64(t.lines) {
			return false
		}
	}
	return len(last) > 0
}
