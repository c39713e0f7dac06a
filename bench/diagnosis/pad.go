package main

import (
	"fmt"
	"math/rand/v2"

	"salvor/diagnosis"
)

// padded returns an engine of at least n patterns: those of the program, and made ones that look like them. They
// are what the program will have; the speed must not depend on how many there are.
func padded(base *diagnosis.Base, n int) (*diagnosis.Engine, error) {
	e, err := diagnosis.New(base)
	if err != nil || e.Patterns() >= n {
		return e, err
	}
	eco := &diagnosis.Ecosystem{Name: "made", Title: "made for this bench"}
	r := rand.New(rand.NewPCG(3, 7))
	word := func() string { return vocabulary[r.IntN(len(vocabulary))] }
	for i := range n - e.Patterns() {
		pattern := ""
		switch i % 4 {
		case 0:
			pattern = fmt.Sprintf(`%s %s %s%d`, word(), word(), word(), i)
		case 1:
			pattern = fmt.Sprintf(`(?i)%s (could not|cannot) %s: .*%s%d`, word(), word(), word(), i)
		case 2:
			pattern = fmt.Sprintf(`(%s|%s) %s%d failed with (-?\d+)`, word(), word(), word(), i)
		default:
			pattern = fmt.Sprintf(`^%s%d: (?P<expected>[^ ]+) %s '(?P<found>[^']*)'$`, word(), i, word())
		}
		eco.Rules = append(eco.Rules, &diagnosis.Rule{ID: fmt.Sprintf("made.rule%d", i), Ecosystem: "made", Role: diagnosis.RoleCause,
			Pattern: pattern, Weights: []diagnosis.Weight{{Cause: "updater.bug", Strength: 1}}, Means: "made", Source: "made"})
	}
	more, err := diagnosis.NewBase(append(base.Ecosystems[:len(base.Ecosystems):len(base.Ecosystems)], eco))
	if err != nil {
		return nil, err
	}
	return diagnosis.New(more)
}

// vocabulary are the words that messages of updaters are made of.
var vocabulary = []string{"error", "failed", "image", "kernel", "partition", "slot", "verify", "signature", "checksum", "block",
	"write", "read", "device", "mount", "timeout", "header", "firmware", "bundle", "payload", "flash", "erase", "manifest",
	"hash", "version", "boot", "update", "install", "size", "space", "network", "server", "certificate", "connection"}
