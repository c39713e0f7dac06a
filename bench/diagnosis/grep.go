package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"salvor/diagnosis"
)

// compare lets grep and ripgrep look for the same patterns in a usual log of this size, where they are there, and
// writes how long each took; they only tell which lines match any of the patterns.
func compare(w io.Writer, base *diagnosis.Base, e *diagnosis.Engine, size int64) error {
	dir, err := os.MkdirTemp("", "salvor-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var list bytes.Buffer
	for _, eco := range base.Ecosystems {
		for _, r := range eco.Rules {
			if r.Kind == diagnosis.KindLine {
				fmt.Fprintln(&list, r.Pattern)
			}
		}
	}
	patterns, log := filepath.Join(dir, "patterns"), filepath.Join(dir, "log")
	if err := os.WriteFile(patterns, list.Bytes(), 0o600); err != nil {
		return err
	}
	f, err := os.Create(log)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, io.LimitReader(&repeater{piece: kinds()[0].piece}, size))
	if err := f.Close(); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\n| program | patterns | MB | seconds | times slower |\n|---|---:|---:|---:|---:|\n")
	lines := bytes.Count(list.Bytes(), []byte("\n"))
	mine := 0.0
	for _, c := range []struct {
		name string
		run  func() error
	}{
		{"salvor why", func() error {
			f, err := os.Open(log)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = e.Diagnose(context.Background(), diagnosis.Case{Inputs: []diagnosis.Input{{Name: "log", Reader: f}}})
			return err
		}},
		{"rg -c -f", tool("rg", "-c", "-f", patterns, log)},
		{"grep -P, one pattern after the other", func() error { return each(list.String(), log) }},
	} {
		if c.run == nil {
			continue
		}
		start := time.Now()
		if err := c.run(); err != nil {
			fmt.Fprintf(w, "| %s | %d | %d | %v | |\n", c.name, lines, size/1e6, err)
			continue
		}
		d := time.Since(start).Seconds()
		if mine == 0 {
			mine = d
		}
		fmt.Fprintf(w, "| %s | %d | %d | %.2f | %.1f |\n", c.name, lines, size/1e6, d, d/mine)
	}
	return nil
}

// tool runs a program that may not be there; finding nothing is no error.
func tool(name string, args ...string) func() error {
	path, err := exec.LookPath(name)
	if err != nil {
		return nil
	}
	return func() error {
		err := exec.Command(path, args...).Run()
		if exit, ok := err.(*exec.ExitError); ok && exit.ExitCode() == 1 {
			return nil
		}
		return err
	}
}

// each runs grep once for each pattern, as a script of patterns does; grep cannot take them together.
func each(patterns, log string) error {
	for p := range strings.Lines(patterns) {
		run := tool("grep", "-c", "-P", "--", strings.TrimSuffix(p, "\n"), log)
		if run == nil {
			return exec.ErrNotFound
		}
		if err := run(); err != nil {
			continue // a pattern that PCRE does not take
		}
	}
	return nil
}
