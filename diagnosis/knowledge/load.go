package knowledge

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"salvor/diagnosis"
)

//go:embed *.yaml
var embedded embed.FS

// maxFile bounds a file of rules, in bytes.
const maxFile = 4 << 20

// Embedded returns the rules that are part of the program.
func Embedded() (*diagnosis.Base, error) { return Load() }

// Load returns the rules of the program together with the *.yaml files of other folders, which may add
// ecosystems, and rules to those that are there.
func Load(more ...fs.FS) (*diagnosis.Base, error) {
	var all []*diagnosis.Ecosystem
	var wrong []error
	for _, fsys := range append([]fs.FS{embedded}, more...) {
		list, err := readFolder(fsys)
		if err != nil {
			wrong = append(wrong, err)
		}
		all = append(all, list...)
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	return diagnosis.NewBase(join(all))
}

// readFolder reads all files of one folder, in the order of their names.
func readFolder(fsys fs.FS) ([]*diagnosis.Ecosystem, error) {
	names, err := fs.Glob(fsys, "*.yaml")
	if err != nil {
		return nil, err
	}
	var list []*diagnosis.Ecosystem
	var wrong []error
	for _, name := range names {
		e, err := readFile(fsys, name)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		list = append(list, e)
	}
	return list, errors.Join(wrong...)
}

func readFile(fsys fs.FS, name string) (*diagnosis.Ecosystem, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	return Parse(name, b)
}

// Parse reads one file of rules. The error names every rule that is wrong.
func Parse(name string, b []byte) (*diagnosis.Ecosystem, error) {
	if len(b) > maxFile {
		return nil, fmt.Errorf("%s: more than %d bytes", name, maxFile)
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	var f file
	if err := d.Decode(&f); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := d.Decode(new(file)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: more than one document", name)
	}
	e, err := f.ecosystem()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if first, _, _ := strings.Cut(path.Base(name), "."); first != e.Name {
		return nil, fmt.Errorf("%s: is of ecosystem %s", name, e.Name)
	}
	e.File = name
	return e, nil
}

// join puts the parts of each ecosystem together, in the order in which they first stand.
func join(parts []*diagnosis.Ecosystem) []*diagnosis.Ecosystem {
	var whole []*diagnosis.Ecosystem
	for _, p := range parts {
		i := slices.IndexFunc(whole, func(e *diagnosis.Ecosystem) bool { return e.Name == p.Name })
		if i < 0 {
			whole = append(whole, p)
			continue
		}
		e := whole[i]
		e.Speaks = append(e.Speaks, p.Speaks...)
		e.Names = append(e.Names, p.Names...)
		e.Codes = append(e.Codes, p.Codes...)
		e.Rules = append(e.Rules, p.Rules...)
		e.Anywhere = e.Anywhere || p.Anywhere
		e.Bystander = e.Bystander || p.Bystander
		e.Library = e.Library || p.Library
		if e.Title == "" {
			e.Title = p.Title
		}
		if e.Logs == "" {
			e.Logs = p.Logs
		}
	}
	return whole
}
