package ui

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"salvor/host"
	"salvor/imaging"
	"salvor/rescue"
)

// folderName is a name that a person gave a new folder: one element, which leads nowhere else.
func folderName(text string) (string, bool) {
	text = strings.TrimSpace(text)
	ok := text != "" && text != "." && text != ".." && len(text) <= 200 && filepath.IsLocal(text) && !strings.ContainsAny(text, `/\:`) && strings.IndexFunc(text, unfit) < 0
	return text, ok
}

func unfit(r rune) bool { return r < ' ' || r == 0x7f }

// copyForm asks where the case is to be.
func (s *Server) copyForm(w http.ResponseWriter, r *http.Request) {
	ticket := r.URL.Query().Get("source")
	path, ok := s.seal.place("source", ticket)
	if !ok {
		s.refuse(w, r, http.StatusForbidden, "refused.ticket")
		return
	}
	if s.rightsFirst(w, r, r.URL.RequestURI(), path) {
		return
	}
	parent, err := os.UserHomeDir()
	if err != nil {
		parent = os.TempDir()
	}
	if t := r.URL.Query().Get("parent"); t != "" {
		if parent, ok = s.seal.place("parent", t); !ok {
			s.refuse(w, r, http.StatusForbidden, "refused.ticket")
			return
		}
	}
	data := map[string]any{"Path": path, "Name": filepath.Base(path), "Ticket": ticket, "Parent": parent, "ParentTicket": s.seal.ticket("parent", parent),
		"Then": "/copy?source=" + ticket, "Device": host.IsDevice(path), "Suggested": "rescued-" + time.Now().Format("2006-01-02-1504")}
	if t, err := host.InspectTarget(parent); err == nil {
		data["Free"], data["Memory"], data["ReadOnly"] = t.Free, t.Memory, t.ReadOnly
	}
	s.show(w, r, http.StatusOK, "copy", view{Here: "start"}, data)
}

// copyStart begins the main job.
func (s *Server) copyStart(w http.ResponseWriter, r *http.Request) {
	source, ok := s.seal.place("source", r.PostFormValue("source"))
	parent, okParent := s.seal.place("parent", r.PostFormValue("parent"))
	if !ok || !okParent {
		s.refuse(w, r, http.StatusForbidden, "refused.ticket")
		return
	}
	name, ok := folderName(r.PostFormValue("name"))
	if !ok {
		s.refuse(w, r, http.StatusBadRequest, "refused.name")
		return
	}
	if s.rightsFirst(w, r, "/copy?"+s.sourceQuery([]string{source}), source) {
		return
	}
	j, err := s.jobs.rescueCase(knownCase{Dir: filepath.Join(parent, name), Source: source, Copy: r.PostFormValue("copy") != ""})
	if err != nil {
		s.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/job/"+j.id, http.StatusSeeOther)
}

// cell is a part of the picture of a medium, with the worst that is in it.
type cell struct {
	X, Y  int
	State string // good, slow, bad, rest
}

// Cells of the picture: its width, and how many there are.
const (
	cellsAcross = 64
	cellCount   = 512
)

// cellsOf paints a map.
func cellsOf(m *imaging.Map, size int64) []cell {
	if m == nil || size <= 0 {
		return nil
	}
	rank := map[imaging.Status]int{imaging.Finished: 0, imaging.NonTried: 1, imaging.NonTrimmed: 2, imaging.NonScraped: 2, imaging.BadSector: 3}
	names := []string{"good", "rest", "slow", "bad"}
	n := int(min(cellCount, max(size/4096, 1)))
	worst := make([]int, n)
	for e, status := range m.All() {
		first, last := cellAt(e.Offset, size, n), cellAt(e.End()-1, size, n)
		for i := first; i <= last; i++ {
			worst[i] = max(worst[i], rank[status])
		}
	}
	out := make([]cell, n)
	for i := range out {
		out[i] = cell{i % cellsAcross * 10, i / cellsAcross * 10, names[worst[i]]}
	}
	return out
}

// cellAt returns the cell of a byte.
func cellAt(at, size int64, n int) int {
	return min(max(int(float64(at)/float64(size)*float64(n)), 0), n-1)
}

// mapOf paints the copy of the first source of a case; nil where there is none.
func (s *Server) mapOf(dir string) []cell {
	m, err := rescue.MapOf(dir, s.o.Program)
	if err != nil {
		return nil
	}
	end := int64(0)
	for e := range m.All() {
		end = e.End()
	}
	return cellsOf(m, end)
}

// job shows a job: how far it is, or how it ended.
func (s *Server) job(w http.ResponseWriter, r *http.Request) {
	j := s.jobs.get(r.PathValue("id"))
	if j == nil {
		s.refuse(w, r, http.StatusNotFound, "refused.job")
		return
	}
	now, _ := j.see()
	v := view{Title: s.words[languageOf(r)].say("job.title." + now.Kind)}
	if now.Running {
		v.Refresh = 2
	}
	data := map[string]any{"Job": now, "To": now.To}
	if k, ok := s.known.get(now.Key); ok {
		data["Case"], data["CaseName"] = k.Key(), k.Name()
		if now.Kind == "rescue" {
			cells := s.mapOf(k.Dir)
			data["Cells"], data["CellsHigh"] = cells, (len(cells)+cellsAcross-1)/cellsAcross*10
		}
		data["Ready"] = !now.Running && host.FileSize(filepath.Join(k.Dir, "report.html")) > 0
	}
	s.show(w, r, http.StatusOK, "job", v, data)
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
		p := now.Progress
		line, err := json.Marshal(map[string]any{"running": now.Running, "step": lang.say("step." + p.Step), "percent": int(100 * float64(p.Done) / float64(max(p.Total, 1))),
			"done": host.Bytes(p.Done), "total": host.Bytes(p.Total), "bytes": p.Unit == "bytes", "rate": host.Bytes(int64(p.Rate)), "left": left(p.Left),
			"safe": lang.say("job.safe", p.SafeFiles, host.Bytes(p.SafeBytes)), "files": p.SafeFiles})
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

func (s *Server) jobDo(w http.ResponseWriter, r *http.Request, do func(*job)) {
	j := s.jobs.get(r.PathValue("id"))
	if j == nil {
		s.refuse(w, r, http.StatusNotFound, "refused.job")
		return
	}
	do(j)
	http.Redirect(w, r, "/job/"+j.id, http.StatusSeeOther)
}
