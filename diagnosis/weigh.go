package diagnosis

import (
	"cmp"
	"math"
	"path"
	"regexp"
	"slices"
	"strings"

	"salvor/diagnosis/logs"
)

// Factors by which evidence loses weight. They were chosen on the training half of the corpus.
const (
	afterCause   = 0.25 // a symptom behind a cause of the same boot
	laterCause   = 0.55 // another cause behind the first one of the same boot
	otherWords   = 0.75 // what a line that supports the first failure says for another class
	laterBoot    = 0.75 // a failure of a boot behind the first one that failed
	beforeUpdate = 0.6  // it stood there before the update began
	wentWell     = 0.2  // the update ended well behind it
	firstBoot    = 0.1  // usual on a first boot
	contradicted = 0.4  // something says the contrary
	silent       = 0.8  // its program does not speak, and another one does
	foreign      = 0.28 // another program speaks on its line
	besideIt     = 0.28 // a library's words on the line of a program that has no part in the update
	debugLine    = 0.3  // a line for those who search for faults in the program
	infoLine     = 0.6  // a line that tells what goes on

	sameProgram  = 0.35 // of a second rule of one program for the same cause, and of each further one again
	otherProgram = 0.8  // of another program's

	ownWords     = 20 // points from which a line says the same as the first failure in its own words
	moreSpecific = 25 // points of strength by which a later line outweighs the first failure
	serverSaid   = 60 // points by which a line tells that a server answered
	hint         = 30 // points of what says little alone
	leadsFrom    = 35 // points that the first failure needs, to explain what follows
)

// item is a piece of evidence on its way through the reasons for which it weighs less.
type item struct {
	told
	tale   *tale // nil for a fact
	order  int   // over all inputs
	factor float64
	why    string
	words  string
	ended  bool
	// lead is the class of the first failure, which this one supports; "" when there is none.
	lead Class
	// retried says that it was tried again without this failure.
	retried bool
}

// lower makes an item weigh less, and says why; the strongest reason is the one that is told.
func (i *item) lower(factor float64, why string) {
	if i.why == "" || factor < i.factor {
		i.why = why
	}
	i.factor *= factor
}

// items returns the evidence of a tale, after what lower and its order in time say.
func (t *tale) items(lower func(*item)) []*item {
	var list []*item
	o := openItems{began: map[string]int{}, own: map[string][]*item{}}
	for n := range t.events {
		ev := &t.events[n]
		switch {
		case ev.rule.Role == RoleBegin:
			o.began[ev.rule.Ecosystem] = ev.n
		case ev.rule.Role == RoleSuccess:
			o.success(ev)
		case fails(ev.rule):
			i := &item{told: *ev, tale: t, factor: 1}
			lower(i)
			if ev.rule.FirstBootNormal && t.first(ev) {
				i.lower(firstBoot, "usual on a first boot")
			}
			list = append(list, i)
			o.all = append(o.all, i)
			o.own[ev.rule.Ecosystem] = append(o.own[ev.rule.Ecosystem], i)
		}
	}
	t.retries(list)
	t.beginnings(list)
	reached(list)
	t.firstFailures(list)
	return list
}

// first reports whether no earlier boot and no update stands before an event.
func (t *tale) first(ev *told) bool {
	if ev.boot > 0 {
		return false
	}
	for i := range t.events {
		o := &t.events[i]
		if o.n >= ev.n {
			return true
		}
		if r := o.rule.Role; r == RoleBegin || r == RoleWriting || r == RoleSuccess {
			return false
		}
	}
	return true
}

// openItems are failures behind which nothing has gone well yet, in order.
type openItems struct {
	all   []*item
	own   map[string][]*item // by program
	began map[string]int     // where the last update of each program began
}

