// Command firmware measures what is done with update packages and flash images.
//
//	firmware [-quick] [-size MIB] [-rounds N] [-salvor PROGRAM] [-work FOLDER] [sweep|look|check|speed...]
//
//	sweep   what looking for firmware adds to the one sweep over a medium
//	look    salvor look on dumps whose parts are known, beside binwalk
//	check   salvor check on good and damaged files of each format, beside the makers' tools
//	speed   salvor check beside sha256sum
//
// Without a name it does all. It ends with 1 when a good file is called bad, a damaged one OK, or a part is listed that is not
// there. -quick takes small files, few of them, and no other program.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	quick := flag.Bool("quick", false, "small files and few of them, without other programs")
	alone := flag.Bool("alone", false, "salvor look alone, without binwalk")
	size := flag.Int("size", 64, "MiB of each kind of bytes that are swept and looked at")
	rounds := flag.Int("rounds", 9, "rounds of the sweep and of the speed of check; look runs once")
	salvor := flag.String("salvor", "", "a built program; one is built without it")
	work := flag.String("work", "", "folder for what is made")
	only := flag.String("only", "", "formats of the matrix whose names hold this")
	flag.Parse()
	dir, err := os.MkdirTemp(*work, "firmware.")
	if err == nil {
		defer os.RemoveAll(dir)
		err = run(os.Stdout, bench{dir: dir, quick: *quick, alone: *alone, size: *size * mebi, rounds: *rounds, salvor: *salvor, only: *only, parts: flag.Args()})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "firmware:", err)
		os.RemoveAll(dir)
		os.Exit(1)
	}
}

// bench says what is measured.
type bench struct {
	dir, salvor, only string
	quick, alone      bool
	size, rounds      int
	parts             []string
}

func (b *bench) wants(part string) bool { return len(b.parts) == 0 || slices.Contains(b.parts, part) }

func run(out io.Writer, b bench) error {
	w, err := newWorkshop(filepath.Join(b.dir, "work"))
	if err != nil {
		return err
	}
	if b.salvor == "" {
		b.salvor = filepath.Join(b.dir, "salvor")
		if said, err := exec.Command("go", "build", "-o", b.salvor, "salvor/cmd/salvor").CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, said)
		}
	}
	flips, cuts := 64, 40
	if b.quick {
		b.size, b.rounds, flips, cuts = min(b.size, mebi), 3, 12, 8
	}
	var bad []string
	if b.wants("sweep") {
		dumps, err := w.dumps(mebi, true)
		if err != nil {
			return err
		}
		fmt.Fprint(out, "\n### What looking for firmware adds to the sweep\n\n")
		worst, err := measureSweep(out, b.size, b.rounds, dumps[0].data)
		if err != nil {
			return err
		}
		if worst > 0.5 { // time is no reason to fail but for this much
			bad = append(bad, fmt.Sprintf("looking for firmware adds %.0f %% to the sweep", 100*worst))
		}
	}
	if b.wants("look") {
		fmt.Fprint(out, "\n### What salvor look lists\n\n")
		told, err := w.measureLook(out, b.salvor, b.size, !b.quick && !b.alone)
		if err != nil {
			return err
		}
		bad = append(bad, told...)
	}
	if b.wants("check") {
		told, err := w.measureAll(out, b, flips, cuts)
		if err != nil {
			return err
		}
		bad = append(bad, told...)
	}
	if b.wants("speed") && !b.quick {
		fmt.Fprint(out, "\n### How long salvor check takes\n\n")
		if err := w.measureSpeed(out, b.salvor, b.rounds); err != nil {
			return err
		}
	}
	if len(bad) > 0 {
		return fmt.Errorf("%d that must not be:\n%s", len(bad), strings.Join(bad, "\n"))
	}
	return nil
}

// measureAll writes the matrix, and returns what must not be.
func (w *workshop) measureAll(out io.Writer, b bench, flips, cuts int) (bad []string, err error) {
	var rows []row
	for _, r := range recipes() {
		if b.quick && !r.quick || !strings.Contains(r.name, b.only) || !r.here() {
			continue
		}
		x, err := w.measure(r, flips, cuts, !b.quick)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
		rows, bad = append(rows, x), append(bad, x.problems...)
	}
	writeMatrix(out, rows)
	told, err := w.whole(out)
	return append(bad, told...), err
}
