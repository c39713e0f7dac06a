package ui

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"sync"

	"salvor/internal/wire"
	"salvor/rescue"
)

// answers keeps what checks of packages came to.
type answers struct {
	mu   sync.Mutex
	list map[string]*answer
}

// answer is what a check of a package came to, without what it held open.
type answer struct {
	Title    string
	Checks   []wire.Check
	Warnings []string
}

func (a *answers) put(key string, got *answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.list == nil || len(a.list) >= maxJobs {
		a.list = map[string]*answer{}
	}
	a.list[key] = got
}

func (a *answers) get(key string) *answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.list[key]
}

// maxWords bounds what a person says of a device, in bytes.
const maxWords = 500

// firmware asks for a package and the device, and shows the three answers.
func (s *Server) firmware(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	ticket, words := q.Get("package"), strings.TrimSpace(q.Get("device"))
	if ticket == "" {
		s.show(w, r, http.StatusOK, "firmware", view{Here: "firmware"}, map[string]any{})
		return
	}
	path, ok := s.seal.place("package", ticket)
	if !ok || len(words) > maxWords {
		s.refuse(w, r, http.StatusForbidden, "refused.ticket")
		return
	}
	caseKey := q.Get("case")
	data := map[string]any{"Path": path, "Name": filepath.Base(path), "Ticket": ticket, "Device": words, "Case": caseKey, "Cases": s.known.all()}
	v := view{Here: "firmware"}
	if !q.Has("check") {
		s.show(w, r, http.StatusOK, "firmware", v, data)
		return
	}
	o := rescue.CheckOptions{File: path, Program: s.o.Program}
	if words != "" {
		o.For = append(o.For, label(words))
	}
	if k, ok := s.known.get(caseKey); ok {
		o.For = append(o.For, k.Dir)
	}
	key := s.seal.mark("check", path, words, caseKey)
	j := s.jobs.of("check", key)
	if j == nil {
		j = s.jobs.add(&job{kind: "check", key: key, work: func(ctx context.Context, _ rescue.Events) (wire.Result, error) {
			c, err := rescue.CheckPackage(ctx, o)
			if err != nil {
				return wire.Result{}, err
			}
			defer c.Close()
			got := &answer{Title: c.Part.Title, Checks: []wire.Check{wire.NewCheck("whole", c.Whole), wire.NewCheck("genuine", c.Genuine), wire.NewCheck("fits", c.Fits)}, Warnings: c.Warnings}
			for _, n := range c.Notes {
				got.Warnings = append(got.Warnings, n.String())
			}
			s.answers.put(key, got)
			return wire.NewResult(rescue.ExitDone, "it was checked", "it was only read", ""), nil
		}})
	}
	now, _ := j.see()
	data["Job"], data["Answer"] = now, s.answers.get(key)
	if now.Running {
		v.Refresh = 1
	}
	s.show(w, r, http.StatusOK, "firmware", v, data)
}

// label makes the words on a device's label out of what a person typed: never the path of a file, nor a fact by its name.
func label(words string) string {
	// With a blank in front no name of a file is meant.
	return " " + strings.Join(strings.FieldsFunc(words, func(r rune) bool { return r == '/' || r == '\\' || r == '=' || r < ' ' || r == 0x7f }), " ")
}
