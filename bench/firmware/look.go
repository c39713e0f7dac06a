package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// armProgram builds the Go tool gofmt for ARM: machine code that no one here wrote for this.
func armProgram() []byte {
	dir, err := os.MkdirTemp("", "arm")
	if err != nil {
		return nil
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "program")
	cmd := exec.Command("go", "build", "-o", out, "cmd/gofmt")
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm", "CGO_ENABLED=0")
	if cmd.Run() != nil {
		return nil
	}
	p, _ := os.ReadFile(out)
	return p
}

// line is what a program lists.
type line struct {
	at, size int
	format   string // salvor's name, or binwalk's description in lower case
}

// looker is a program that lists what stands in a dump.
type looker struct {
	name string
	run  func(path string) ([]line, error)
	fits func(p part, l line) bool
}

func lookers(salvor string) []looker {
	out := []looker{{"salvor look", func(path string) ([]line, error) { return bySalvor(salvor, path) }, func(p part, l line) bool { return l.format == p.format }}}
	if has("binwalk") {
		out = append(out, looker{"binwalk", byBinwalk, func(p part, l line) bool { return strings.Contains(l.format, strings.ToLower(p.binary)) }})
	}
	return out
}

func bySalvor(salvor, path string) (out []line, err error) {
	text, err := exec.Command(salvor, "look", path, "--json").Output()
	var exit *exec.ExitError
	if err != nil && !(asExit(err, &exit) && exit.ExitCode() == 10) {
		return nil, fmt.Errorf("salvor look: %w", err)
	}
	for l := range bytes.Lines(text) {
		var x struct {
			Type, Format string
			Offset, Size int
		}
		if err := json.Unmarshal(l, &x); err != nil {
			return nil, err
		}
		if x.Type == "image" {
			out = append(out, line{x.Offset, x.Size, x.Format})
		}
	}
	return out, nil
}

func asExit(err error, exit **exec.ExitError) (ok bool) {
	*exit, ok = err.(*exec.ExitError)
	return ok
}

var sizes = regexp.MustCompile(`(?:image size|total size|size): (\d+)`)

func byBinwalk(path string) (out []line, err error) {
	text, err := exec.Command("binwalk", path).Output()
	if err != nil {
		return nil, fmt.Errorf("binwalk: %w", err)
	}
	for l := range strings.Lines(string(text)) {
		f := strings.Fields(l)
		if len(f) < 3 {
			continue
		}
		at, err := strconv.Atoi(f[0])
		if err != nil {
			continue
		}
		x := line{at: at, format: strings.ToLower(strings.Join(f[2:], " "))}
		for _, m := range sizes.FindAllStringSubmatch(x.format, -1) {
			n, _ := strconv.Atoi(m[1])
			x.size = max(x.size, n)
		}
		out = append(out, x)
	}
	return out, nil
}

// looked is what came of one program on one dump.
type looked struct {
	found, sized, inside, false int
	wrong                       []line
}

// judge counts the lines: a part is found when a line of its kind stands at its place. Lines inside of a part, such as packed
// streams in a file system, are neither right nor false; all others are false.
func judge(d dump, lines []line, fits func(part, line) bool) (x looked) {
	for _, p := range d.parts {
		for _, l := range lines {
			if l.at == p.at && fits(p, l) {
				x.found++
				if p.size > 0 && (l.size == p.size || p.format == "uimage" && l.size == p.size-64) { // binwalk tells what is behind the header
					x.sized++
				}
				break
			}
		}
	}
	for _, l := range lines {
		i := slices.IndexFunc(d.parts, func(p part) bool { return p.at == l.at && fits(p, l) })
		in := slices.ContainsFunc(d.parts, func(p part) bool { return l.at >= p.at && l.at < p.at+p.length })
		switch {
		case i >= 0:
		case in:
			x.inside++
		default:
			x.false++
			x.wrong = append(x.wrong, l)
		}
	}
	return x
}

// measureLook runs the programs on the dumps in turns and writes what they found. It returns what is false of salvor's.
func (w *workshop) measureLook(out io.Writer, salvor string, size int, beside bool) (bad []string, err error) {
	all, err := w.dumps(size, size <= mebi)
	if err != nil {
		return nil, err
	}
	programs := lookers(salvor)
	if !beside {
		programs = programs[:1]
	}
	fmt.Fprint(out, "| medium | parts |")
	for _, p := range programs {
		fmt.Fprintf(out, " %s: found | right size | missed | inside of parts | false | s | MB/s |", p.name)
	}
	fmt.Fprint(out, "\n|---|---:|"+strings.Repeat("---:|", 7*len(programs))+"\n")
	for _, d := range all {
		path := w.path("dump.img")
		if err := os.WriteFile(path, d.data, 0o600); err != nil {
			return nil, err
		}
		results, times := make([]looked, len(programs)), make([]time.Duration, len(programs))
		for i, p := range programs {
			begun := time.Now()
			lines, err := p.run(path)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", d.name, err)
			}
			times[i] = time.Since(begun)
			if results[i] = judge(d, lines, p.fits); i == 0 {
				bad = append(bad, explain(d, lines, p.fits, results[i])...)
			}
		}
		sized := 0
		for _, p := range d.parts {
			if p.size > 0 {
				sized++
			}
		}
		fmt.Fprintf(out, "| %s | %d |", d.name, len(d.parts))
		for i, r := range results {
			fmt.Fprintf(out, " %d | %s | %d | %d | %d | %.2f | %.0f |", r.found, share(r.sized, sized), len(d.parts)-r.found, r.inside, r.false, times[i].Seconds(), rate(len(d.data), times[i]))
		}
		fmt.Fprintln(out)
	}
	return bad, nil
}

// explain says what salvor missed and listed falsely.
func explain(d dump, lines []line, fits func(part, line) bool, r looked) (out []string) {
	for _, p := range d.parts {
		if i := slices.IndexFunc(lines, func(l line) bool { return l.at == p.at && fits(p, l) }); i < 0 {
			out = append(out, fmt.Sprintf("%s: missed %s at %#x, %d bytes", d.name, p.what, p.at, p.size))
		} else if p.size > 0 && lines[i].size != p.size {
			out = append(out, fmt.Sprintf("%s: %s at %#x is %d bytes long, and was told as %d", d.name, p.what, p.at, p.size, lines[i].size))
		}
	}
	for _, l := range r.wrong[:min(len(r.wrong), 10)] {
		out = append(out, fmt.Sprintf("%s: false: %s at %#x, %d bytes", d.name, l.format, l.at, l.size))
	}
	return out
}
