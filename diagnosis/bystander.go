package diagnosis

import "slices"

// apart takes from a line of a program that has no part in updates what is about the work of that program alone, and
// the program itself.
func (e *Engine) apart(list []found) []found {
	bystander := func(f found) bool { return f.target.speaks >= 0 && e.base.Ecosystems[f.target.speaks].Bystander }
	if !slices.ContainsFunc(list, bystander) {
		return list
	}
	return slices.DeleteFunc(list, func(f found) bool { return bystander(f) || f.rule != nil && ownAffair(f.rule) })
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
