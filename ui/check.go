package ui

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"salvor/block"
	"salvor/finding"
	"salvor/firmware"
	"salvor/host"
	"salvor/internal/wire"
	"salvor/rescue"
)

// Bounds of what is kept of an answer.
const (
	maxRows  = 300
	maxParts = 2000
)

// answer is what a check of a package came to, without what it held open.
type answer struct {
	Path, Title, Format string
	Size                int64
	SHA256              string
	Questions           []question
	Loud                []firmware.Row
	Notes               []finding.Finding
	Facts               []firmware.Fact
	Spaces              []firmware.Space
	WayAsked            bool
	Way                 []firmware.Step
	Parts               []*partNode
	MoreParts           int
	ForAsked            bool

	Refused string // code of the reason for which nothing was checked; "" where it was
	Draft   string
}

// question is one of the three, with what its answer rests on.
type question struct {
	Name    string
	Answer  firmware.Answer
	Rows    []firmware.Row
	MoreBad int // rows against it that are not kept
	MoreOK  int
}

// partNode is a part of a package, with those in it.
type partNode struct {
	Title, Name, Version, Compression string
	Offset, Size                      int64
	Unpacked                          bool
	Findings                          []finding.Finding
	In                                []*partNode
}

// answers keeps what checks came to, by their jobs.
type answers struct {
	mu    sync.Mutex
	order []string
	list  map[string]*answer
}

func (a *answers) put(id string, got *answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.list == nil {
		a.list = map[string]*answer{}
	}
	if _, again := a.list[id]; !again {
		if a.order = append(a.order, id); len(a.order) > maxPending {
			delete(a.list, a.order[0])
			a.order = a.order[1:]
		}
	}
	a.list[id] = got
}

func (a *answers) get(id string) *answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.list[id]
}

// check begins the check of a package.
func (s *Server) check(d draft, id string) *job {
	o := rescue.CheckOptions{File: d.Package, Program: s.o.Program, Current: d.Current, Keys: d.Keys, Available: d.Available, For: d.About}
	if k, ok := s.known.get(d.Case); ok {
		o.For = append(o.For[:len(o.For):len(o.For)], k.Dir)
	}
	if d.Label != "" {
		o.Labels = append(o.Labels, d.Label)
	}
	if d.Log != "" {
		o.Texts = append(o.Texts, rescue.Text{Name: "text", Data: []byte(d.Log)})
	}
	j := &job{kind: "check", key: s.seal.mark("check", fmt.Sprintf("%q", d)), to: d.Package}
	j.work = func(ctx context.Context, e rescue.Events) (wire.Result, error) {
		got, err := s.checkNow(ctx, o, e)
		if err != nil {
			got = &answer{Path: d.Package, Refused: "other", Draft: id}
			var refused *host.RefusedError
			switch {
			case errors.As(err, &refused):
				got.Refused = refused.Code
			case ctx.Err() != nil:
				got.Refused = "stopped"
			}
		}
		got.Draft = id
		s.answers.put(j.id, got)
		if err != nil {
			return wire.Result{}, err
		}
		return wire.NewResult(rescue.ExitDone, "it was checked", "it was only read", ""), nil
	}
	return s.jobs.add(j)
}

