package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"salvor/diagnosis"
)

// noisy counts what one rule takes of texts in which nothing failed.
type noisy struct {
	rule   *diagnosis.Rule
	hits   int
	pieces map[string]bool // in which it helped to a finding
	quotes []string
}

// maxNoise is how much of one file is read.
const maxNoise = 32 << 20

// noise reads a folder of texts in which no update failed, cut into pieces that are answered one by one, and writes
// which rules take lines of them, and which of them lead to a finding.
func noise(w io.Writer, dir string, piece int) error {
	e, err := engine()
	if err != nil {
		return err
	}
	base, err := base()
	if err != nil {
		return err
	}
	rules := map[string]*noisy{}
	var read int64
	pieces, found := 0, 0
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := head(path)
		if err != nil {
			return err
		}
		if bytes.IndexByte(text[:min(len(text), 4096)], 0) >= 0 {
			return nil // no text
		}
		read += int64(len(text))
		for n, p := range cut(text, piece) {
			pieces++
			name := fmt.Sprintf("%s#%d", path, n)
			finding, err := hear(e, base, rules, name, p)
			if err != nil {
				return err
			}
			if finding != "" {
				found++
				fmt.Fprintf(w, "%s: %s\n", name, finding)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%d pieces, %.1f MB: %d findings\n\n| rule | role | strength | lines | for 1 MB | pieces with a finding | for example |\n|---|---|---:|---:|---:|---:|---|\n", pieces, float64(read)/1e6, found)
	list := slices.SortedFunc(maps.Values(rules), func(a, b *noisy) int {
		return cmp.Or(cmp.Compare(len(b.pieces), len(a.pieces)), cmp.Compare(b.hits, a.hits), cmp.Compare(a.rule.ID, b.rule.ID))
	})
	for _, r := range list {
		strength := 0
		if len(r.rule.Weights) > 0 {
			strength = r.rule.Weights[0].Strength
		}
		for n, q := range r.quotes {
			if n == 0 {
				fmt.Fprintf(w, "| %s | %s | %d | %d | %.2f | %d | %.200s |\n", r.rule.ID, r.rule.Role, strength, r.hits, float64(r.hits)*1e6/float64(max(read, 1)), len(r.pieces), q)
			} else {
				fmt.Fprintf(w, "| | | | | | | %.200s |\n", q)
			}
		}
	}
	return nil
}

// head returns the begin of a file.
func head(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxNoise))
}

// cut cuts a text behind lines into pieces of about that size; 0 leaves it whole.
func cut(text []byte, size int) [][]byte {
	var list [][]byte
	for size > 0 && len(text) > size {
		at := size
		if i := bytes.IndexByte(text[at:], '\n'); i >= 0 {
			at += i + 1
		} else {
			at = len(text)
		}
		list, text = append(list, text[:at]), text[at:]
	}
	if len(text) > 0 {
		list = append(list, text)
	}
	return list
}

// hear answers one piece, counts what the rules take in it, and returns the finding, "" when there is none.
func hear(e *diagnosis.Engine, base *diagnosis.Base, rules map[string]*noisy, name string, text []byte) (string, error) {
	ctx := context.Background()
	heard, err := e.Heard(ctx, diagnosis.Input{Name: name, Reader: bytes.NewReader(text)})
	if err != nil {
		return "", err
	}
	for _, h := range heard {
		r := rules[h.Rule]
		if r == nil {
			r = &noisy{rule: base.Rule(h.Rule), pieces: map[string]bool{}}
			rules[h.Rule] = r
		}
		r.hits += h.Times
		if q := fmt.Sprintf("%.160q", h.Quote); len(r.quotes) < 3 && !slices.Contains(r.quotes, q) {
			r.quotes = append(r.quotes, q)
		}
	}
	a, err := e.Diagnose(ctx, diagnosis.Case{Inputs: []diagnosis.Input{{Name: name, Reader: bytes.NewReader(text)}}})
	if err != nil || a.Cause == diagnosis.None || a.Cause == diagnosis.CannotTell {
		return "", err
	}
	for _, c := range a.Conclusions[:1] {
		for _, ev := range c.For {
			if r := rules[ev.Rule]; r != nil { // not of a fact that lines tell together
				r.pieces[name] = true
			}
		}
	}
	ev := a.Conclusions[0].For[0]
	return fmt.Sprintf("%s (%s, %.2f) by %s: %.120q", a.Cause, a.Grade, a.Conclusions[0].Score, ev.Rule, ev.Quote), nil
}
