package firmware

import (
	"fmt"
	"slices"
)

// Device is what is known of the device that a package is meant for.
type Device struct {
	Facts  []Fact
	Spaces []Space
	// Temp is the room for files that are only there while an update is installed, in bytes; 0 when not known.
	Temp int64
	// Erase is the size of an erase block of its flash, in bytes; 0 when not known.
	Erase int64
	// Keys are the public keys that its boot loader holds, and checks updates with.
	Keys []Key
}

// Fact is something known of a device, and where from.
type Fact struct {
	Kind  ClaimKind
	Value string
	From  string // "etc/os-release of volume 2", "--for"
}

// Kinds of facts that no package claims.
const (
	// Installed says which version a device runs.
	Installed ClaimKind = "installed version"
	// LeastAllowed says which version a device takes at least: it refuses to go below.
	LeastAllowed ClaimKind = "least version allowed"
	// Model is what a person calls the device: the words on its label.
	Model ClaimKind = "model"
)

// Space is a partition, a volume or a region of a device's storage.
type Space struct {
	Name   string
	Offset int64  // bytes; -1 when not known
	Size   int64  // bytes
	Role   string // "slot", "boot", "unique", "settings", "data"; "" when not known
	From   string
}

// Warnings say loudly what installing the package would touch beside its own parts.
func Warnings(p *Part) []string {
	var out []string
	for _, w := range Loud(p) {
		if w.Code == "warning.loader" {
			out = append(out, fmt.Sprintf("it holds a boot loader (%s): a power cut while that is written can leave the device unable to start at all", w.Part))
		} else {
			out = append(out, fmt.Sprintf("it writes over data of this one unit (%s): calibration, addresses or keys cannot be got again; save them first", w.Part))
		}
	}
	return out
}

// Loud returns what [Warnings] says as data, each once in a row.
func Loud(p *Part) []Row {
	var out []Row
	add := func(code string, x *Part) {
		w := Row{Code: code, Args: []string{x.words()}, Answer: CannotTell, Part: x.words(), Reason: Reason{Format: x.Format, Offset: -1, Size: x.Size}}
		if n := len(out); n == 0 || out[n-1].Code != code || out[n-1].Part != w.Part {
			out = append(out, w)
		}
	}
	p.Walk(func(x *Part, _ int) bool {
		if x.Role == BootLoader && x.Size > 0 || slices.ContainsFunc(x.Installs, func(i Install) bool { return i.Loader }) {
			add("warning.loader", x)
		}
		if x.Role == Unique || slices.ContainsFunc(x.Installs, func(i Install) bool { return i.Unique }) {
			add("warning.unique", x)
		}
		return true
	})
	return out
}
