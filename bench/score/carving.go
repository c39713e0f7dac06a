package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// carvers are the programs in the order of the tables about carving.
var carvers = []string{"salvor", "photorec", "foremost", "scalpel"}

// carveStates are the states of files that can be had, in the order of the tables.
var carveStates = []struct{ state, words string }{
	{"whole", "in one piece"}, {"two", "in two pieces"}, {"more", "in more pieces"}, {"order", "in pieces out of order"},
}

// substantial is how much of a cut file must be sure for a program to save it, in bytes: less is of no use to anybody.
const substantial = 4 << 10

// carving is what one program made of one image.
type carving struct {
	exact         map[string]int    // by state
	kinds         map[string][2]int // by type: exact in one piece, exact in several
	saved, padded int
	parts         int
	blurred       int // the beginning of a file, then other bytes
	wrong         int
	wrongKinds    map[string]int // by extension
	judges        bool
	proven        int
	falseProven   int // Proven, and no known file's bytes
	falseWhole    int // Proven or Consistent, and no known file, or one with other bytes in it
	cutRight      int // cut files told Partial or Damaged, that end behind their last whole unit and not behind the cut
	cutVoid       int // cut files without a whole unit worth saving, not saved
	cutWhole      int // cut files told Proven or Consistent
	verdicts      map[string]map[string]int
	notes         []string
	missed        []string
}

// carving holds what a program saved in dir against t.
func (t *truth) carving(dir string) (carving, error) {
	c := carving{exact: map[string]int{}, kinds: map[string][2]int{}, wrongKinds: map[string]int{}, verdicts: map[string]map[string]int{}}
	report, err := readReport(dir)
	if err != nil {
		return c, err
	}
	c.judges = report != nil
	found, cut := map[int]bool{}, map[int]bool{}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil || own(rel) || filepath.Base(rel) == "audit.txt" {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil || len(b) == 0 {
			return err
		}
		c.saved++
		word := report[rel].Verdict
		like, i := t.compare(b)
		cutAt := t.cutAt(b)
		if cutAt >= 0 && (word == "proven" || word == "consistent") && !(like == exact && t.Files[i].Recoverable) {
			c.cutWhole++
			c.notes = append(c.notes, fmt.Sprintf("cut and told %s: `%s` of %s", word, rel, t.Files[cutAt].Origin))
		}
		if cutAt >= 0 && bytes.HasPrefix(t.of(cutAt), b) && int64(len(b)) >= t.Files[cutAt].Least && (word == "partial" || word == "damaged") {
			cut[cutAt] = true
		}
		switch like {
		case exact:
			found[i] = true
		case part:
			c.parts++
		case padded:
			c.padded++
			if word == "proven" || word == "consistent" {
				c.falseWhole++
				c.notes = append(c.notes, fmt.Sprintf("padded and told %s: `%s`", word, rel))
			}
		case wrong:
			if t.begins(b) {
				c.blurred++
				if word == "proven" || word == "consistent" {
					c.falseWhole++
					c.notes = append(c.notes, fmt.Sprintf("other bytes behind the beginning, and told %s: `%s`", word, rel))
				}
				break
			}
			c.wrong++
			c.wrongKinds[strings.TrimPrefix(filepath.Ext(rel), ".")]++
			if word == "proven" || word == "consistent" {
				c.falseWhole++
				c.notes = append(c.notes, fmt.Sprintf("false and told %s: `%s`", word, rel))
			} else if word != "" {
				c.notes = append(c.notes, fmt.Sprintf("false, told %s: `%s`, %d bytes", word, rel, len(b)))
			}
		}
		if word == "proven" {
			c.proven++
			if like == wrong || like == padded {
				c.falseProven++
				c.notes = append(c.notes, fmt.Sprintf("FALSE PROVEN: `%s`", rel))
			}
		}
		return nil
	})
	for i, f := range t.Files {
		if f.Recoverable && found[i] {
			c.exact[f.State]++
			k := c.kinds[f.Type]
			k[pieces(f.State)]++
			c.kinds[f.Type] = k
		} else if f.Recoverable {
			c.missed = append(c.missed, fmt.Sprintf("%s %s at %#x", f.State, f.Origin, f.Runs[0][0]))
		}
		switch {
		case f.State != "cut":
		case f.Least < substantial && !cut[i]:
			c.cutVoid++
		case cut[i]:
			c.cutRight++
		default:
			c.missed = append(c.missed, fmt.Sprintf("cut %s at %#x, %d of %d bytes, of which %d are whole units", f.Origin, f.Runs[0][0], f.Size, f.Full, f.Least))
		}
	}
	return c, err
}

// pieces returns 0 for a file in one piece and 1 for one in several.
func pieces(state string) int {
	if state == "whole" {
		return 0
	}
	return 1
}

// cutAt returns the file that is cut and that b begins as; -1 for none.
func (t *truth) cutAt(b []byte) int {
	for i, f := range t.Files {
		if f.State == "cut" && len(b) >= sector && bytes.HasPrefix(t.of(i), b[:sector]) {
			return i
		}
	}
	return -1
}

// begins reports whether at least the first half of b is the beginning of a known file.
func (t *truth) begins(b []byte) bool {
	half := b[:(len(b)+1)/2]
	for i := range t.Files {
		if bytes.HasPrefix(t.of(i), half) {
			return true
		}
	}
	return false
}