// success ends the failures of its program, and speaks against those of others since its update began, or in the
// same boot where that is not told.
func (o *openItems) success(ev *told) {
	if ev.since > 0 {
		o.ended(ev)
		return
	}
	eco := ev.rule.Ecosystem
	for _, i := range o.own[eco] {
		i.ended = true
	}
	o.own[eco] = nil
	began, told := o.began[eco]
	var kept []*item // of this boot, from before the update
	n := len(o.all) - 1
	for ; n >= 0; n-- {
		i := o.all[n]
		before := told && i.n < began
		if i.boot != ev.boot && (before || !told) {
			break
		}
		class := i.rule.Cause().Class()
		switch {
		case i.ended:
		case before && class != "network" && class != "server": // the way to the server is another matter: it was found
			kept = append(kept, i)
		default:
			i.lower(wentWell, "it went well behind this")
		}
	}
	slices.Reverse(kept)
	o.all = append(o.all[:n+1], kept...)
}

// lookBack is how many open failures are looked at for an earlier try of a command: a log of nothing but tries costs no more.
const lookBack = 256

// ended ends what failed while a command ran that ended well, and while the same was tried before.
func (o *openItems) ended(ev *told) {
	type lines struct{ from, to int64 }
	ran := []lines{{ev.since, ev.place.Line}}
	oldest := max(0, len(o.all)-lookBack)
	for _, i := range o.all[oldest:] {
		if i.since > 0 && sameCommand(i.command, ev.command) {
			ran = append(ran, lines{i.since, i.place.Line})
		}
	}
	for oldest > 0 && o.all[oldest-1].place.Line >= ev.since {
		oldest--
	}
	over := func(i *item) bool {
		i.ended = i.ended || slices.ContainsFunc(ran, func(l lines) bool { return l.from <= i.place.Line && i.place.Line <= l.to })
		return i.ended
	}
	o.all = append(o.all[:oldest], slices.DeleteFunc(o.all[oldest:], over)...)
	for eco, list := range o.own {
		o.own[eco] = slices.DeleteFunc(list, func(i *item) bool { return i.ended })
	}
}

// sameCommand reports whether two commands try the same: they are of one program, and name one file or address.
func sameCommand(a, b string) bool {
	x, y := strings.Fields(a), strings.Fields(b)
	return len(x) > 1 && len(y) > 1 && path.Base(x[0]) == path.Base(y[0]) && slices.ContainsFunc(x[1:], func(word string) bool {
		return len(word) > 3 && word[0] != '-' && slices.Contains(y[1:], word)
	})
}

// retries lowers what failed before a program tried the same again, where it went on behind that in the same boot
// without failing again.
func (t *tale) retries(list []*item) {
	for n := range t.events {
		ev := &t.events[n]
		if ev.rule.Role != RoleRetry {
			continue
		}
		own := func(i *item) bool { return i.rule.Ecosystem == ev.rule.Ecosystem && i.boot == ev.boot }
		on := slices.ContainsFunc(t.events[n+1:], func(o told) bool { return o.boot == ev.boot && !fails(o.rule) && o.rule.Role != RoleRetry })
		if !on || slices.ContainsFunc(list, func(i *item) bool { return own(i) && i.n > ev.n && i.place != ev.place }) {
			continue
		}
		for _, i := range list {
			if own(i) && (i.n < ev.n || i.place == ev.place) && !i.ended && !i.retried {
				i.retried = true
				i.lower(wentWell, "it was tried again, and did not fail again")
			}
		}
	}
}

// reached lowers what kept a device from its server, where the server answered later in the same boot.
func reached(list []*item) {
	answered := -1 // the boot
	for n := len(list) - 1; n >= 0; n-- {
		i := list[n]
		if i.ended || !i.rule.Role.Weigh() {
			continue
		}
		switch i.rule.Cause() {
		case "server.overload", "server.error", "server.missing-file", "server.refused":
			if i.rule.Role == RoleCause && i.strength() >= serverSaid {
				answered = i.boot
			}
		case "network.no-link", "network.dns", "network.timeout":
			if i.boot == answered {
				i.lower(contradicted, "the server answered behind this")
			}
		}
	}
}

// beginnings lowers what was wrong before an update began that failed later.
func (t *tale) beginnings(list []*item) {
	began := -1
	for i := range t.events {
		if t.events[i].rule.Role == RoleBegin {
			began = t.events[i].n
		}
	}
	behind := slices.ContainsFunc(list, func(i *item) bool { return !i.ended && i.n > began && i.rule.Role.Weigh() })
	if began < 0 || !behind {
		return
	}
	for _, i := range list {
		if i.n < began && !i.ended {
			i.lower(beforeUpdate, "it stood there before the update began")
		}
	}
}

