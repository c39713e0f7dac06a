package diagnosis

import (
	"cmp"
	"regexp"
	"slices"
	"sync/atomic"

	"salvor/diagnosis/logs"
	"salvor/diagnosis/match"
)

const (
	maxQuote = 1000 // bytes of a line that are quoted
	maxGroup = 200  // bytes of a group

	perBlock  = 64   // matches of one pattern that are told of one block...
	wellKnown = 2000 // ...until it matched so often in the input; then
	perKnown  = 4    // only so many. The last of each block is always told.
	maxResets = 256  // boots in one block behind which counting begins anew

	// What patterns may cost, in bytes that they are tried on: about a second, and as much for each 250 MB that
	// were read. Usual logs cost far less. Behind that few lines of a block are tried, those of patterns that did
	// not match yet before others, and in the end the last of each.
	freeCost  = 8 << 20
	costShare = 64  // of what was read
	perCostly = 16  // lines of a block that one pattern is tried on
	blockCost = 128 // of the block, for the first lines of all patterns, and as much for the last
)

// shared is what the workers of one input know together.
type shared struct {
	matched []atomic.Int32 // by pattern
	spent   atomic.Int64   // bytes that patterns were tried on
	read    atomic.Int64   // bytes of the input
	struck  atomic.Bool    // a pattern was given up because all together cost too much
}

func newShared(n int) *shared { return &shared{matched: make([]atomic.Int32, n)} }

// costly reports whether the patterns cost more than they may.
func (s *shared) costly() bool { return s.spent.Load() > freeCost+s.read.Load()/costShare }

// hit is a rule, or a program that speaks, on a line.
type hit struct {
	rule    *Rule
	speaks  int // index of the ecosystem, -1 when it is a rule's
	place   Place
	program string
	quote   string
	groups  map[string]string
	start   int    // of the line in its block
	times   int    // lines like it that were not looked at one by one, and itself
	command string // whose exit status this is
	since   int64  // the number of the line at which the command began whose exit status this is; 0 when it is none
	known   bool   // the rule, or who speaks, is a program and no library
	foreign bool   // another program speaks on this line, and the rule's does not
	beside  bool   // no more than that a program speaks that has no part in updates
	named   bool   // no more than that a program is called by its name
	from    int    // where the match stands in the line
	to      int
}

// worker tries the patterns on blocks.
type worker struct {
	engine  *Engine
	scanner *match.Scanner
	shared  *shared
	state   []state // by pattern
	dirty   []int32 // patterns whose state is not empty
	resets  int
	spent   int64
	costly  bool
	may     int64 // bytes that patterns may be tried on, where it is costly
	hits    []hit
	all     bool // rules do not hide each other
	typed   bool // by a person
	unasked bool // a pattern of what a line is was not asked for
	again   *match.Scanner
	aside   *worker // for exit statuses
}

// state is what became of a pattern in the present block.
type state struct {
	touched bool
	limit   int32
	tried   int32
	matched int32
	last    match.Line // that was not tried
	skipped bool
}

func (e *Engine) newWorker(s *shared) *worker {
	return &worker{engine: e, scanner: e.set.NewScanner(), shared: s, state: make([]state, e.set.Len())}
}

// block returns what stands in a block, in order.
func (w *worker) block(name string, b *logs.Block) []hit {
	w.hits, w.resets, w.spent, w.costly = nil, 0, 0, w.shared.costly()
	w.shared.read.Add(int64(len(b.Text)))
	w.may = int64(len(b.Text) / blockCost)
	w.unasked = w.costly
	w.scanner.Inside, w.scanner.Open = b.Inside, b.Open
	w.scanner.Costly, w.scanner.Spent = w.costly, 0
	w.scanner.Scan(b.Text, b.From, b.To, func(l *match.Line) bool {
		w.line(name, b, l, l.Patterns)
		return true
	})
	var last []state
	w.scanner.Rest(b.Text, b.From, b.To, func(p int32, at int) {
		s := w.note(p)
		s.skipped, s.last = true, w.scanner.LineAt(b.Text, at)
	})
	for _, p := range w.dirty {
		s := &w.state[p]
		w.shared.matched[p].Add(s.matched)
		if s.skipped {
			s.last.Patterns = []int32{p}
			last = append(last, *s)
		}
		*s = state{}
	}
	w.dirty = w.dirty[:0]
	if len(last) > 0 {
		w.last(name, b, last)
	}
	w.shared.spent.Add(w.spent + w.scanner.Spent)
	return w.hits
}

