package ui

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"salvor/internal/wire"
	"salvor/rescue"
)

// Bounds of one question.
const (
	maxSaid   = 1 << 20 // bytes
	maxInputs = 200     // files
)

// asking is what was asked of a failed update. It does not change once it is made: to ask anew makes another one.
type asking struct {
	id           string
	said, device string
	caseKey      string
	files        []string // logs, packages, images
	sure         bool     // asked to see whether the case holds the files, by someone who looked at them
}

func (q *asking) empty() bool {
	return strings.TrimSpace(q.said) == "" && q.caseKey == "" && len(q.files) == 0
}

// foundWhy is what an asking came to.
type foundWhy struct {
	lines     wire.Answering
	filesSafe bool
	safety    string // why the case shows the files safe, or why not
	notes     []string
}

// proof says that a person confirmed, and that the case showed, that the files of a device are safe.
type proof struct {
	words string
	at    time.Time
}

// questions are those of this server, with the answers, and the cases that were found to hold the files.
type questions struct {
	mu      sync.Mutex
	list    map[string]*asking
	order   []string
	answers map[string]*foundWhy
	proofs  map[string]proof
}

func newQuestions() *questions {
	return &questions{list: map[string]*asking{}, answers: map[string]*foundWhy{}, proofs: map[string]proof{}}
}

// put takes a question; the oldest goes.
func (qs *questions) put(q *asking) {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	if qs.list[q.id] == nil {
		qs.order = append(qs.order, q.id)
	}
	qs.list[q.id] = q
	if len(qs.order) > maxJobs {
		old := qs.order[0]
		qs.order = qs.order[1:]
		delete(qs.list, old)
		delete(qs.answers, old)
	}
}

func (qs *questions) get(id string) (*asking, *foundWhy) {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	return qs.list[id], qs.answers[id]
}

// answered keeps an answer. One that does not show the files of its case safe takes an earlier proof away.
func (qs *questions) answered(q *asking, a *foundWhy) {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	if qs.list[q.id] != nil {
		qs.answers[q.id] = a
	}
	switch {
	case q.caseKey == "":
	case !a.filesSafe:
		delete(qs.proofs, q.caseKey)
	case q.sure:
		qs.proofs[q.caseKey] = proof{a.safety, time.Now()}
	}
}

// proofOf returns the proof that the files of a device are safe in the case. It holds as long as the case is there, and
// nothing was rescued into it since.
func (s *Server) proofOf(key string) (proof, bool) {
	s.questions.mu.Lock()
	p, ok := s.questions.proofs[key]
	s.questions.mu.Unlock()
	k, known := s.known.get(key)
	if !ok || !known || !isCase(k.Dir) {
		return proof{}, false
	}
	if j := s.jobs.of("rescue", key); j != nil {
		if now, _ := j.see(); now.Running || now.Begun.After(p.at) {
			return proof{}, false
		}
	}
	return p, true
}

// inputFile is a file of a question, for the form.
type inputFile struct{ Name, Path, Ticket string }

// why shows the form, with what an earlier question, the picker or another page put into it.
func (s *Server) why(w http.ResponseWriter, r *http.Request) {
	ask := r.URL.Query()
	q := &asking{caseKey: ask.Get("case")}
	if id := ask.Get("q"); id != "" {
		old, _ := s.questions.get(id)
		if old == nil {
			s.refuse(w, r, http.StatusNotFound, "refused.why")
			return
		}
		again := *old
		q = &again
	}
	files, ok := s.whyFiles(ask)
	if !ok {
		s.refuse(w, r, http.StatusForbidden, "refused.ticket")
		return
	}
	var list []inputFile
	for _, path := range append(q.files[:len(q.files):len(q.files)], files...) {
		if !slices.ContainsFunc(list, func(f inputFile) bool { return f.Path == path }) {
			list = append(list, inputFile{filepath.Base(path), s.uploads.hide(path), s.seal.ticket("log", path)})
		}
	}
	data := map[string]any{"Q": q.id, "Said": q.said, "Device": q.device, "Case": q.caseKey, "Files": list, "Cases": s.known.all(), "Nothing": ask.Has("nothing"), "MaxSaid": maxSaid / 2}
	if k, ok := s.known.get(q.caseKey); ok {
		data["Diagnosis"] = s.diagnosisOfCase(languageOf(r), k)
	}
	s.show(w, r, http.StatusOK, "why", view{Here: "why"}, data)
}

// whyFiles returns the files of tickets: logs, and sources of other pages.
func (s *Server) whyFiles(fields url.Values) ([]string, bool) {
	var out []string
	for _, purpose := range []string{"log", "source"} {
		for _, t := range fields[purpose] {
			path, ok := s.seal.place(purpose, t)
			if !ok || len(out) == maxInputs {
				return nil, false
			}
			if !slices.Contains(out, path) {
				out = append(out, path)
			}
		}
	}
	return out, true
}

