package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"salvor/diagnosis"
)

// report writes the figures of one half in Markdown.
func report(w io.Writer, half string, list []outcome) {
	f := figure(list)
	fmt.Fprintf(w, "### %s: %d cases\n\n", half, len(list))
	fmt.Fprintf(w, "| cases | number | right (class) | of these the very cause | wrong | abstained |\n|---|---:|---:|---:|---:|---:|\n")
	for _, row := range []struct {
		name string
		sum  sum
	}{{"failing", f.failing}, {"of these captured", f.captured}, {"of these rebuilt", f.rebuilt}, {"healthy", f.healthy}} {
		s := row.sum
		fmt.Fprintf(w, "| %s | %d | %d (%.1f %%) | %d | %d (%.1f %%) | %d |\n", row.name, s.all(), s.right, s.share(s.right), s.fine, s.wrong, s.share(s.wrong), s.abstained)
	}
	fmt.Fprintf(w, "\n| grade | answers | right | wrong |\n|---|---:|---:|---:|\n")
	for _, g := range []diagnosis.Grade{diagnosis.VeryLikely, diagnosis.Likely, diagnosis.Possible} {
		s := count(list, func(o *outcome) bool { return o.grade == g })
		fmt.Fprintf(w, "| %s | %d | %d (%.1f %%) | %d (%.1f %%) |\n", g, s.all(), s.right, s.share(s.right), s.wrong, s.share(s.wrong))
	}
	byCause(w, list)
	sure(w, list)
	confusion(w, list)
}

// byCause writes a row for each cause.
func byCause(w io.Writer, list []outcome) {
	sums := map[diagnosis.Cause]*sum{}
	for i := range list {
		c := list[i].c.Cause
		if sums[c] == nil {
			sums[c] = &sum{}
		}
		sums[c].add(&list[i])
	}
	fmt.Fprintf(w, "\n| true cause | cases | right (class) | very cause | wrong | abstained |\n|---|---:|---:|---:|---:|---:|\n")
	for _, c := range slices.Sorted(maps.Keys(sums)) {
		s := sums[c]
		fmt.Fprintf(w, "| %s | %d | %d | %d | %d | %d |\n", c, s.all(), s.right, s.fine, s.wrong, s.abstained)
	}
}

// sure writes what was wrong although it was graded very likely, by cause.
func sure(w io.Writer, list []outcome) {
	pairs := map[string]int{}
	for i := range list {
		if o := &list[i]; o.grade == diagnosis.VeryLikely && o.kind == wrong {
			pairs[fmt.Sprintf("%s | %s", o.c.Cause, o.answer)]++
		}
	}
	if len(pairs) == 0 {
		return
	}
	fmt.Fprintf(w, "\n| true cause | answered as very likely | cases |\n|---|---|---:|\n")
	for _, p := range slices.Sorted(maps.Keys(pairs)) {
		fmt.Fprintf(w, "| %s | %d |\n", p, pairs[p])
	}
}

// confusion writes which class was answered for which.
func confusion(w io.Writer, list []outcome) {
	cells := map[[2]diagnosis.Class]int{}
	truths, answers := map[diagnosis.Class]bool{}, map[diagnosis.Class]bool{}
	for i := range list {
		o := &list[i]
		truth, answer := o.c.Cause.Class(), o.answer.Class()
		if o.kind == right && !o.healthy() {
			answer = truth // accepted beside it
		}
		cells[[2]diagnosis.Class{truth, answer}]++
		truths[truth], answers[answer] = true, true
	}
	columns := slices.Sorted(maps.Keys(answers))
	fmt.Fprintf(w, "\n| true class \\ answered |")
	for _, a := range columns {
		fmt.Fprintf(w, " %s |", a)
	}
	fmt.Fprintf(w, "\n|---|%s\n", strings.Repeat("---:|", len(columns)))
	for _, t := range slices.Sorted(maps.Keys(truths)) {
		fmt.Fprintf(w, "| %s |", t)
		for _, a := range columns {
			if n := cells[[2]diagnosis.Class{t, a}]; n > 0 {
				fmt.Fprintf(w, " %d |", n)
			} else {
				fmt.Fprintf(w, " |")
			}
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w)
}

// misses writes the cases that were not answered rightly, with what was answered.
func misses(w io.Writer, list []outcome) {
	for i := range list {
		o := &list[i]
		switch {
		case o.kind != right:
			fmt.Fprintf(w, "%s: is %s, answered %s (%s)\n", o.c.Name, o.c.Cause, o.answer, o.grade)
		case !o.fine && !o.healthy():
			fmt.Fprintf(w, "%s: is %s, answered %s (%s), of the same class\n", o.c.Name, o.c.Cause, o.answer, o.grade)
		}
	}
}