func (s *Server) checkNow(ctx context.Context, o rescue.CheckOptions, e rescue.Events) (_ *answer, err error) {
	for _, path := range append(o.For[:len(o.For):len(o.For)], o.File) {
		if !host.Exists(path) { // a name without a file would be taken for words
			return nil, &host.RefusedError{Exit: host.ExitUsage, Code: "ui.gone", Why: path + " is not there any more.", Next: "Choose it again."}
		}
	}
	told := time.Time{}
	o.Progress = func(done, total int64) {
		if time.Since(told) < 200*time.Millisecond {
			return
		}
		told = time.Now()
		e.Progress(wire.NewProgress("check", done, total, "bytes"))
	}
	c, err := rescue.CheckPackage(ctx, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	got := &answer{Path: o.File, Title: c.Part.Title, Format: c.Part.Format, Size: c.Part.Size, Loud: c.Loud, Notes: c.Notes, Facts: c.Device.Facts, Spaces: c.Device.Spaces, WayAsked: c.WayAsked, Way: c.Way, ForAsked: c.ForAsked}
	got.Questions = []question{questionOf("whole", c.Whole), questionOf("genuine", c.Genuine), questionOf("fits", c.Fits)}
	left := maxParts
	got.Parts = []*partNode{nodeOf(c.Part, &left, &got.MoreParts)}
	all := *c.Part
	all.Source = block.WithContext(ctx, c.Part.Source)
	got.SHA256 = rescue.PartSum(&all)
	return got, ctx.Err()
}

func questionOf(name string, v firmware.Verdict) question {
	q := question{Name: name, Answer: v.Answer}
	kept := map[bool]int{}
	for _, r := range v.Rows {
		good := r.Answer == firmware.OK
		if kept[good]++; kept[good] <= maxRows {
			q.Rows = append(q.Rows, r)
		} else if good {
			q.MoreOK++
		} else {
			q.MoreBad++
		}
	}
	return q
}

// nodeOf keeps what is said of a part, as long as there are any left; the rest are counted.
func nodeOf(p *firmware.Part, left, more *int) *partNode {
	*left--
	n := &partNode{Title: p.Title, Name: p.Name, Version: p.Version, Compression: p.Compression, Offset: p.Offset, Size: p.Size, Unpacked: p.Unpacked, Findings: p.Findings}
	if n.Title == "" {
		n.Title = string(p.Role)
	}
	for _, c := range p.Children {
		if *left <= 0 {
			*more++
			continue
		}
		n.In = append(n.In, nodeOf(c, left, more))
	}
	return n
}

// checkOf returns the check that an address names; when there is none, it has answered, and returns nil.
func (s *Server) checkOf(w http.ResponseWriter, r *http.Request) *job {
	if j := s.jobs.get(r.PathValue("id")); j != nil && j.kind == "check" {
		return j
	}
	s.refuse(w, r, http.StatusNotFound, "refused.job")
	return nil
}

// firmwareAnswer shows how far a check is, and what it came to.
func (s *Server) firmwareAnswer(w http.ResponseWriter, r *http.Request) {
	j := s.checkOf(w, r)
	if j == nil {
		return
	}
	now, _ := j.see()
	v := view{Here: "firmware"}
	data := map[string]any{"Job": now}
	if got := s.answers.get(j.id); now.Running {
		v.Refresh = 1
	} else if got != nil {
		data["Name"], data["Draft"] = filepath.Base(got.Path), got.Draft
		if got.Refused != "" {
			data["Refused"] = s.refusedCheck(r, got.Refused)
		} else {
			data["Answer"] = shownAnswer(s.words[languageOf(r)], got)
		}
	}
	s.show(w, r, http.StatusOK, "checked", v, data)
}

// refusedCheck is the name of the words for a reason for which nothing was checked.
func (s *Server) refusedCheck(r *http.Request, code string) string {
	if name := "checked.refused." + code; s.words[languageOf(r)].has(name) {
		return name
	}
	if strings.HasPrefix(code, "host.") {
		return "checked.refused.file"
	}
	return "checked.refused.other"
}

// checkedBefore is a check of this run of the program.
type checkedBefore struct {
	ID, Name string
	Running  bool
	Verdict  string // name of the sentence over all; "" where nothing came of it
}

// checksBefore are the checks of this run, the newest first: a page that was closed is found again.
func (s *Server) checksBefore(lang catalogue) []checkedBefore {
	var out []checkedBefore
	for _, j := range s.jobs.all() {
		if j.Kind != "check" {
			continue
		}
		c := checkedBefore{ID: j.ID, Name: filepath.Base(j.To), Running: j.Running}
		if got := s.answers.get(j.ID); got != nil && got.Refused == "" {
			c.Verdict = shownAnswer(lang, got).Verdict
		}
		out = append(out, c)
	}
	return out
}

// firmwareStop ends a check before its end.
func (s *Server) firmwareStop(w http.ResponseWriter, r *http.Request) {
	j := s.checkOf(w, r)
	if j == nil {
		return
	}
	s.jobs.pause(j)
	http.Redirect(w, r, "/firmware/check/"+j.id, http.StatusSeeOther)
}