// carvingReport writes the section about carving: one table for each image, and one by type.
func carvingReport(w io.Writer, versions, machine string, verbose bool, args []string) error {
	var b strings.Builder
	fmt.Fprintf(&b, `## Carving

Images with no file system: every file is known by its SHA-256 and the places of its pieces, and stands among other files, noise and
zeros. A file is **exact** when one of the outputs has its very bytes. **Parts** are verbatim pieces of one file; **padded** is a whole file
with bytes behind it; **begun** is at least half the beginning of a file, with other bytes behind it; **false** is every other output. A cut file is
**told right** when its output is called partial or damaged, has no byte behind the cut, and all of its whole units: members, chunks, blocks, objects or
mails, and in streams all but the last %d KiB. One without a whole unit of %d KiB is counted apart. **Told whole** counts every output called
whole that is not, whatever else it is.

    bench/carve/run.sh [SEED]

%s. %s. Images in memory; the options of the others are in bench/carve/run.sh.
`, 64, substantial>>10, machine, versions)
	for _, arg := range args {
		image, run, ok := strings.Cut(arg, "=")
		if !ok {
			return fmt.Errorf("%q is not IMAGE=RUN", arg)
		}
		t, err := readTruth(image, image+".truth.json", "")
		if err != nil {
			return err
		}
		times, err := readTimes(filepath.Join(run, "times"))
		if err != nil {
			return err
		}
		results := map[string]carving{}
		var ran []string
		for _, tool := range carvers {
			if _, ok := times[tool]; !ok {
				continue
			}
			if results[tool], err = t.carving(filepath.Join(run, tool)); err != nil {
				return fmt.Errorf("%s: %w", tool, err)
			}
			ran = append(ran, tool)
		}
		t.carvingTables(&b, filepath.Base(image), ran, results, times)
		for _, tool := range ran {
			c := results[tool]
			list := c.notes
			if verbose {
				list = append(list, c.missed...)
			}
			if tool == carvers[0] && len(list) > 0 {
				slices.Sort(list)
				fmt.Fprintf(&b, "\nOf %s:\n\n- %s\n", tool, strings.Join(list, "\n- "))
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// carvingTables writes the two tables of one image.
func (t *truth) carvingTables(b *strings.Builder, name string, ran []string, results map[string]carving, times map[string]timing) {
	n := map[string]int{}
	kinds := map[string][2]int{}
	for _, f := range t.Files {
		n[f.State]++
		if f.Recoverable {
			k := kinds[f.Type]
			k[pieces(f.State)]++
			kinds[f.Type] = k
		}
	}
	line := func(name string, cell func(c carving, tool string) string) {
		b.WriteString("| " + name + " |")
		for _, tool := range ran {
			b.WriteString(" " + cell(results[tool], tool) + " |")
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(b, "\n### %s: %d MiB, %d files\n\n", name, t.Size>>20, len(t.Files))
	b.WriteString("| | " + strings.Join(ran, " | ") + " |\n|---|" + strings.Repeat("---:|", len(ran)) + "\n")
	for _, s := range carveStates {
		if n[s.state] > 0 {
			line(fmt.Sprintf("%s, exact of %d", s.words, n[s.state]), func(c carving, _ string) string { return share(c.exact[s.state], n[s.state]) })
		}
	}
	judged := func(c carving, n int) string {
		if !c.judges {
			return "–"
		}
		return fmt.Sprint(n)
	}
	line(fmt.Sprintf("cut, told right of %d", n["cut"]), func(c carving, _ string) string { return judged(c, c.cutRight) })
	line("cut, nothing whole in it", func(c carving, _ string) string { return judged(c, c.cutVoid) })
	line("cut, told whole", func(c carving, _ string) string { return judged(c, c.cutWhole) })
	line("outputs", func(c carving, _ string) string { return fmt.Sprint(c.saved) })
	line("parts", func(c carving, _ string) string { return fmt.Sprint(c.parts) })
	line("padded", func(c carving, _ string) string { return fmt.Sprint(c.padded) })
	line("begun", func(c carving, _ string) string { return fmt.Sprint(c.blurred) })
	line("false", func(c carving, _ string) string { return fmt.Sprint(c.wrong) })
	line("false, told whole", func(c carving, _ string) string { return judged(c, c.falseWhole) })
	line("proven", func(c carving, _ string) string { return judged(c, c.proven) })
	line("false Proven", func(c carving, _ string) string { return judged(c, c.falseProven) })
	line("seconds", func(_ carving, tool string) string { return fmt.Sprintf("%.1f", times[tool].seconds) })
	line("peak memory, MiB", func(_ carving, tool string) string { return fmt.Sprintf("%.0f", times[tool].peak) })
	line("runs that failed", func(_ carving, tool string) string { return fmt.Sprint(times[tool].failed) })

	b.WriteString("\nExact by type: in one piece + in several.\n\n| type | files | " + strings.Join(ran, " | ") + " |\n|---|---:|" + strings.Repeat("---:|", len(ran)) + "\n")
	var names []string
	for k := range kinds {
		names = append(names, k)
	}
	slices.Sort(names)
	for _, k := range names {
		fmt.Fprintf(b, "| %s | %d + %d |", k, kinds[k][0], kinds[k][1])
		for _, tool := range ran {
			fmt.Fprintf(b, " %d + %d |", results[tool].kinds[k][0], results[tool].kinds[k][1])
		}
		b.WriteString("\n")
	}
}
