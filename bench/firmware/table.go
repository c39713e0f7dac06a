package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"salvor/firmware"
)

// writeMatrix writes what salvor said of the files of each format, and then what the makers' tools said of the same.
func writeMatrix(w io.Writer, rows []row) {
	fmt.Fprint(w, "\n### What salvor check says of good and damaged files\n\n")
	fmt.Fprintln(w, "| format | made by | good | flips | NO | of these, at the right place | CANNOT TELL | cuts | NO | CANNOT TELL | rest zeros | NO | CANNOT TELL | in bytes that nothing reads | OK |")
	fmt.Fprintln(w, "|---|---|---|"+strings.Repeat("---:|", 12))
	var sum count
	for _, x := range rows {
		unread, ok := x.flips.unread+x.cuts.unread+x.zeros.unread, x.flips.ok+x.cuts.ok+x.zeros.ok
		fmt.Fprintf(w, "| %s | %s | %v | %d | %d | %d | %d | %d | %d | %d | %d | %d | %d | %d | %d |\n", x.name, x.by, x.whole, x.flips.all, x.flips.no, x.flips.region, x.flips.cannot,
			x.cuts.all, x.cuts.no, x.cuts.cannot, x.zeros.all, x.zeros.no, x.zeros.cannot, unread, ok)
		for _, c := range []count{x.flips, x.cuts, x.zeros} {
			sum.all, sum.no, sum.cannot, sum.ok, sum.unread = sum.all+c.all, sum.no+c.no, sum.cannot+c.cannot, sum.ok+c.ok, sum.unread+c.unread
		}
	}
	fmt.Fprintf(w, "\n%d damaged files: %d NO, %d CANNOT TELL, %d damaged where nothing reads, %d OK.\n", sum.all, sum.no, sum.cannot, sum.unread, sum.ok)
	writeKeys(w, rows)
	writeTools(w, rows)
}

func writeKeys(w io.Writer, rows []row) {
	fmt.Fprint(w, "\n| format | genuine: without a key | with the right one | with another | for its board | for another |\n|---|---|---|---|---|---|\n")
	for _, x := range rows {
		if len(x.keys) == 0 && x.kind == "" {
			continue
		}
		keys, board := "– | – | –", "– | –"
		if len(x.keys) > 0 {
			keys = fmt.Sprintf("%v | %v | %v", x.none, x.genuine, x.other)
		}
		if x.kind != "" {
			board = fmt.Sprintf("%v | %v", x.board, x.wrongBoard)
		}
		fmt.Fprintf(w, "| %s | %s | %s |\n", x.name, keys, board)
	}
}

// writeTools sets what was told to be bad beside what the maker's tool refuses.
func writeTools(w io.Writer, rows []row) {
	if !slices.ContainsFunc(rows, func(x row) bool { return x.judged }) {
		return
	}
	fmt.Fprint(w, "\n### Beside the makers' own tools, on the same files\n\n")
	fmt.Fprintln(w, "| format | the maker's tool | good | flips: salvor NO | refused | cuts: salvor NO | refused | rest zeros: salvor NO | refused |\n|---|---|---|---:|---:|---:|---:|---:|---:|")
	for _, x := range rows {
		if !x.judged {
			continue
		}
		fmt.Fprintf(w, "| %s | %s | %s |", x.name, x.tool, map[bool]string{true: "taken", false: "refused"}[x.taken])
		for _, c := range []count{x.flips, x.cuts, x.zeros} {
			fmt.Fprintf(w, " %s | %s |", share(c.no, c.all), share(c.seen, c.all))
		}
		fmt.Fprintln(w)
	}
}

// whole asks about files that no recipe makes, and returns what must not be.
func (w *workshop) whole(out io.Writer) (bad []string, err error) {
	kernel, err := w.make(recipes()[0])
	if err != nil {
		return nil, err
	}
	page := "<!DOCTYPE html><html><head><title>404 Not Found</title></head><body>Not Found</body></html>"
	swapped := bytes.Clone(kernel)
	for i := 0; i+1 < len(swapped); i += 2 {
		swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
	}
	fill := func(n int, b byte) []byte { return bytes.Repeat([]byte{b}, n) }
	at64 := slices.Concat(kernel, fill(-len(kernel)&(64<<10-1), 0xFF))
	fmt.Fprint(out, "\n### Files that went wrong in other ways\n\n| file | whole | why |\n|---|---|---|\n")
	for _, x := range []struct {
		name string
		p    []byte
		not  firmware.Answer // that it must never be
	}{
		{"a kernel, then 6 MiB of zeros where its root file system should be", slices.Concat(kernel, fill(6*mebi, 0)), firmware.OK},
		{"the same at an erase block", slices.Concat(at64, fill(6*mebi, 0)), firmware.OK},
		{"a kernel and a root file system of which the second half is zeros", slices.Concat(at64, w.in.root[:len(w.in.root)/2], fill(len(w.in.root)/2, 0)), firmware.OK},
		{"a kernel and a root file system of which nothing but the first 4 KiB came", slices.Concat(at64, w.in.root[:4096], fill(6*mebi, 0)), firmware.OK},
		{"a kernel, then noise", slices.Concat(kernel, noise(mebi, 3)), firmware.OK},
		{"nothing but zeros", fill(mebi, 0), firmware.OK},
		{"nothing but 0xFF", fill(mebi, 0xFF), firmware.OK},
		{"a page of a server that says 404", []byte(page), firmware.OK},
		{"a kernel whose bytes are exchanged by two", swapped, firmware.OK},
		{"noise", noise(mebi, 5), firmware.OK},
		{"nothing", nil, firmware.OK},
		{"a kernel with 0xFF behind it, as flash has it", slices.Concat(kernel, fill(4096, 0xFF)), firmware.No},
	} {
		p, err := w.open(x.p, nil)
		if err != nil {
			return nil, err
		}
		v, why := firmware.Whole(p), ""
		if len(v.Reasons) > 0 {
			why = v.Reasons[0]
		}
		if len(why) > 160 {
			why = why[:160] + "…"
		}
		fmt.Fprintf(out, "| %s | %v | %s |\n", x.name, v.Answer, strings.ToValidUTF8(strings.ReplaceAll(why, "|", "/"), "?"))
		if v.Answer == x.not {
			bad = append(bad, fmt.Sprintf("%s is %v: %q", x.name, v.Answer, v.Reasons))
		}
	}
	return bad, nil
}
