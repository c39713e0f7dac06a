package ui

import (
	"io/fs"
	"net/http"
	"net/url"
	"os"
)

// diagnosisPart is what a page about a source or a case shows of why the update failed.
type diagnosisPart struct {
	Answer *shownWhy // nil where there is none yet
	Job    string    // that looks for it now; "" for none
	More   string    // the page with all of it; "" without an answer
	Ask    string    // the page that asks
}

// diagnosisOfCase returns what the case keeps of why the update failed, and the way to ask.
func (s *Server) diagnosisOfCase(lang string, k knownCase) *diagnosisPart {
	d := &diagnosisPart{Ask: "/why?case=" + k.Key()}
	found, err := s.keptWhy(k)
	if err != nil {
		s.o.Log.Warn("the answer that a case keeps", "case", k.Dir, "error", err)
	}
	if found != nil {
		d.Answer, d.More = s.explain(lang, &asking{caseKey: k.Key()}, found), "/case/"+k.Key()+"/why"
	}
	return d
}

// mostByItself is how large an image may be that is looked into without being asked to, in bytes: an image is checked as a
// package too, all of it.
const mostByItself = 8 << 30

// diagnosisOf returns what sources say of why the update failed: what a known case of them keeps; else what is found on
// an image, which is looked for now where it is not large. A device is not read for it without being asked to: it may be failing.
func (s *Server) diagnosisOf(lang string, sources []string) *diagnosisPart {
	if len(sources) == 0 {
		return nil
	}
	for _, k := range s.known.all() {
		if k.Source == sources[0] && isCase(k.Dir) {
			if d := s.diagnosisOfCase(lang, k); d.Answer != nil {
				return d
			}
		}
	}
	tickets := url.Values{}
	for _, path := range sources {
		tickets.Add("source", s.seal.ticket("source", path))
	}
	d := &diagnosisPart{Ask: "/why?" + tickets.Encode()}
	st, err := os.Stat(sources[0])
	if err != nil || len(sources) > 1 || st.Mode().Type() != fs.FileMode(0) || st.Size() > mostByItself {
		return d
	}
	q := &asking{id: s.seal.mark("why of", sources[0]), files: sources}
	if old, found := s.questions.get(q.id); found != nil {
		d.Answer, d.More = s.explain(lang, old, found), "/why/"+q.id
		return d
	}
	j := s.jobs.of("why", q.id)
	if j == nil {
		s.questions.put(q)
		j = s.ask(q)
	}
	if now, _ := j.see(); now.Running {
		d.Job = now.ID
	}
	return d
}

// putDiagnosis gives the page of sources what they say of why the update failed. While that is looked for, the page is
// made anew.
func (s *Server) putDiagnosis(r *http.Request, data map[string]any, v *view, sources []string) {
	d := s.diagnosisOf(languageOf(r), sources)
	data["Diagnosis"] = d
	if d != nil && d.Job != "" {
		v.Refresh = 1
	}
}
