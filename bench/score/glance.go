package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// front are the sections that stand first in the document, in this order.
var front = []string{"At a glance", "Machine and method", "Whole disks", "Deleted files and damaged volumes", "Listing and reading healthy volumes"}

// titles of the cases by their IDs.
var titles = map[string]string{
	"ext4-deleted":      "ext4, deleted, nothing written since",
	"ext3-deleted":      "ext3, deleted, nothing written since",
	"ext4-deleted-2":    "ext4, deleted, then two journal sizes of metadata",
	"ext4-first64":      "ext4 without flex_bg, the first 64 MiB overwritten",
	"ext4-first64-flex": "ext4 with flex_bg, the first 64 MiB overwritten",
	"fat32":             "FAT32, deleted",
	"exfat":             "exFAT, deleted",
	"ntfs":              "NTFS, deleted",
	"hfsplus":           "HFS+, live",
	"hfsplus-wiped":     "HFS+, live, the volume header wiped",
}

// goal is a line of what is to be reached with one state of files of one case.
type goal struct {
	id, state   string
	words       string  // what is to be reached
	exact, path float64 // shares
	asOthers    bool    // and no less than the best of the others
	noFalse     bool    // and no false output at all
}

var goals = []goal{
	{id: "ext4-deleted", state: "deleted", words: "90 % exact, 80 % with path", exact: 0.9, path: 0.8},
	{id: "ext3-deleted", state: "deleted", words: "100 % exact, 95 % with path", exact: 1, path: 0.95},
	{id: "fat32", state: "deleted", words: "as many as the best or more, 0 false", asOthers: true, noFalse: true},
	{id: "ntfs", state: "deleted", words: "97 % of those whose record survives", exact: 0.97},
	{id: "ntfs", state: "deleted, streams", words: "alternate streams saved", exact: 0.97},
	{id: "exfat", state: "deleted", words: "95 % of those in one piece, 0 false", exact: 0.95, noFalse: true},
	{id: "ext4-first64", state: "live", words: "95 % with path", path: 0.95},
	{id: "ext4-first64-flex", state: "live", words: "what is left to find, named", asOthers: true},
	{id: "hfsplus", state: "live", words: "100 %", exact: 1, path: 1},
	{id: "hfsplus-wiped", state: "live", words: "100 %", exact: 1, path: 1},
}

// fast is the share of the time of tsk_recover that listing and reading may take.
const fast = 0.5

// healthyVolume is what bench/read measured of one volume.
type healthyVolume struct {
	Kind    string  `json:"kind"`
	Files   int     `json:"files"`
	Bytes   int64   `json:"bytes"`
	Exact   int     `json:"exact"` // of the files, by path and SHA-256
	Salvor  float64 `json:"salvor_seconds"`
	Other   float64 `json:"tsk_recover_seconds"` // 0 when it did not run
	OtherOK int     `json:"tsk_recover_exact"`
}

func readHealthy(path string) (out []healthyVolume, err error) {
	if path == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return out, json.Unmarshal(raw, &out)
}

// reached says whether c meets g.
func (g goal) reached(c theCase) bool {
	s, n := c.scores["salvor"], float64(c.of(g.state))
	_, best := c.best(g.state)
	return float64(s.exact[g.state]) >= g.exact*n && float64(s.named[g.state]) >= g.path*n &&
		(!g.asOthers || s.exact[g.state] >= best) && (!g.noFalse || s.false() == 0)
}

// best returns the other program that brought back the most files of a state; the earlier one of two that are alike.
func (c theCase) best(state string) (tool string, n int) {
	for _, t := range c.tools() {
		if x := c.scores[t].exact[state]; t != "salvor" && (tool == "" || x > n) {
			tool, n = t, x
		}
	}
	return tool, n
}

