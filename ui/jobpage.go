package ui

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"salvor/host"
)

// job shows a job: how far it is, or how it ended.
func (s *Server) job(w http.ResponseWriter, r *http.Request) {
	j := s.jobs.get(r.PathValue("id"))
	if j == nil {
		s.refuse(w, r, http.StatusNotFound, "refused.job")
		return
	}
	now, _ := j.see()
	lang := s.words[languageOf(r)]
	v := view{Title: lang.say("job.title." + now.Kind)}
	if now.Running {
		v.Refresh = 2
	}
	data := map[string]any{"Job": now, "To": now.To}
	name := ""
	if k, ok := s.known.get(now.Key); ok {
		name = plain(k.Name())
		data["Case"], data["CaseName"] = k.Key(), k.Name()
		if now.Kind == "rescue" {
			data["Pictures"] = s.picturesOf(now, k.Dir)
			data["Unlock"] = s.unlockOfCase(r, k)
			data["Browse"] = now.Running && now.Progress.Step == "copy"
		}
		data["Ready"] = !now.Running && host.FileSize(filepath.Join(k.Dir, "report.html")) > 0
	}
	if now.Result != nil && now.Result.Code == noRights {
		data["Refusal"] = s.refusalOf(r, *now.Result, now.Sources, r.URL.Path)
	}
	data["Ending"] = endingOf(lang, now, name)
	s.show(w, r, http.StatusOK, "job", v, data)
}

// moved is what a page with scripts is told of a job.
type moved struct {
	Running  bool      `json:"running"`
	Step     string    `json:"step"`
	Percent  int       `json:"percent"`
	Of       string    `json:"of"`
	Done     string    `json:"done"`
	Total    string    `json:"total"`
	Bytes    bool      `json:"bytes"`
	Rate     string    `json:"rate"`
	Left     string    `json:"left"`
	Safe     string    `json:"safe"`
	Files    int64     `json:"files"`
	Pictures []drawing `json:"pictures,omitempty"`
	// Checked is how much of a saving was read again and compared, in percent, and CheckedWords says so.
	Checked      int    `json:"checked"`
	CheckedWords string `json:"checked_words,omitempty"`
}

// drawing is a picture of a medium for a page that draws it itself.
type drawing struct {
	Source int               `json:"source"`
	Cells  string            `json:"cells"`
	Shares map[string]string `json:"shares"`
	Copied string            `json:"copied"`
}

// movedTo says how far a job is.
func movedTo(lang catalogue, now seen) moved {
	p := now.Progress
	m := moved{Running: now.Running, Step: lang.say("step." + p.Step), Percent: int(100 * float64(p.Done) / float64(max(p.Total, 1))), Done: host.Bytes(p.Done), Total: host.Bytes(p.Total),
		Bytes: p.Unit == "bytes", Left: left(p.Left), Files: p.SafeFiles}
	if m.Bytes {
		m.Of = lang.say("job.of", m.Done, m.Total)
		if p.Rate > 0 {
			m.Rate = lang.say("job.rate", host.Bytes(int64(p.Rate)))
		}
	}
	if m.Left != "" {
		m.Left = lang.say("job.left", m.Left)
	}
	if now.Kind == "save" {
		m.Checked, m.CheckedWords = int(100*float64(p.SafeBytes)/float64(max(p.Total, 1))), lang.say("saving.check.far", p.SafeFiles, host.Bytes(p.SafeBytes))
	}
	if p.SafeFiles > 0 {
		m.Safe = lang.say("job.safe", p.SafeFiles, host.Bytes(p.SafeBytes))
	}
	for _, d := range now.Pictures {
		one := drawing{Source: d.Source, Cells: d.Cells, Shares: map[string]string{}, Copied: lang.say("copy.copied", d.Copied(), host.Bytes(d.Size))}
		for _, a := range d.Shares() {
			one.Shares[a.State] = lang.say("copy.share", a.Amount, a.Percent)
		}
		m.Pictures = append(m.Pictures, one)
	}
	return m
}

// jobEvents tells a page of each change, a few times a second at most, until the job ends or the page is closed.
func (s *Server) jobEvents(w http.ResponseWriter, r *http.Request) {
	j := s.jobs.get(r.PathValue("id"))
	if j == nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	stream := http.NewResponseController(w)
	lang := s.words[languageOf(r)]
	for {
		now, changed := j.see()
		line, err := json.Marshal(movedTo(lang, now))
		if err != nil {
			return
		}
		if _, err := fmt.Fprintf(w, "data: %s\n\n", line); err != nil || stream.Flush() != nil || !now.Running {
			return
		}
		select {
		case <-changed:
		case <-time.After(15 * time.Second): // keeps the connection alive
		case <-r.Context().Done():
			return
		}
		select {
		case <-time.After(250 * time.Millisecond):
		case <-r.Context().Done():
			return
		}
	}
}

func (s *Server) jobPause(w http.ResponseWriter, r *http.Request) { s.jobDo(w, r, s.jobs.pause) }
func (s *Server) jobResume(w http.ResponseWriter, r *http.Request) {
	if !s.rightsOfJob(w, r) {
		s.jobDo(w, r, s.jobs.goOn)
	}
}

func (s *Server) jobDo(w http.ResponseWriter, r *http.Request, do func(*job) *job) {
	j := s.jobs.get(r.PathValue("id"))
	if j == nil {
		s.refuse(w, r, http.StatusNotFound, "refused.job")
		return
	}
	http.Redirect(w, r, "/job/"+do(j).id, http.StatusSeeOther)
}