// firstFailures lowers consequences: what follows the first cause of a boot, and of the boots behind it.
func (t *tale) firstFailures(list []*item) {
	byBoot := make([][]*item, len(t.boots))
	for _, i := range list {
		if !i.ended && i.rule.Role.Weigh() {
			byBoot[i.boot] = append(byBoot[i.boot], i)
		}
	}
	failed := -1 // the first boot that failed
	for boot, items := range byBoot {
		var lead *item
		for _, i := range items {
			if failed >= 0 && boot > failed {
				i.lower(laterBoot, "an earlier boot had failed")
			}
			switch {
			case lead == nil:
				if i.rule.Role == RoleCause && i.strength() >= leadsFrom {
					lead = i
				}
			case i.place == lead.place: // one line: the better words lead
				if i.rule.Role == RoleCause && i.strength() > lead.strength() {
					lead = i
				}
			case supports(i.rule, lead.rule):
				if i.rule.Strength(lead.rule.Cause()) >= ownWords && float64(i.rule.Weights[0].Strength) < lead.ofClass()+moreSpecific {
					i.lead = lead.rule.Cause().Class() // it says the same in other words, more than what else it could mean
				}
			case i.rule.Role == RoleSymptom:
				i.lower(afterCause, "explained by an earlier failure")
			case float64(i.rule.Weights[0].Strength) < lead.ofClass()+moreSpecific:
				i.lower(laterCause, "something else failed before it")
			}
		}
		if lead != nil && failed < 0 {
			failed = boot
		}
	}
}

func (i *item) strength() float64 { return float64(i.rule.Weights[0].Strength) * i.factor }

// ofClass is what an item says for the class of its main cause: which of them it is may be open.
func (i *item) ofClass() float64 { return forClass(i.rule.Cause().Class())(i.rule) * i.factor }

// supports reports whether a rule speaks for the main cause of another.
func supports(r, o *Rule) bool {
	return r.Strength(o.Cause()) > 0 || r.Cause().Class() == o.Cause().Class()
}

// contraries are what contradictions can refer to.
type contraries struct {
	near map[nearKey]*item  // of the same boot
	far  map[string][]*item // of other inputs and facts: of each rule the first two that are of different ones
}

type nearKey struct {
	rule string
	tale *tale
	boot int
}

func (c *contraries) add(i *item) {
	c.near[nearKey{i.rule.ID, i.tale, i.boot}] = i
	if all := c.far[i.rule.ID]; len(all) == 0 || len(all) == 1 && all[0].tale != i.tale {
		c.far[i.rule.ID] = append(all, i)
	}
}

func (c *contraries) find(id string, i *item) *item {
	if o := c.near[nearKey{id, i.tale, i.boot}]; o != nil {
		return o
	}
	for _, o := range c.far[id] {
		if o.tale != i.tale {
			return o
		}
	}
	return nil
}

// against lowers what is contradicted, in the same boot or in another input, and returns for each item what
// contradicts it.
func against(items []*item, present *contraries) map[*item][]*item {
	contrary := map[*item][]*item{}
	for _, i := range items {
		for _, id := range i.rule.Against {
			o := present.find(id, i)
			if o == nil {
				continue
			}
			if len(contrary[i]) == 0 {
				i.lower(contradicted, "something says the contrary")
			}
			contrary[i] = append(contrary[i], o)
		}
	}
	return contrary
}

// quiet lowers what stands there by chance: words on a line of another program, or of one that does not speak
// where others do, and lines that their program takes for no error.
func (e *Engine) quiet(speaks map[string]bool) func(*item) {
	return func(i *item) {
		eco := e.base.Ecosystem(i.rule.Ecosystem)
		switch {
		case i.foreign:
			i.lower(foreign, "another program speaks on this line")
		case len(speaks) > 0 && eco != nil && !eco.Anywhere && len(eco.Speaks) > 0 && !speaks[eco.Name]:
			i.lower(silent, "its program does not speak here")
		}
		switch {
		case eco == nil || !eco.Anywhere:
		case len(speaks) > 0 && i.tale.beside(i.program):
			i.lower(besideIt, "it is the line of a service beside the update")
		case i.program == "" && distantClass(i.rule.Cause().Class()) && !signed.MatchString(i.quote) && e.besideLog(i.tale):
			i.lower(besideIt, "it stands in the log of a service beside the update")
		}
		switch logs.Level(i.quote) {
		case logs.Debug:
			i.lower(debugLine, "its program takes the line for no error")
		case logs.Info:
			i.lower(infoLine, "its program takes the line for no error")
		}
	}
}

