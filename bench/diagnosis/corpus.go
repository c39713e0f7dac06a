package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"salvor/diagnosis"
)

// testCase is one case of the corpus.
type testCase struct {
	Name    string // half/program/name
	Origin  string
	Program string
	Project string
	Source  string
	Cause   diagnosis.Cause
	Also    []diagnosis.Cause
	Device  string
	Said    string
	Facts   map[string]string

	Files []member `yaml:"-"`
}

type member struct {
	name string
	data []byte
}

// readCorpus reads all cases of one half.
func readCorpus(fsys fs.FS, half string) ([]*testCase, error) {
	var list []*testCase
	err := fs.WalkDir(fsys, half, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".txtar" {
			return err
		}
		f, err := fsys.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		b, err := io.ReadAll(f)
		if err != nil {
			return err
		}
		c, err := parseCase(b)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		c.Name = strings.TrimSuffix(name, ".txtar")
		list = append(list, c)
		return nil
	})
	return list, err
}

// parseCase reads a case: a comment in YAML, and files behind lines of the form "-- name --".
func parseCase(b []byte) (*testCase, error) {
	comment, files, err := split(b)
	if err != nil {
		return nil, err
	}
	d := yaml.NewDecoder(bytes.NewReader(comment))
	d.KnownFields(true)
	c := &testCase{Files: files}
	if err := d.Decode(c); err != nil {
		return nil, err
	}
	switch {
	case c.Origin != "captured" && c.Origin != "rebuilt":
		return nil, fmt.Errorf("origin %q is neither captured nor rebuilt", c.Origin)
	case c.Program == "" || c.Project == "" || c.Source == "":
		return nil, fmt.Errorf("program, project or source is missing")
	}
	for _, cause := range append(slices.Clone(c.Also), c.Cause) {
		if !cause.Known() {
			return nil, fmt.Errorf("cause %q is none", cause)
		}
	}
	return c, nil
}

// split cuts the files apart; those whose names end in .b64 are unpacked.
func split(b []byte) (comment []byte, files []member, err error) {
	name := ""
	start := 0
	end := func(at int) error {
		part := b[start:at]
		if name == "" {
			comment = part
			return nil
		}
		if short, ok := strings.CutSuffix(name, ".b64"); ok {
			raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(part)), ""))
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			name, part = short, raw
		}
		files = append(files, member{name, part})
		return nil
	}
	for at := 0; at < len(b); {
		next := len(b)
		if i := bytes.IndexByte(b[at:], '\n'); i >= 0 {
			next = at + i + 1
		}
		line := strings.TrimRight(string(b[at:min(next, at+300)]), "\r\n ")
		if strings.HasPrefix(line, "-- ") && strings.HasSuffix(line, " --") && len(line) > 6 && plausible(line[3:len(line)-3]) {
			if err := end(at); err != nil {
				return nil, nil, err
			}
			name, start = strings.TrimSpace(line[3:len(line)-3]), next
		}
		at = next
	}
	return comment, files, end(len(b))
}

// plausible tells a file's name from lines of a log that look alike: "-- Boot 0123 --", "-- Reboot --".
func plausible(name string) bool {
	return !strings.Contains(name, " ") && name != "Reboot"
}

// packages are the endings of files that are no logs: their facts stand in the comment.
var packages = []string{".swu", ".raucb", ".mender", ".bin", ".img", ".zip", ".cab", ".uf2", ".hex", ".dfu", ".deb", ".ipk", ".itb", ".elf"}

// input returns the case as the engine takes it.
func (c *testCase) input() diagnosis.Case {
	var in diagnosis.Case
	for _, f := range c.Files {
		if !slices.Contains(packages, path.Ext(f.name)) {
			in.Inputs = append(in.Inputs, diagnosis.Input{Name: f.name, Reader: bytes.NewReader(f.data)})
		}
	}
	if c.Said != "" {
		in.Inputs = append(in.Inputs, diagnosis.Input{Name: "what was said", Reader: strings.NewReader(c.Said), Said: true})
	}
	for name, value := range c.Facts {
		in.Facts = append(in.Facts, diagnosis.Fact{Name: name, Value: value})
	}
	slices.SortFunc(in.Facts, func(a, b diagnosis.Fact) int { return strings.Compare(a.Name, b.Name) })
	return in
}
