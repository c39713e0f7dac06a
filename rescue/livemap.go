package rescue

import (
	"errors"
	"time"

	"salvor/casefile"
	"salvor/imaging"
)

// MapEvents are [Events] that want to see the map of a copy while it is made.
type MapEvents interface {
	// Map is given the map of the source of that number, from time to time while it is read. It is changed behind the
	// call, so that nothing of it may be kept.
	Map(source int, m *imaging.Map)
}

// mapEvery is how often a map is shown.
const mapEvery = 500 * time.Millisecond

// showMap returns what shows the map of the current disk to events that want it.
func (j *job) showMap(m *imaging.Map) func() {
	events, ok := j.events.(MapEvents)
	if !ok {
		return func() {}
	}
	number, last := j.number, time.Time{}
	return func() {
		if now := time.Now(); now.Sub(last) >= mapEvery {
			events.Map(number, m)
			last = now
		}
	}
}

// SourceMap is the map of a source of a case.
type SourceMap struct {
	Source int
	Path   string
	Map    *imaging.Map
}

// MapsOf returns the maps of all sources of the case in dir of which something was read, as they were written down last.
func MapsOf(dir, program string) (list []SourceMap, err error) {
	c, err := casefile.Open(dir, casefile.Reader, casefile.Options{Program: program})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	for _, s := range c.Record().Sources {
		m, err := (&Case{Case: c}).mapOf(s.Number)
		if err != nil {
			return nil, err
		}
		if m != nil {
			list = append(list, SourceMap{s.Number, s.Path, m})
		}
	}
	return list, nil
}
