package rescue

import (
	"encoding/json"
	"time"

	"salvor/casefile"
	"salvor/imaging"
)

// State is how far a case is, as its own records tell, without its catalogue.
type State struct {
	Record    casefile.Record
	Size      int64 // bytes of its sources
	Read      int64 // bytes of them that were read and are safe
	Bad       int64 // bytes of them that could not be read
	Changed   time.Time
	Ended     bool // the last run came to an end, whichever
	Exit      int  // of that run
	State     string
	Writer    *casefile.Holder // who works in it now; nil when no one does
	Elsewhere bool             // the writer is on another computer
}

// StateOf reads how far the case in dir is. It only reads, also while another program works in the case.
func StateOf(dir, program string) (*State, error) {
	c, err := casefile.Open(dir, casefile.Reader, casefile.Options{Program: program})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	s := &State{Record: c.Record()}
	for _, source := range s.Record.Sources {
		s.Size += source.Size
		m, err := (&Case{Case: c}).mapOf(source.Number)
		if err != nil || m == nil {
			continue // nothing was read of it yet, as far as is known
		}
		read, bad := m.Of(imaging.Finished), m.Of(imaging.BadSector)
		s.Read, s.Bad = s.Read+read.Bytes(), s.Bad+bad.Bytes()
	}
	err = c.EachAct(func(a casefile.Act) bool {
		s.Changed = a.Time
		switch a.Act {
		case "case.open":
			s.Ended = false
		case "result":
			var r struct {
				Exit  int    `json:"exit"`
				State string `json:"state"`
			}
			if json.Unmarshal(a.Fields, &r) == nil {
				s.Ended, s.Exit, s.State = true, r.Exit, r.State
			}
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	if s.Writer, s.Elsewhere, err = casefile.WriterOf(dir); err != nil {
		return nil, err
	}
	return s, nil
}
