package diagnosis

import "strings"

const (
	perBoot     = 8      // events of one rule that are kept of one boot: the first ones and the last
	maxPrograms = 1000   // of one input
	maxEvents   = 50_000 // of one input; boots behind that are not told
)

// told is an event of an input, in order.
type told struct {
	hit
	n    int  // its place in the order
	boot int  // from 0
	soft bool // a reboot's line that goes on with the boot that has begun: a kernel behind its boot loader
	dead bool // replaced by a later one of its kind
}

// tale is what one input tells.
type tale struct {
	input       string
	events      []told
	boots       []Boot
	speaks      map[int]int  // lines by index of the ecosystem
	named       map[int]bool // by index of the ecosystem: it, its files or its devices are called by a name
	besideLines int          // lines of programs that have no part in updates
	lines       int64        // of the input, once it was read
	said        bool         // a person typed it
	// programs are those on whose lines a rule of a program was found, and not only of a library.
	programs map[string]bool
	problem  string

	kept map[*Rule]*kept // of the present boot
	dead int
	n    int
	now  bootState
}

// kept counts the events of a rule in a boot; last is the last one's index and 1.
type kept struct{ n, last int }

// bootState is what the present boot has shown.
type bootState struct {
	loaders map[*Rule]string // lines of its begin
	linux   bool
	others  int  // events that are no begin of a boot
	update  bool // an update began, wrote or ended
}

func newTale(input string) *tale {
	t := &tale{input: input, speaks: map[int]int{}, named: map[int]bool{}, programs: map[string]bool{}, boots: []Boot{{Start: Place{Input: input, Line: 1, Since: -1}}}}
	t.begin()
	return t
}

func (t *tale) begin() {
	t.kept = map[*Rule]*kept{}
	t.now = bootState{loaders: map[*Rule]string{}}
}

// add takes the next hit of the input.
func (t *tale) add(h *hit) {
	if h.known && h.program != "" && len(t.programs) < maxPrograms {
		t.programs[h.program] = true
	}
	if h.named {
		t.named[h.speaks] = true
		return
	}
	if h.beside {
		t.besideLines++
		return
	}
	if h.rule == nil {
		t.speaks[h.speaks] += h.times
		return
	}
	if len(t.events)-t.dead >= maxEvents {
		return
	}
	ev := told{hit: *h, n: t.n}
	t.n++
	if h.rule.Role == RoleReboot {
		if t.starts(h) {
			t.boots = append(t.boots, Boot{Start: h.place})
			t.begin()
		} else {
			ev.soft = true
		}
		t.now.loaders[h.rule] = h.quote
		t.now.linux = t.now.linux || isLinux(h.rule)
	} else if h.rule.Role != RoleNormal {
		t.now.others++
	}
	ev.boot = len(t.boots) - 1
	b := &t.boots[ev.boot]
	switch h.rule.Role {
	case RoleBegin:
		b.Begun, t.now.update = true, true
	case RoleWriting:
		b.Writing, t.now.update = true, true
	case RoleSuccess:
		t.now.update = true
	}
	t.keep(ev)
}

// keep notes an event; of many of one rule in a boot the first ones and the last.
func (t *tale) keep(ev told) {
	k := t.kept[ev.rule]
	if k == nil {
		k = &kept{}
		t.kept[ev.rule] = k
	}
	if k.last > 0 && t.events[k.last-1].place == ev.place { // windows of one line share it
		return
	}
	if k.n >= perBoot {
		old := &t.events[k.last-1]
		ev.times += old.times
		old.dead = true
		t.dead++
	} else {
		k.n++
	}
	t.events = append(t.events, ev)
	k.last = len(t.events)
	if t.dead > 4096 && t.dead > len(t.events)/2 {
		t.compact()
	}
}

// compact forgets the dead.
func (t *tale) compact() {
	live := t.events[:0]
	for _, ev := range t.events {
		if !ev.dead {
			live = append(live, ev)
		}
	}
	t.events, t.dead = live, 0
	for _, k := range t.kept {
		k.last = 0
	}
	for i := range t.events {
		if k := t.kept[t.events[i].rule]; k != nil && t.events[i].boot == len(t.boots)-1 {
			k.last = i + 1
		}
	}
}

// close ends the reading, and returns the events.
func (t *tale) close() []told {
	t.compact()
	return t.events
}

func isLinux(r *Rule) bool { return strings.Contains(r.Pattern, "Linux version") }

// starts reports whether a line of role reboot begins a new boot, and is not one more of the boot that goes on.
// A kernel follows its boot loader, and a boot loader its first stage.
func (t *tale) starts(h *hit) bool {
	now := &t.now
	switch {
	case t.n == 1:
		return false
	case len(now.loaders) == 0:
		return now.others > 0
	case now.linux:
		return true
	case isLinux(h.rule):
		return false
	case now.update:
		return true
	}
	before, seen := now.loaders[h.rule]
	return seen && (stage(before) <= stage(h.quote))
}

// stage tells the first stages of U-Boot, which call themselves by the same words.
func stage(line string) int {
	switch {
	case strings.Contains(line, " TPL "):
		return 2
	case strings.Contains(line, " SPL "):
		return 1
	}
	return 0
}
