package diagnosis

import (
	_ "embed"
	"encoding/json"
	"sync"
)

// Thresholds of the grades, chosen on the training half of the corpus: of the score, and of how near the second
// cause may come.
const (
	weak         = 0.10 // below this a cause is not told
	possibleFrom = 0.20
	classFrom    = 0.35 // of all causes of the class together
	likelyFrom   = 0.50
	veryFrom     = 0.80
	likelyRival  = 0.97 // of the first cause's score
	veryRival    = 0.60
	sameClass    = 0.85 // what a rival of the same class counts: both say nearly the same
)

// grade grades a cause by its score, and by that of the one beside it.
func grade(score, rival float64, first bool) Grade {
	switch {
	case score < possibleFrom:
		return Unknown
	case !first:
		return Possible
	case score >= veryFrom && rival <= veryRival*score:
		return VeryLikely
	case score >= likelyFrom && rival <= likelyRival*score:
		return Likely
	}
	return Possible
}

// measuredJSON is what the bench measured on the half of the corpus that no rule was written from.
//
//go:embed measured.json
var measuredJSON []byte

var hits = sync.OnceValue(func() map[string]Hits {
	var m map[string]Hits
	if err := json.Unmarshal(measuredJSON, &m); err != nil {
		return nil // a test holds the file to its form
	}
	return m
})

// measured returns the hit rate of a grade.
func measured(g Grade) Hits { return hits()[g.String()] }