// last tries the last lines of patterns that were not tried to the end, from the last to the first.
func (w *worker) last(name string, b *logs.Block, list []state) {
	slices.SortFunc(list, func(a, b state) int { return cmp.Compare(b.last.Start, a.last.Start) })
	before := w.spent
	w.unasked = true // but for the one pattern
	for i := range list {
		l := &list[i].last
		if w.costly && w.shared.matched[l.Patterns[0]].Load() == 0 {
			w.shared.struck.Store(true)
		}
		if w.costly && !b.Last && w.spent-before > w.may {
			continue
		}
		if w.scanner.Plausible(l.Patterns[0], b.Text[l.Start:l.End]) {
			w.try(name, b, l, l.Patterns)
		}
	}
	for _, s := range list {
		w.state[s.last.Patterns[0]] = state{}
	}
	slices.SortStableFunc(w.hits, func(a, b hit) int { return cmp.Compare(a.start, b.start) })
}

// line tries the candidates of a line that did not match too often.
func (w *worker) line(name string, b *logs.Block, l *match.Line, candidates []int32) {
	kept := candidates[:0]
	for _, p := range candidates {
		s := w.note(p)
		s.tried++
		if s.matched < s.limit && (!w.costly || w.affords(p, s)) {
			kept = append(kept, p)
			continue
		}
		s.last, s.skipped = *l, true
		w.unasked = w.unasked || w.engine.context(p)
		w.scanner.Enough(p)
	}
	w.try(name, b, l, kept)
}

// affords reports whether a pattern is worth its cost where all together cost too much.
func (w *worker) affords(p int32, s *state) bool {
	if s.matched+w.shared.matched[p].Load() > 0 {
		return s.tried == 1 && w.spent <= w.may/2
	}
	return s.tried <= perCostly && w.spent <= w.may
}

// note returns the state of a pattern in the present block.
func (w *worker) note(p int32) *state {
	s := &w.state[p]
	if !s.touched {
		w.dirty = append(w.dirty, p)
		s.touched, s.limit = true, perBlock
		if w.shared.matched[p].Load() > wellKnown {
			s.limit = perKnown
		}
		if t := w.engine.targets[p]; t.rule != nil && (t.rule.Role == RoleReboot || t.rule.Role == RoleNormal) {
			s.limit *= 16 // they say what others mean
		} else if t.named {
			s.limit = 1
		}
	}
	return s
}

// found is a pattern that matches on a line.
type found struct {
	target *target
	rule   *Rule
	re     *regexp.Regexp
	loc    []int // of the match and its groups in text
	base   int   // where text begins in the line
}

// try notes the rules that match on the line.
func (w *worker) try(name string, b *logs.Block, l *match.Line, candidates []int32) {
	if len(candidates) == 0 {
		return
	}
	line := b.Text[l.Start:l.End]
	var header logs.Header
	headed := false
	var list []found
	stands := func(p int32) (found, bool) {
		w.spent += int64(len(line))
		re := w.pattern(int(p))
		f := found{target: &w.engine.targets[p], rule: w.engine.targets[p].rule, re: re}
		if !w.engine.set.Anchored(int(p)) {
			f.loc = re.FindSubmatchIndex(line)
		} else if l.Begin {
			if !headed {
				header, headed = logs.ParseHeader(line), true
			}
			f.base, f.loc = anchored(re, line, &header)
		}
		return f, f.loc != nil && (l.Ended || f.loc[1] < len(line) || !match.EndsText(re))
	}
	for _, p := range candidates {
		f, ok := stands(p)
		if !ok {
			continue
		}
		w.state[p].matched++
		if f.target.named {
			w.hits = append(w.hits, hit{speaks: f.target.speaks, named: true, start: l.Start})
			continue
		}
		if f.target.exit {
			w.exit(name, b, l, f.loc[0])
			continue
		}
		if c := f.target.codes; c != nil {
			if f.rule = c.row(string(f.group(line, "code"))); f.rule == nil {
				continue
			}
		}
		list = append(list, f)
	}
	list = append(list, w.overlooked(line, candidates, list, stands)...)
	if list = normal(list); !w.all {
		if slices.ContainsFunc(list, w.engine.beside) {
			w.hits = append(w.hits, hit{speaks: -1, beside: true, start: l.Start})
		}
		list = settle(w.engine.apart(list))
	}
	if len(list) == 0 {
		return
	}
	if !headed && l.Begin {
		header = logs.ParseHeader(line)
	} else if !l.Begin {
		header.Since = -1
	}
	place := Place{Input: name, Unpacked: b.Unpacked, Time: header.Time, When: header.When, Since: header.Since}
	place.Offset, place.Length, place.Line = b.Place(l.Start, l.End)
	if when := b.When(l.Start); !when.IsZero() {
		place.Time, place.When = when, when.Format("2006-01-02 15:04:05.000")
	}
	quote := ""
	for i := range list {
		f := &list[i]
		h := hit{rule: f.rule, speaks: f.target.speaks, place: place, program: header.Program, start: l.Start, times: 1, from: f.base + f.loc[0], to: f.base + f.loc[1]}
		h.known = w.engine.isProgram(f)
		if f.rule != nil {
			if quote == "" {
				quote = logs.Printable(line, maxQuote)
			}
			h.quote, h.groups, h.foreign = quote, f.groups(line), w.engine.foreign(f.rule, list)
			if f.rule.Role == RoleReboot && w.resets < maxResets {
				w.resets++
				for _, p := range w.dirty {
					w.state[p].matched, w.state[p].tried = 0, 0
					w.scanner.Resume(p)
				}
			}
		}
		w.hits = append(w.hits, h)
	}
}

