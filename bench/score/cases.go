package main

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
)

// programs are the tools of the tables of volumes in their order; the ones that were run have a column.
var programs = []string{"salvor", "tsk_recover", "e2fsck", "ext4magic", "extundelete", "ntfsundelete", "testdisk", "photorec", "foremost", "scalpel"}

// theCase is a volume with what each program made of it.
type theCase struct {
	id, title string
	disk
}

// false counts all that is neither a known file nor part of one: whole files with bytes behind them too.
func (s score) false() int { return s.wrong + s.padded }

func (s score) all() (n int) {
	for _, x := range s.exact {
		n += x
	}
	return n
}

// readCases reads arguments of the form "ID=IMAGE=RUN".
func readCases(args []string, pool string) ([]theCase, error) {
	var out []theCase
	for _, arg := range args {
		p := strings.Split(arg, "=")
		if len(p) != 3 {
			return nil, fmt.Errorf("%q is not ID=IMAGE=RUN", arg)
		}
		c := theCase{id: p[0], title: cmp.Or(titles[p[0]], p[0]), disk: disk{name: filepath.Base(p[1]), scores: map[string]score{}}}
		var err error
		if c.truth, err = readTruth(p[1], truthOf(p[1]), pool); err != nil {
			return nil, err
		}
		if c.times, err = readTimes(filepath.Join(p[2], "times")); err != nil {
			return nil, err
		}
		for tool := range c.times {
			if c.scores[tool], err = c.truth.score(filepath.Join(p[2], tool)); err != nil {
				return nil, fmt.Errorf("%s: %w", tool, err)
			}
		}
		out = append(out, c)
	}
	return out, nil
}

// tools returns the programs that were run on c.
func (c theCase) tools() []string {
	return slices.DeleteFunc(slices.Clone(programs), func(t string) bool { _, ran := c.times[t]; return !ran })
}

// of counts the files of a state that can be had.
func (c theCase) of(state string) int { return c.truth.counts()[state] }

func casesReport(w io.Writer, cases []theCase, runs int) error {
	var b strings.Builder
	fmt.Fprintf(&b, `## Deleted files and damaged volumes

    bench/run.sh cases

One volume each, rescued whole. **False** is every saved file that is neither a known file nor a part of one, padded ones too; "not said"
leaves out those that the program itself calls damaged or partial. Files that are the volume's own structures ($MFT and the like) are not counted. "-" is
a program that gives no verdicts. A code behind "failed" is how the program ended: 124 stopped after the time, 125 after the
size, 139 and 134 a crash; what it had saved until then counts. On volumes whose start was overwritten, files that stood there come
back under their names with other bytes, since nothing tells that they were overwritten: these count as false, and salvor calls none of them
whole or looking whole. Rounds: %d.
`, runs)
	for _, c := range cases {
		c.table(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (c theCase) table(b *strings.Builder) {
	tools := c.tools()
	line := func(name string, cell func(s score, t timing) string) {
		b.WriteString("| " + name + " |")
		for _, tool := range tools {
			b.WriteString(" " + cell(c.scores[tool], c.times[tool]) + " |")
		}
		b.WriteString("\n")
	}
	number := func(name string, of func(s score) int) {
		line(name, func(s score, _ timing) string { return fmt.Sprint(of(s)) })
	}
	judged := func(name string, of func(s score) int) {
		line(name, func(s score, _ timing) string {
			if !s.judges {
				return "-"
			}
			return fmt.Sprint(of(s))
		})
	}
	fmt.Fprintf(b, "\n### %s\n\n|  | %s |\n|---|%s\n", c.title, strings.Join(tools, " | "), strings.Repeat("---:|", len(tools)))
	for _, state := range c.truth.states() {
		line(fmt.Sprintf("%s, exact, of %d", state, c.of(state)), func(s score, _ timing) string { return fmt.Sprint(s.exact[state]) })
		if !strings.HasSuffix(state, "streams") {
			line(state+", exact with path", func(s score, _ timing) string { return fmt.Sprint(s.named[state]) })
		}
	}
	number("files saved", func(s score) int { return s.saved })
	number("parts", func(s score) int { return s.parts })
	number("false", score.false)
	number("false, and not said", func(s score) int { return s.false() - s.wrongSaid - s.paddedSaid })
	judged("false Proven", func(s score) int { return s.falseProven })
	judged("false Consistent", func(s score) int { return s.falseConsistent })
	judged("Proven", func(s score) int { return s.proven })
	judged("Consistent", func(s score) int { return s.consistent })
	line("seconds", func(_ score, t timing) string { return fmt.Sprintf("%.2f", t.seconds) })
	line("seconds, salvor = 1", func(_ score, t timing) string { return ratio(t.seconds, c.times["salvor"].seconds) })
	line("processor, seconds", func(_ score, t timing) string { return fmt.Sprintf("%.2f", t.work) })
	line("peak memory, MiB", func(_ score, t timing) string { return fmt.Sprintf("%.0f", t.peak) })
	line("rounds that failed", func(_ score, t timing) string {
		if t.failed == 0 {
			return "0"
		}
		return fmt.Sprintf("%d (%d)", t.failed, t.code)
	})
	for _, tool := range tools {
		for _, note := range c.scores[tool].notes {
			fmt.Fprintf(b, "\nFALSE PROVEN of %s: %s\n", tool, note)
		}
	}
	if s := c.scores["salvor"]; len(s.missed) > 0 {
		fmt.Fprintf(b, "\nNot had by salvor, by state and kind: %s.\n", list(s.missed))
	}
}

func ratio(a, b float64) string {
	if b == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", a/b)
}

// worst returns what must never be: files called Proven that are none, over all cases.
func worst(cases []theCase) (falseProven, proven, falseConsistent, consistent int) {
	for _, c := range cases {
		s := c.scores["salvor"]
		falseProven += s.falseProven
		proven += s.proven
		falseConsistent += s.falseConsistent
		consistent += s.consistent
	}
	return falseProven, proven, falseConsistent, consistent
}
