package diagnosis

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"salvor/diagnosis/logs"
	"salvor/diagnosis/match"
)

// Engine answers from one base of rules. It may be used by several goroutines.
type Engine struct {
	base    *Base
	set     *match.Set
	targets []target // by pattern of set
	said    []saidRule
	facts   []*Rule
	orders  []*Rule
	names   [][]*regexp.Regexp // by index of the ecosystem
}

// target is what a pattern stands for: a rule, a table of codes, or that a program speaks.
type target struct {
	rule   *Rule
	codes  *codeTable
	speaks int  // index of the ecosystem, -1 otherwise
	named  bool // it is only called by its name
	exit   bool // a shell is asked for the exit status of a command
}

type codeTable struct {
	mask    int64
	numbers map[int64]*Rule
	names   map[string]*Rule
}

type saidRule struct {
	rule *Rule
	re   *regexp.Regexp
}

// New returns an engine for the base.
func New(base *Base) (*Engine, error) {
	e := &Engine{base: base}
	var exprs []string
	add := func(expr string, t target) {
		exprs = append(exprs, expr)
		e.targets = append(e.targets, t)
	}
	for i, eco := range base.Ecosystems {
		for _, expr := range eco.Speaks {
			add(expr, target{speaks: i})
		}
		var names []*regexp.Regexp
		for _, expr := range eco.Names {
			re, err := regexp.Compile(expr)
			if err != nil {
				return nil, fmt.Errorf("names of %s: %w", eco.Name, err)
			}
			names = append(names, re)
			add(expr, target{speaks: i, named: true})
		}
		e.names = append(e.names, names)
		tables := map[string]*codeTable{}
		for _, c := range eco.Codes {
			t := tables[c.Name]
			if t == nil {
				t = &codeTable{numbers: map[int64]*Rule{}, names: map[string]*Rule{}}
				tables[c.Name] = t
			}
			t.mask |= c.Mask
			for _, expr := range c.Patterns {
				add(expr, target{codes: t, speaks: -1})
			}
		}
		for _, r := range eco.Rules {
			switch r.Kind {
			case KindLine:
				add(r.Pattern, target{rule: r, speaks: -1})
			case KindSaid:
				re, err := regexp.Compile(r.Pattern)
				if err != nil {
					return nil, fmt.Errorf("rule %s: %w", r.ID, err)
				}
				e.said = append(e.said, saidRule{r, re})
			case KindFact:
				e.facts = append(e.facts, r)
			case KindOrder:
				e.orders = append(e.orders, r)
			case KindCode:
				t := tables[r.Code.In]
				if t == nil {
					return nil, fmt.Errorf("rule %s: no table %q", r.ID, r.Code.In)
				}
				if r.Code.Number != nil {
					t.numbers[*r.Code.Number] = r
				}
				if r.Code.Name != "" {
					t.names[strings.ToLower(r.Code.Name)] = r
				}
			}
		}
	}
	add(exitAsked, target{speaks: -1, exit: true})
	var err error
	e.set, err = match.Compile(exprs)
	return e, err
}

// row returns the rule of a code, nil when the table has none.
func (t *codeTable) row(code string) *Rule {
	if r := t.names[strings.ToLower(code)]; r != nil {
		return r
	}
	n, err := strconv.ParseInt(code, 0, 64)
	if err != nil {
		n, err = strconv.ParseInt(strings.TrimLeft(code, "0"), 10, 64)
	}
	if err != nil {
		return nil
	}
	if t.mask != 0 {
		n &= t.mask
	}
	return t.numbers[n]
}

// Patterns returns how many patterns are looked for together.
func (e *Engine) Patterns() int { return e.set.Len() }

// Try reports whether a rule takes an example: a line, a log (order), a value (fact), what a person said. Normal
// rules mask; others hide nothing.
func (e *Engine) Try(r *Rule, example string) bool {
	switch r.Kind {
	case KindFact:
		return r.Fact.Passes(example)
	case KindSaid:
		for _, s := range e.said {
			if s.rule == r {
				return s.re.MatchString(example)
			}
		}
		return false
	}
	t := newTale("example")
	w := e.newWorker(newShared(e.set.Len()))
	w.all = true
	err := logs.Read(context.Background(), strings.NewReader(example), func(b *logs.Block) error {
		for _, h := range w.block("example", b) {
			t.add(&h)
		}
		return nil
	})
	if err != nil {
		return false
	}
	if r.Kind == KindOrder {
		e.order(t)
	}
	for _, ev := range t.events {
		if ev.rule == r {
			return true
		}
	}
	return false
}