// whyAsk takes the form: it asks, goes to the picker, or has a case show that the files are safe.
func (s *Server) whyAsk(w http.ResponseWriter, r *http.Request) {
	fields, files := r.PostForm, []string(nil)
	if carriesFiles(r) {
		got, err := s.receive(r, func(url.Values) bool { return true })
		if err != nil {
			s.refuseUpload(w, r, err)
			return
		}
		fields, files = got.fields, got.files
	}
	q, status, why := s.questionOf(fields)
	if why == "" && len(q.files)+len(files) > maxInputs {
		status, why = http.StatusConflict, "refused.upload.many"
	}
	if why != "" {
		if err := s.uploads.drop(files); err != nil {
			s.o.Log.Warn("files of a form that was refused", "error", err)
		}
		s.refuse(w, r, status, why)
		return
	}
	q.files = append(q.files, files...)
	s.questions.put(q)
	switch {
	case fields.Get("do") == "pick":
		http.Redirect(w, r, "/pick/log?"+url.Values{"then": {"/why?q=" + q.id}}.Encode(), http.StatusSeeOther)
	case q.empty():
		http.Redirect(w, r, "/why?nothing=1&q="+q.id, http.StatusSeeOther)
	default:
		s.ask(q)
		http.Redirect(w, r, "/why/"+q.id, http.StatusSeeOther)
	}
}

// questionOf makes a question of the fields of a form. Where it is not taken, why names the reason.
func (s *Server) questionOf(fields url.Values) (q *asking, status int, why string) {
	q = &asking{id: s.seal.mark("why", time.Now().String()), said: fields.Get("said"), device: strings.TrimSpace(fields.Get("device")), caseKey: fields.Get("case")}
	if len(q.said) > maxSaid || len(q.device) > maxWords {
		return nil, http.StatusRequestEntityTooLarge, "refused.why.long"
	}
	var ok bool
	if q.files, ok = s.whyFiles(fields); !ok {
		return nil, http.StatusForbidden, "refused.ticket"
	}
	if fields.Get("do") == "prove" {
		if fields.Get("sure") == "" {
			return nil, http.StatusConflict, "refused.why.sure"
		}
		q.sure = true
		if id := fields.Get("q"); id != "" {
			old, _ := s.questions.get(id)
			switch {
			case old == nil:
				return nil, http.StatusNotFound, "refused.why"
			case old.caseKey != "" && old.caseKey != q.caseKey:
				return nil, http.StatusConflict, "refused.why.other"
			}
			q.said, q.device, q.files = old.said, old.device, slices.Clone(old.files)
		}
	}
	if _, ok := s.known.get(q.caseKey); !ok && (q.caseKey != "" || q.sure) {
		return nil, http.StatusNotFound, "refused.case"
	}
	return q, 0, ""
}

// ask begins to look for the answer.
func (s *Server) ask(q *asking) *job {
	o := rescue.WhyOptions{Said: q.said, Program: s.o.Program, VerifyAll: q.sure}
	if q.device != "" {
		o.Device = label(q.device)
	}
	if k, ok := s.known.get(q.caseKey); ok {
		o.Inputs = append(o.Inputs, rescue.WhyInput{Name: k.Dir})
	}
	for _, path := range q.files {
		o.Inputs = append(o.Inputs, rescue.WhyInput{Name: path})
	}
	return s.jobs.add(&job{kind: "why", key: q.id, work: func(ctx context.Context, e rescue.Events) (wire.Result, error) {
		found, err := rescue.FindWhy(ctx, o, e)
		if err != nil {
			return wire.Result{}, err
		}
		a := &foundWhy{lines: found.Lines(), filesSafe: found.FilesSafe, safety: found.Safety}
		for _, n := range found.Notes {
			a.notes = append(a.notes, n.String())
		}
		s.questions.answered(q, a)
		return found.Result(), nil
	}})
}

// whyAnswer shows what was found, or how far it is.
func (s *Server) whyAnswer(w http.ResponseWriter, r *http.Request) {
	q, found := s.questions.get(r.PathValue("id"))
	if q == nil {
		s.refuse(w, r, http.StatusNotFound, "refused.why")
		return
	}
	data := map[string]any{"Q": q.id}
	v := view{Here: "why"}
	if j := s.jobs.of("why", q.id); j != nil {
		now, _ := j.see()
		data["Job"] = now
		if now.Running {
			v.Refresh = 1
		}
	}
	if found != nil {
		data["A"] = s.explain(languageOf(r), q, found)
	}
	s.show(w, r, http.StatusOK, "whyanswer", v, data)
}

// caseWhy shows what the case keeps of why the update failed.
func (s *Server) caseWhy(w http.ResponseWriter, r *http.Request) {
	k, ok := s.known.get(r.PathValue("key"))
	if !ok {
		s.refuse(w, r, http.StatusNotFound, "refused.case")
		return
	}
	found, err := s.keptWhy(k)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if found == nil {
		http.Redirect(w, r, "/why?case="+k.Key(), http.StatusSeeOther)
		return
	}
	s.show(w, r, http.StatusOK, "whyanswer", view{Here: "why"}, map[string]any{"A": s.explain(languageOf(r), &asking{caseKey: k.Key()}, found)})
}

// keptWhy returns the answer that a case keeps; nil where there is none.
func (s *Server) keptWhy(k knownCase) (_ *foundWhy, err error) {
	c, err := rescue.OpenCase(k.Dir, s.o.Program)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	a, err := c.Answer()
	if err != nil || a == nil {
		return nil, err
	}
	return &foundWhy{lines: a.Answering, filesSafe: a.Diagnosis.FilesSafe, safety: a.Diagnosis.Safety}, nil
}
