// Command score holds what recovery programs saved against the truth about a disk, and writes the table.
//
//	score [-carve [-v]] [-runs N] [-versions TEXT] [-machine TEXT] [-into FILE] IMAGE=RUN...
//	score -cases [-pool FOLDER] [-read FILE] [-gate] [-into FILE] ID=IMAGE=RUN...
//	score -sections -into FILE SECTIONS...
//
// IMAGE.truth.json says what stands on IMAGE. RUN is a folder with one folder of saved files for each program,
// and the file times: a line "program seconds peak-KiB exit-code" for each run. With -carve the tables are those of
// carving, where no file has a name. With -cases they are those of single volumes, and the table of what is to be reached
// stands before them; FOLDER has the contents of files by their SHA-256, and FILE the measures of bench/read. With -into the
// sections take the place of those with the same titles in FILE, and all else in it is kept. With -gate the code is 1 when salvor
// missed what it must never miss: a live file of a healthy volume, or a file called Proven that is none.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// tools are the programs in the order of the table; ratios are about the first.
var tools = []string{"salvor", "tsk_recover", "photorec"}

func main() {
	runs := flag.Int("runs", 3, "rounds that were measured")
	versions := flag.String("versions", "", "versions of the programs")
	machine := flag.String("machine", "", "what it ran on")
	carve := flag.Bool("carve", false, "write the section about carving")
	verbose := flag.Bool("v", false, "with -carve, list what was not had")
	isCases := flag.Bool("cases", false, "write the sections about single volumes")
	pool := flag.String("pool", "", "with -cases, the folder of known contents")
	read := flag.String("read", "", "with -cases, the measures of bench/read")
	gate := flag.Bool("gate", false, "with -cases, fail when what must hold does not")
	sections := flag.Bool("sections", false, "only put the sections in the named files into the document")
	into := flag.String("into", "", "the document that the sections are put into; standard output without it")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: score [-carve [-v] | -cases] [options] IMAGE=RUN...")
		os.Exit(2)
	}
	var out strings.Builder
	var err error
	switch {
	case *carve:
		err = carvingReport(&out, *versions, *machine, *verbose, flag.Args())
	case *sections:
		for _, path := range flag.Args() {
			raw, readErr := os.ReadFile(path)
			out.Write(raw)
			err = errors.Join(err, readErr)
		}
	case *isCases:
		err = volumes(&out, *pool, *read, *versions, *machine, *runs, *gate, flag.Args())
	default:
		err = report(&out, *runs, *versions, *machine, flag.Args())
	}
	if out.Len() > 0 {
		err = errors.Join(deliver(*into, out.String()), err)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "score:", err)
		os.Exit(1)
	}
}

// deliver prints sections, or puts them into a document.
func deliver(into, sections string) error {
	if into == "" {
		_, err := io.WriteString(os.Stdout, sections)
		return err
	}
	doc, err := os.ReadFile(into)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	return os.WriteFile(into, []byte(order(splice(string(doc), sections), front)), 0o666)
}

// volumes writes the sections about single volumes, and checks what must hold.
func volumes(w io.Writer, pool, read, versions, machine string, runs int, gate bool, args []string) error {
	cases, err := readCases(args, pool)
	if err != nil {
		return err
	}
	healthy, err := readHealthy(read)
	if err != nil {
		return err
	}
	if err := glance(w, cases, healthy, versions, machine); err != nil {
		return err
	}
	if err := casesReport(w, cases, runs); err != nil || !gate {
		return err
	}
	return check(cases, healthy)
}

// disk is one image with what each program made of it.
type disk struct {
	name   string
	truth  *truth
	scores map[string]score
	times  map[string]timing
}

func report(w io.Writer, runs int, versions, machine string, args []string) error {
	var disks []disk
	for _, arg := range args {
		image, run, ok := strings.Cut(arg, "=")
		if !ok {
			return fmt.Errorf("%q is not IMAGE=RUN", arg)
		}
		d := disk{name: filepath.Base(image), scores: map[string]score{}}
		var err error
		if d.truth, err = readTruth(image, truthOf(image), ""); err != nil {
			return err
		}
		if d.times, err = readTimes(filepath.Join(run, "times")); err != nil {
			return err
		}
		for _, tool := range tools {
			if d.scores[tool], err = d.truth.score(filepath.Join(run, tool)); err != nil {
				return fmt.Errorf("%s: %w", tool, err)
			}
		}
		disks = append(disks, d)
	}
	return write(w, runs, versions, machine, disks)
}