// updaterName tells programs that have a part in updates by their names.
var updaterName = regexp.MustCompile(`(?i)up[dg]|fw|firm|flash|ota|download|curl|wget|apt|dpkg|opkg|rsync|install|boot|recover|init|kernel|mender|image|pack|ssl|sum`)

// signed is a line of a log without names that begins with one all the same, or has to do with updates.
var signed = regexp.MustCompile(`^[\w./-]+: |` + updaterName.String())

// beside reports whether a program has no part in the update: it has a name that says nothing of one, and none of
// its lines is of a program that the rules know.
func (t *tale) beside(program string) bool {
	return program != "" && !t.programs[program] && !updaterName.MatchString(program)
}

// endsWell reports whether the last that is told is that it went well: behind that nothing failed, and no line says
// that an update failed.
func endsWell(tales []*tale, items []*item) bool {
	some := false
	last := map[*tale]int{}
	for _, t := range tales {
		last[t] = -1
		for n := range t.events {
			if t.events[n].rule.Role == RoleSuccess {
				last[t], some = t.events[n].n, true
			}
		}
	}
	return some && !slices.ContainsFunc(items, func(i *item) bool {
		switch {
		case i.ended:
			return false
		case i.tale == nil: // a fact has no time
			return i.rule.Role.Weigh() && i.strength() > hint
		}
		return i.rule.Role == RoleSummary || i.n > last[i.tale] && i.strength() > hint
	})
}

// share is what one item gives to one cause.
type share struct {
	item  *item
	value float64 // 0 to 1
	times int     // lines of the item's rule
}

// forCause is what a rule says for a cause, from 0 to 100.
func forCause(c Cause) func(*Rule) float64 {
	return func(r *Rule) float64 { return float64(r.Strength(c)) }
}

// forClass is what a rule says for all causes of a class together. It says less than their sum, since who wrote a
// rule did not take each of them to exclude the others.
func forClass(c Class) func(*Rule) float64 {
	return func(r *Rule) float64 {
		most, sum := 0.0, 0.0
		for _, w := range r.Weights {
			if w.Cause.Class() == c {
				most, sum = max(most, float64(w.Strength)), sum+float64(w.Strength)
			}
		}
		return max(most, min(most+0.5*(sum-most), 95))
	}
}

// score combines the evidence of a cause or a class: one rule counts once, however often its lines stand there; rules of
// one program depend on each other; programs depend little; facts not at all.
func score(items []*item, class Class, strength func(*Rule) float64) (total float64, shares []share) {
	best := map[*Rule]share{}
	for _, i := range items {
		if s := strength(i.rule); s > 0 && !i.ended {
			b := best[i.rule]
			b.times += i.times
			v := s / 100 * i.factor
			if i.lead != "" && i.lead != class {
				v *= otherWords
			}
			if v > b.value {
				b.item, b.value = i, v
			}
			best[i.rule] = b
		}
	}
	for _, s := range best {
		shares = append(shares, s)
	}
	slices.SortFunc(shares, func(a, b share) int {
		return cmp.Or(cmp.Compare(b.value, a.value), cmp.Compare(a.item.order, b.item.order), strings.Compare(a.item.rule.ID, b.item.rule.ID))
	})
	missing := 1.0
	seen := map[string]int{}
	places := map[Place]bool{}
	for n, s := range shares {
		v := s.value
		if s.item.tale != nil {
			v *= math.Pow(sameProgram, float64(seen[s.item.rule.Ecosystem]))
			seen[s.item.rule.Ecosystem]++
			if n > 0 {
				v *= otherProgram
			}
			if places[s.item.place] { // one line says it once
				v = 0
			}
			places[s.item.place] = true
		}
		missing *= 1 - min(v, 0.99)
	}
	return 1 - missing, shares
}