// glance writes the beginning of the document: what was to be reached and what was, and where others are better.
func glance(w io.Writer, cases []theCase, healthy []healthyVolume, versions, machine string) error {
	var b strings.Builder
	fmt.Fprintf(&b, `# Measured beside others

What salvor brings back, beside the programs that people use for it, on media whose every file is known by its SHA-256.
bench/README.md says how to run it again.

## At a glance

"With path" wants the file's bytes under its own folder and name.

| case | files | best of the others | to reach | salvor, exact | with path | false | reached |
|---|---:|---|---|---:|---:|---:|---|
`)
	for _, g := range goals {
		i := slices.IndexFunc(cases, func(c theCase) bool { return c.id == g.id })
		if i < 0 {
			continue
		}
		c := cases[i]
		s, n := c.scores["salvor"], c.of(g.state)
		tool, best := c.best(g.state)
		title, path := c.title, share(s.named[g.state], n)
		if strings.HasSuffix(g.state, "streams") {
			title, path = title+" (streams)", "-"
		}
		fmt.Fprintf(&b, "| %s | %d | %s %d | %s | %s | %s | %d | %s |\n", title, n, cmp.Or(tool, "none"), best, g.words,
			share(s.exact[g.state], n), path, s.false(), yes(g.reached(c)))
	}
	if len(healthy) > 0 {
		b.WriteString("\n| listing and reading a healthy volume | files | tsk_recover, s | to reach | salvor, s | share | reached |\n|---|---:|---:|---|---:|---:|---|\n")
	}
	for _, h := range healthy {
		fmt.Fprintf(&b, "| %s | %d | %.2f | half its time | %.2f | %s | %s |\n", h.Kind, h.Files, h.Other, h.Salvor, ratio(h.Salvor, h.Other),
			yes(h.Exact == h.Files && h.Other > 0 && h.Salvor <= fast*h.Other))
	}
	falseProven, proven, consistent, of := worst(cases)
	fmt.Fprintf(&b, "\nOver all these volumes, %d of %d files that salvor calls Proven and %d of %d that it calls Consistent are not the bytes of a known file or part of one, or not under their path.\n",
		falseProven, proven, consistent, of)
	b.WriteString("\nWhere others are better:\n\n" + losses(cases))
	fmt.Fprintf(&b, `
## Machine and method

%s. %s.

Each program is run in turns with the others, in rounds; times are medians, images are in the page cache, outputs go to memory. Each runs under a
limit of time and of what it may write. Sections that say so were measured on another day or with one run. On a machine that does
other work too, seconds say little and only ratios are worth reading.
`, machine, versions)
	b.WriteString("\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// losses says in sentences where a program is better than salvor. One that brings back less than half as much is
// not named for being quick or for writing few false files.
func losses(cases []theCase) string {
	var b strings.Builder
	for _, tool := range programs[1:] {
		var more, quicker, smaller, fewer []string
		var ratios []float64
		ran := 0
		for _, c := range cases {
			t, did := c.times[tool]
			if !did {
				continue
			}
			ran++
			s, ours := c.scores[tool], c.scores["salvor"]
			for _, state := range c.truth.states() {
				if s.exact[state] > ours.exact[state] {
					more = append(more, fmt.Sprintf("%s, %s: %d against %d", c.title, state, s.exact[state], ours.exact[state]))
				}
			}
			if 2*s.all() < ours.all() {
				continue
			}
			if t.seconds < c.times["salvor"].seconds {
				quicker = append(quicker, c.title)
				ratios = append(ratios, t.seconds/c.times["salvor"].seconds)
			}
			if t.peak < c.times["salvor"].peak {
				smaller = append(smaller, c.title)
			}
			if s.false() < ours.false() {
				fewer = append(fewer, fmt.Sprintf("%s: %d against %d", c.title, s.false(), ours.false()))
			}
		}
		say := func(list []string, format string, args ...any) {
			if len(list) > 0 {
				fmt.Fprintf(&b, "- **%s** "+format+".\n", append([]any{tool}, args...)...)
			}
		}
		say(more, "brings back more (%s)", strings.Join(more, "; "))
		say(fewer, "writes fewer false files (%s)", strings.Join(fewer, "; "))
		if len(quicker) > 0 {
			say(quicker, "is quicker on %d of %d volumes, %.2f of salvor's time in the middle (a rescue also hashes, judges, carves and reports)", len(quicker), ran, median(ratios))
		}
		say(smaller, "takes less memory on %d of %d volumes", len(smaller), ran)
	}
	if b.Len() == 0 {
		return "- nowhere in these tables.\n"
	}
	return b.String()
}

func yes(ok bool) string {
	if ok {
		return "yes"
	}
	return "**no**"
}

// check holds what may never fail, however small the volumes and busy the machine.
func check(cases []theCase, healthy []healthyVolume) error {
	var errs []error
	for _, c := range cases {
		s := c.scores["salvor"]
		if s.falseProven > 0 {
			errs = append(errs, fmt.Errorf("%s: %d files are called Proven and are none: %v", c.id, s.falseProven, s.notes))
		}
		if n := c.of("live"); s.exact["live"] < n && !strings.Contains(c.id, "first64") {
			errs = append(errs, fmt.Errorf("%s: %d of %d live files", c.id, s.exact["live"], n))
		}
		if c.times["salvor"].failed > 0 {
			errs = append(errs, fmt.Errorf("%s: salvor ended with %d", c.id, c.times["salvor"].code))
		}
	}
	for _, h := range healthy {
		if h.Exact != h.Files {
			errs = append(errs, fmt.Errorf("%s: %d of %d files of a healthy volume", h.Kind, h.Exact, h.Files))
		}
	}
	return errors.Join(errs...)
}
