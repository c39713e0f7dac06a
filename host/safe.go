package host

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// CheckSafe refuses, with a [*RefusedError] of exit code 40 that names the mount, a source that something
// of the running system may write to while it is read.
func CheckSafe(path string) error { return System{}.CheckSafe(path) }

// CheckSafe is as the function [CheckSafe], for this system.
func (s System) CheckSafe(path string) error {
	holders, err := s.Holders(path)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(holders, func(h Holder) bool { return h.CanWrite && h.Kind == HeldByMount })
	if i < 0 {
		i = slices.IndexFunc(holders, func(h Holder) bool { return h.CanWrite })
	}
	if i >= 0 {
		return refuseHolder(path, holders, holders[i])
	}
	if len(holders) == 0 && s.Root == "" {
		if roots, err := s.rootsOf(path); err == nil && len(roots) > 0 && claimedExclusively(devPath(roots[0].name)) {
			return refuseHolder(path, nil, Holder{Kind: HeldByOther, Device: devPath(roots[0].name), CanWrite: true})
		}
	}
	return nil
}

func refuseHolder(path string, all []Holder, h Holder) *RefusedError {
	e := &RefusedError{Exit: ExitRefused, Code: "host.source." + string(h.Kind)}
	e.Why = fmt.Sprintf("%s could change while it is read: %s.", path, h)
	switch {
	case slices.ContainsFunc(all, Holder.system):
		e.Next = "This computer runs from it. Start the computer from another system (a USB stick), or put the disk into another one, and run the command there."
	case h.Next != "":
		e.Next = "End that first (" + h.Next + "), then run the same command."
	default:
		e.Next = "Find what uses it (a container, another program), end that, then run the same command."
	}
	return e
}

// Contains reports whether dir, or where dir would be made, lies on the source itself: on the device, on a
// part of it, on what is made of it, or in a mount of the image file. What is saved there would overwrite
// what is to be saved.
func Contains(source, dir string) (bool, error) { return System{}.Contains(source, dir) }

// Contains is as the function [Contains], for this system.
func (s System) Contains(source, dir string) (bool, error) {
	roots, err := s.rootsOf(source)
	if err != nil || len(roots) == 0 {
		return false, err
	}
	mounts, err := s.Mounts()
	if err != nil {
		return false, err
	}
	where := existing(dir)
	var numbers []string
	if m, ok := mountOf(mounts, where); ok {
		numbers = append(numbers, m.Device)
		for _, r := range roots {
			if s.mountedFrom(m, s.above(r.name)) != "" {
				return true, nil
			}
		}
	}
	if s.Root == "" {
		if n, err := holdingDevice(where); err == nil {
			numbers = append(numbers, n)
		}
	}
	for _, r := range roots {
		for _, l := range s.above(r.name) {
			if n := s.attribute(l.name, "dev"); n != "" && slices.Contains(numbers, n) {
				return true, nil
			}
		}
	}
	return false, nil
}

// existing returns the nearest folder at or above dir that is there, links resolved.
func existing(dir string) string {
	p, err := filepath.Abs(dir)
	if err != nil {
		return dir
	}
	for {
		if r, err := filepath.EvalSymlinks(p); err == nil {
			return r
		}
		up := filepath.Dir(p)
		if up == p {
			return p
		}
		p = up
	}
}

// mountOf returns the mount that holds path: the deepest one, of several at the same place the last.
func mountOf(mounts []Mount, path string) (Mount, bool) {
	best, found := Mount{}, false
	for _, m := range mounts {
		inside := m.Point == "/" || path == m.Point || strings.HasPrefix(path, m.Point+"/")
		if inside && (!found || len(m.Point) >= len(best.Point)) {
			best, found = m, true
		}
	}
	return best, found
}
