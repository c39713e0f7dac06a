package ui

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"salvor/layers"
	"salvor/rescue"
	"salvor/volume"
)

// secrets are what persons gave for locked volumes, by the sources that these stand on. They are in memory only, and end
// with the server.
type secrets struct {
	mu sync.Mutex
	by map[string]*rescue.Keys
}

// placesKey names sources that belong together, in whichever order they were chosen.
func placesKey(paths []string) string {
	list := slices.Clone(paths)
	slices.Sort(list)
	return strings.Join(list, "\x00")
}

// of returns the secrets of sources. What is given later is among them too.
func (s *secrets) of(paths []string) *rescue.Keys {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := placesKey(paths)
	if s.by == nil {
		s.by = map[string]*rescue.Keys{}
	}
	if s.by[key] == nil {
		s.by[key] = &rescue.Keys{}
	}
	return s.by[key]
}

// forget overwrites all of them.
func (s *secrets) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.by {
		k.Forget()
	}
}

// lock is a volume that is locked, or was.
type lock struct {
	ID, Kind, Label string
	Needs           []opening
	Open, Never     bool   // a secret opened it; none can
	Why             string // what was said when it was not opened
}

// opening is something that opens a lock: the name of its words, and what tells it from others of its kind.
type opening struct{ Word, ID string }

// locksOf returns the encrypted volumes on trees.
func locksOf(trees []*layers.Layer) []lock {
	var out []lock
	for _, t := range trees {
		t.Walk(func(l *layers.Layer, _ int) bool {
			if l.Lock != nil && !l.Rival && len(out) < maxLocks {
				out = append(out, lockOf(l))
			}
			return true
		})
	}
	return out
}

// maxLocks bounds how many locked volumes a page names.
const maxLocks = 64

func lockOf(l *layers.Layer) lock {
	k := lock{ID: fmt.Sprintf("%d/%s", l.Medium, l.ID), Kind: plain(l.Lock.Format), Label: plain(l.Lock.Label), Open: l.State != layers.Locked, Never: l.Lock.Open == nil}
	if k.Label == "" {
		k.Label = plain(l.Lock.UUID)
	}
	for _, n := range l.Lock.Needs {
		one := opening{Word: "unlock.need." + string(n.Kind)}
		if n.Kind == volume.RecoveryKey {
			one.ID = plain(n.ID)
		}
		if n.Kind != volume.ClearKey && !slices.Contains(k.Needs, one) && len(k.Needs) < maxLocks {
			k.Needs = append(k.Needs, one)
		}
	}
	for _, f := range l.Findings {
		if f.Code == layers.NotUnlocked {
			k.Why = plain(f.Found)
		}
	}
	return k
}

// opened returns those of after that were not open before.
func opened(before, after []lock) []lock {
	var out []lock
	for _, a := range after {
		if a.Open && !slices.ContainsFunc(before, func(b lock) bool { return b.ID == a.ID && b.Open }) {
			out = append(out, a)
		}
	}
	return out
}

// closed counts the locks that a secret could still open.
func closed(list []lock) (n int) {
	for _, l := range list {
		if !l.Open && !l.Never {
			n++
		}
	}
	return n
}