// pattern returns a pattern for the present input: people do not type capital letters as programs print them.
func (w *worker) pattern(p int) *regexp.Regexp {
	if w.typed {
		return w.engine.set.Folded(p)
	}
	return w.engine.set.Regexp(p)
}

// isProgram reports whether what was found is of a program that the rules know, and not of a library alone.
func (e *Engine) isProgram(f *found) bool {
	if f.rule == nil {
		return true
	}
	eco := e.base.Ecosystem(f.rule.Ecosystem)
	return eco != nil && !eco.Anywhere && len(eco.Speaks) == 0
}

// foreign reports whether a rule's program is silent on a line on which another one speaks.
func (e *Engine) foreign(r *Rule, list []found) bool {
	speaks := false
	for i := range list {
		if n := list[i].target.speaks; n >= 0 {
			if e.base.Ecosystems[n].Name == r.Ecosystem {
				return false
			}
			speaks = speaks || !e.base.Ecosystems[n].Anywhere
		}
	}
	eco := e.base.Ecosystem(r.Ecosystem)
	return speaks && eco != nil && !eco.Anywhere && len(eco.Speaks) > 0
}

// anchored tries a pattern that begins with ^ at the begin of the line and behind the parts of its header.
func anchored(re *regexp.Regexp, line []byte, h *logs.Header) (base int, loc []int) {
	last := -1
	for _, at := range [...]int{0, h.AfterTime, h.AfterHost, h.Message} {
		if at == last {
			continue
		}
		if loc := re.FindSubmatchIndex(line[at:]); loc != nil {
			return at, loc
		}
		last = at
	}
	return 0, nil
}

// group returns the text of a group, nil when there is none.
func (f *found) group(line []byte, name string) []byte {
	i := f.re.SubexpIndex(name)
	if i < 0 || f.loc[2*i] < 0 {
		return nil
	}
	return line[f.base+f.loc[2*i] : f.base+f.loc[2*i+1]]
}

// groups returns the named groups, for people.
func (f *found) groups(line []byte) map[string]string {
	var all map[string]string
	for i, name := range f.re.SubexpNames() {
		if name == "" || f.loc[2*i] < 0 {
			continue
		}
		if all == nil {
			all = map[string]string{}
		}
		all[name] = logs.Printable(line[f.base+f.loc[2*i]:f.base+f.loc[2*i+1]], maxGroup)
	}
	return all
}

// normal leaves a line that is usual to the rule that says so.
func normal(list []found) []found {
	for _, f := range list {
		if f.rule != nil && f.rule.Role == RoleNormal {
			return slices.DeleteFunc(list, func(o found) bool { return o.rule != nil && o.rule != f.rule })
		}
	}
	return list
}

// settle decides which rules take a line: a longer match hides one inside of it, a program's own rule a general
// one, and a cause a summary.
func settle(list []found) []found {
	if len(list) < 2 {
		return list
	}
	kept := make([]found, 0, len(list))
	for i := range list {
		if !slices.ContainsFunc(list, func(o found) bool { return hides(&o, &list[i]) }) {
			kept = append(kept, list[i])
		}
	}
	return kept
}

// generic is the ecosystem of what any program says.
const generic = "generic"

func hides(o, f *found) bool {
	if o.rule == nil || f.rule == nil || o.rule == f.rule || !fails(f.rule) {
		return false
	}
	if !o.rule.Role.Weigh() {
		return o.rule.Role == RoleSuccess && f.rule.Ecosystem == generic
	}
	if f.rule.Role == RoleSummary {
		return true
	}
	if o.rule.Ecosystem != generic && f.rule.Ecosystem == generic {
		return true
	}
	if o.rule.Ecosystem != f.rule.Ecosystem && o.rule.strongest() < f.rule.strongest() {
		return false // a program says in its own words what a library says better
	}
	oFrom, oTo, from, to := o.base+o.loc[0], o.base+o.loc[1], f.base+f.loc[0], f.base+f.loc[1]
	return oFrom <= from && to <= oTo && oTo-oFrom > to-from && (f.rule.Ecosystem == generic || o.rule.Ecosystem != generic)
}

// strongest returns the strength of a rule's main cause.
func (r *Rule) strongest() int {
	if len(r.Weights) == 0 {
		return 0
	}
	return r.Weights[0].Strength
}

func fails(r *Rule) bool { return r.Role.Weigh() || r.Role == RoleSummary }
