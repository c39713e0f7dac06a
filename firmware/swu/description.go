package swu

import (
	"slices"
	"strings"

	"salvor/cursor"
)

// Bounds of what a description can ask for.
const (
	maxArtefacts = 5000
	maxLinks     = 16
)

// artefact is one use of a file of the archive: where one set of the software puts it.
type artefact struct {
	set     string // "stable,main", or a board's name; "" for all
	section string // "images", "files", "scripts", "partitions"
	file    string
	sha256  string
	*value
}

// description is what sw-description says.
type description struct {
	version   string
	hardware  []string
	artefacts []artefact
	boot      []string // variables of the boot loader that are set: "set: name=value"
	embedded  bool     // it has a script in it
	sets      []string
	hooks     []string
	root      *value
	left      int
}

// sections are the lists that have a meaning; all other groups are boards, sets and modes.
var sections = []string{"images", "files", "scripts", "partitions"}

// describe reads what a description says of the software.
func describe(p []byte) (*description, error) {
	root, err := parse(p)
	if err != nil {
		return nil, err
	}
	software := root.get("software")
	if software == nil || software.kind != group {
		return nil, cursor.Corrupt(structure, 0, "a group called software", "none")
	}
	d := &description{root: root, left: maxArtefacts}
	d.version = d.follow([]*value{root, software}, "version").leaf()
	d.embedded = software.str("embedded-script") != ""
	d.walk([]*value{root, software}, nil)
	return d, nil
}

// leaf is the text of a value that is one.
func (v *value) leaf() string {
	if v == nil || v.kind == list || v.kind == group {
		return ""
	}
	return v.text
}

// walk looks for sections in a group and in the groups below it. path has the values from the root to this group.
func (d *description) walk(path []*value, names []string) {
	here := path[len(path)-1]
	if len(path) > maxLevels || d.left <= 0 {
		return
	}
	set := strings.Join(names, ",")
	for _, h := range here.strings("hardware-compatibility") {
		if !slices.Contains(d.hardware, h) {
			d.hardware = append(d.hardware, h)
		}
	}
	for i, key := range here.keys {
		switch m := here.list[i]; {
		case slices.Contains(sections, key):
			d.section(key, set, d.follow(path, key))
		case key == "bootenv" || key == "uboot":
			d.variables(set, d.follow(path, key))
		case m.kind == group && key != "properties" && key != "version" && key != "hardware-compatibility":
			if m.get("ref") != nil && len(m.keys) == 1 {
				d.linked(append(slices.Clone(names), key), d.follow(path, key))
				continue
			}
			d.walk(append(slices.Clone(path), m), append(slices.Clone(names), key))
		}
	}
}

// linked notes a set that is only a name for another one, which is walked where it stands.
func (d *description) linked(names []string, to *value) {
	if to != nil && to.kind == group && len(d.sets) < 100 {
		d.sets = append(d.sets, strings.Join(names, ","))
	}
}

// section reads a list of artefacts.
func (d *description) section(name, set string, v *value) {
	if v == nil || v.kind != list {
		return
	}
	if set != "" && !slices.Contains(d.sets, set) && len(d.sets) < 100 {
		d.sets = append(d.sets, set)
	}
	for _, m := range v.list {
		if m.kind != group {
			continue
		}
		if d.left--; d.left < 0 {
			return
		}
		if hook := m.str("hook"); hook != "" && !slices.Contains(d.hooks, hook) {
			d.hooks = append(d.hooks, hook)
		}
		d.artefacts = append(d.artefacts, artefact{set: set, section: name, file: m.str("filename"), sha256: strings.ToLower(m.str("sha256")), value: m})
	}
}

// variables reads what is set for the boot loader.
func (d *description) variables(set string, v *value) {
	if v == nil || v.kind != list {
		return
	}
	for _, m := range v.list {
		if d.left--; d.left < 0 {
			return
		}
		line := m.str("name") + "=" + m.str("value")
		if set != "" {
			line = set + ": " + line
		}
		d.boot = append(d.boot, line)
	}
}

// follow returns the member of the last group of path, or what it is a link to: {ref = "#./../name"}. A point is the level
// at which the link stands, two points the one above.
func (d *description) follow(path []*value, key string) *value {
	path = slices.Clone(path)
	v := path[len(path)-1].get(key)
	for range maxLinks {
		ref := v.str("ref")
		if ref == "" {
			return v
		}
		target, ok := strings.CutPrefix(ref, "#")
		if !ok {
			return nil
		}
		if strings.HasPrefix(target, "/") {
			path = path[:1]
		}
		steps := strings.Split(target, "/")
		v = path[len(path)-1]
		for i, step := range steps {
			switch step {
			case "", ".":
			case "..":
				if len(path) < 2 {
					return nil
				}
				path = path[:len(path)-1]
				v = path[len(path)-1]
			default:
				if v = v.get(step); v == nil {
					return nil
				}
				if i < len(steps)-1 {
					path = append(path, v)
				}
			}
		}
	}
	return nil // links that lead to each other
}
