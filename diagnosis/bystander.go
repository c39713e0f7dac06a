package diagnosis

import "slices"

// apart takes from a line of a program that has no part in updates what is about the work of that program alone, and
// the program itself.
func (e *Engine) apart(list []found) []found {
	if !slices.ContainsFunc(list, e.beside) {
		return list
	}
	return slices.DeleteFunc(list, func(f found) bool { return e.beside(f) || f.rule != nil && ownAffair(f.rule) })
}

// beside reports whether a program speaks that has no part in updates.
func (e *Engine) beside(f found) bool {
	return f.target.speaks >= 0 && e.base.Ecosystems[f.target.speaks].Bystander
}

// What it takes for an input to be the own log of a program that has no part in updates. Of a block no more than perBlock
// lines of a form are counted.
const (
	ownShare = 0.2
	ownLines = perBlock / 2
)

// besideLog reports whether an input is such a log: such programs are known on a good part of the lines, and others on
// fewer. The lines without a name are the program's own too.
func (e *Engine) besideLog(t *tale) bool {
	others := 0
	for eco, lines := range t.speaks {
		if !e.base.Ecosystems[eco].Anywhere {
			others += lines
		}
	}
	return t.besideLines > others && (t.besideLines >= ownLines || float64(t.besideLines) >= ownShare*float64(t.lines))
}

// ofDevice are the classes of causes that any program on a device can tell of.
var ofDevice = []Class{"storage", "space", "power", "corruption"}

// ownAffair reports whether a rule that takes a line of a bystander is about the bystander, and not about the device.
func ownAffair(r *Rule) bool {
	switch r.Role {
	case RoleReboot, RoleNormal:
		return false
	}
	return len(r.Weights) == 0 || !slices.Contains(ofDevice, r.Weights[0].Cause.Class())
}
