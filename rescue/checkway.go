package rescue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"salvor/finding"
	"salvor/firmware"
	fwall "salvor/firmware/all"
	"salvor/host"
)

var (
	tellsNothing = &finding.Def{Code: "rescue.check.device.silent", Severity: finding.Warning, Text: "{file}: nothing in it says which device it comes from; expected a line such as \"Machine model: ...\", or a record of a device"}
	noVersion    = &finding.Def{Code: "rescue.check.available.version", Severity: finding.Info, Text: "{file} says of no version, so that it is no step on the way"}
	unknownKey   = &finding.Def{Code: "rescue.check.device.key", Severity: finding.Info, Text: "{file}: nothing is known by the key {found}; it was passed over"}
	noKey        = &finding.Def{Code: "rescue.check.keys.skipped", Severity: finding.Info, Text: "{file} was passed over among the keys: {found}"}
)

// maxList bounds a list of versions, in bytes.
const maxList = 1 << 20

// findWay looks for the steps from the installed version to the package among what is available.
func (c *Checked) findWay(ctx context.Context, o CheckOptions) error {
	if len(o.Available) == 0 {
		return nil
	}
	installed := ""
	for _, f := range c.Device.Facts {
		if f.Kind == firmware.Installed {
			installed = f.Value
			break
		}
	}
	if installed == "" {
		return &host.RefusedError{Exit: host.ExitUsage, Code: "rescue.check.available", Why: "--available needs to know which version is installed.", Next: "Say it with --current VERSION, or name the device's case with --for."}
	}
	var steps []firmware.Step
	for _, path := range o.Available {
		more, err := c.available(ctx, path, o)
		if err != nil {
			return err
		}
		steps = append(steps, more...)
	}
	c.WayAsked = true
	c.Way, _ = firmware.Path(installed, firmware.StepOf(c.Part), steps)
	return nil
}

// available reads a folder of packages, one package, or a list of versions.
func (c *Checked) available(ctx context.Context, path string, o CheckOptions) (out []firmware.Step, err error) {
	names := []string{path}
	folder := host.IsFolder(path)
	switch {
	case folder:
		if names, err = host.ListFiles(path); err != nil {
			return nil, err
		}
	case host.FileSize(path) <= maxList:
		if is, err := isText(path); err != nil || is {
			return listedSteps(path)
		}
	}
	for _, name := range names {
		if host.SameFile(name, o.File) {
			continue
		}
		step, err := packageStep(ctx, name)
		if err != nil {
			return nil, err
		}
		if step.Version != "" {
			out = append(out, step)
		} else if !folder {
			c.Notes = append(c.Notes, noVersion.New(finding.Arg("file", step.Name)))
		}
	}
	return out, nil
}

// isText reports whether a file could be a list: text without zeros.
func isText(path string) (bool, error) {
	text := false
	_, err := host.ReadFile(path, func(r io.Reader, _ io.ReaderAt, _ int64) error {
		data, err := io.ReadAll(io.LimitReader(r, maxList))
		text = utf8.Valid(data) && bytes.IndexByte(data, 0) < 0
		return err
	})
	return text, err
}

// packageStep reads a package as a step. Its packed parts are not opened: what it claims stands in front.
func packageStep(ctx context.Context, name string) (s firmware.Step, err error) {
	opened, err := host.Open(ctx, name, host.OpenOptions{})
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	p, err := firmware.Open(ctx, opened.Source, filepath.Base(name), firmware.Options{Formats: fwall.Table()})
	if err != nil {
		return s, err
	}
	s = firmware.StepOf(p)
	s.Name = filepath.Base(name)
	return s, nil
}

// listedSteps reads a list: a version on each line; behind "needs" the version that must be installed before, behind "only"
// the one that it is made for.
func listedSteps(name string) (out []firmware.Step, err error) {
	var text []byte
	found, err := host.ReadFile(name, func(r io.Reader, _ io.ReaderAt, _ int64) (err error) {
		text, err = io.ReadAll(io.LimitReader(r, maxList))
		return err
	})
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, &host.RefusedError{Exit: host.ExitUsage, Code: "rescue.check.available", Why: fmt.Sprintf("--available %s: there is no such file or folder.", name), Next: "Name a folder of packages, or a list with a version on each line."}
	}
	for n, line := range strings.Split(string(text), "\n") {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		s := firmware.Step{Name: words[0], Version: words[0]}
		for i := 1; i < len(words); i += 2 {
			if i+1 == len(words) || words[i] != "needs" && words[i] != "only" {
				return nil, &host.RefusedError{Exit: host.ExitUsage, Code: "rescue.check.available", Why: fmt.Sprintf("%s, line %d: expected \"VERSION [needs VERSION] [only VERSION]\", found %q.", name, n+1, strings.TrimSpace(line)), Next: "Mend that line."}
			}
			if words[i] == "needs" {
				s.Least = append(s.Least, words[i+1])
			} else {
				s.Exact = append(s.Exact, words[i+1])
			}
		}
		out = append(out, s)
	}
	return out, nil
}