func write(w io.Writer, runs int, versions, machine string, disks []disk) error {
	var b strings.Builder
	fmt.Fprintf(&b, `## Whole disks

Partitions with ext4 and FAT32, and files in space that nothing names. Every file is known by its SHA-256. A file is **exact** when one of the files that a program saved
has the same bytes, and **with path** when it also stands under its path. A **part** is a verbatim piece of one known file (an
embedded picture, a beginning that breaks off, a file with zeros where something is missing); **padded** is a whole known file
with bytes behind it. Everything else that was saved is **false**: bytes that no file ever had. Programs that say of
a file that it is damaged are given credit: "not said" counts the false files without those. A **false Proven** is a file that salvor calls
proven and whose bytes are not those of a known file (or, under a path, not those of that path); **proven parts** are called proven
and are a verbatim piece of a known file.

    bench/image.sh IMAGE [MIB]
    bench/run.sh disks IMAGE...

%s. %s. Medians of the alternated rounds (%d), images in the page cache; the options of
the others are in bench/run.sh. tsk_recover was told where the volumes begin, and saves neither what carving finds nor hashes or a report;
PhotoRec saves no names.
`, machine, versions, runs)
	for _, d := range disks {
		n := d.truth.counts()
		fmt.Fprintf(&b, "\n### %s: %d MiB\n\n%d files can be had: %d live, %d deleted, %d in unallocated space. %d more are not whole any more.\n\n",
			d.name, d.truth.Size>>20, n["live"]+n["deleted"]+n["unallocated"], n["live"], n["deleted"], n["unallocated"], n["lost"])
		row(&b, "", func(tool string) string { return tool })
		b.WriteString("|---|" + strings.Repeat("---:|", len(tools)) + "\n")
		of := func(name, state string) {
			row(&b, name, func(t string) string { return share(d.scores[t].exact[state], n[state]) })
		}
		of("live, exact", "live")
		of("deleted, exact", "deleted")
		of("unallocated, exact", "unallocated")
		row(&b, "all, exact", func(t string) string {
			s := d.scores[t].exact
			return share(s["live"]+s["deleted"]+s["unallocated"], n["live"]+n["deleted"]+n["unallocated"])
		})
		row(&b, "live and deleted, exact with path", func(t string) string { return share(d.scores[t].withPath, n["live"]+n["deleted"]) })
		row(&b, "files saved", func(t string) string { return fmt.Sprint(d.scores[t].saved) })
		row(&b, "parts", func(t string) string { return fmt.Sprint(d.scores[t].parts) })
		row(&b, "padded", func(t string) string { return fmt.Sprint(d.scores[t].padded) })
		row(&b, "false", func(t string) string { return fmt.Sprint(d.scores[t].wrong) })
		row(&b, "false, and not said", func(t string) string { return fmt.Sprint(d.scores[t].wrong - d.scores[t].wrongSaid) })
		row(&b, "false Proven", func(t string) string { return proven(d.scores[t], d.scores[t].falseProven) })
		row(&b, "proven parts", func(t string) string { return proven(d.scores[t], d.scores[t].provenParts) })
		row(&b, "proven", func(t string) string { return proven(d.scores[t], d.scores[t].proven) })
		row(&b, "seconds", func(t string) string { return fmt.Sprintf("%.2f", d.times[t].seconds) })
		row(&b, "seconds, salvor = 1", func(t string) string {
			return fmt.Sprintf("%.2f", d.times[t].seconds/d.times[tools[0]].seconds)
		})
		row(&b, "peak memory, MiB", func(t string) string { return fmt.Sprintf("%.0f", d.times[t].peak) })
		row(&b, "runs that failed", func(t string) string { return fmt.Sprint(d.times[t].failed) })
		for _, t := range tools {
			if s := d.scores[t]; len(s.notes) > 0 {
				fmt.Fprintf(&b, "\nFalse Proven of %s:\n\n", t)
				for _, note := range s.notes[:min(len(s.notes), 20)] {
					fmt.Fprintf(&b, "- %s\n", note)
				}
			}
			if s := d.scores[t]; len(s.missed) > 0 && t == tools[0] {
				fmt.Fprintf(&b, "\nNot had by %s, by state and kind: %s.\n", t, list(s.missed))
			}
		}
	}
	if len(disks) > 1 {
		b.WriteString("\n### Memory and the size of the disk\n\n| disk, MiB | files | peak memory of salvor, MiB |\n|---:|---:|---:|\n")
		for _, d := range disks {
			fmt.Fprintf(&b, "| %d | %d | %.0f |\n", d.truth.Size>>20, len(d.truth.Files), d.times[tools[0]].peak)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func row(b *strings.Builder, name string, cell func(tool string) string) {
	b.WriteString("| " + name + " |")
	for _, t := range tools {
		b.WriteString(" " + cell(t) + " |")
	}
	b.WriteString("\n")
}

func share(n, of int) string {
	if of == 0 {
		return "–"
	}
	return fmt.Sprintf("%d (%.1f %%)", n, 100*float64(n)/float64(of))
}

func proven(s score, n int) string {
	if !s.judges {
		return "–"
	}
	return fmt.Sprint(n)
}

func list(m map[string]int) string {
	var out []string
	for k, n := range m {
		out = append(out, fmt.Sprintf("%s %d", k, n))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// readReport gives the verdict, the way of finding and the path of each file that a case of salvor saved, by
// its name in the case; nil when dir is no case.
func readReport(dir string) (map[string]said, error) {
	raw, err := os.ReadFile(filepath.Join(dir, "report.json"))
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var r struct {
		Files []struct {
			said
			Save    string `json:"save"`
			SavedAs string `json:"saved_as"`
		} `json:"files"`
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return nil, fmt.Errorf("report.json: %w", err)
	}
	out := map[string]said{}
	for _, f := range r.Files {
		if f.SavedAs != "" {
			out[filepath.FromSlash(f.SavedAs)] = f.said
		}
	}
	return out, nil
}

// said is what salvor said of a file.
type said struct {
	Verdict string `json:"verdict"`
	Origin  string `json:"origin"`
	Path    string `json:"path"`
	State   string `json:"state"`
	Stream  string `json:"stream"`
}
