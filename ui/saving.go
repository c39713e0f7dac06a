package ui

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"salvor/host"
	"salvor/internal/wire"
	"salvor/recovery"
	"salvor/rescue"
)

// keptSaving is a saving that has begun, as it is kept until it has ended: the program goes on with it when it is started
// again.
type keptSaving struct {
	Case, To string
	Query    recovery.Query
}

func (k keptSaving) key() string { return knownCase{Dir: k.Case}.Key() }

// name is that of its file.
func (k keptSaving) name() string {
	sum := sha256.Sum256([]byte(k.Case + "\x00" + k.To))
	return hex.EncodeToString(sum[:12]) + ".json"
}

// maxKeptSaving bounds what is kept of one saving in bytes, a choice of very many files among it. One that is larger is not
// gone on with by itself.
const maxKeptSaving = 32 << 20

// savings are those of one server: what runs is kept in files, what came out in memory.
type savings struct {
	dir  string // "" keeps nothing
	mu   sync.Mutex
	ends map[string]*rescue.Saving // by name
}

func newSavings(state string) *savings {
	s := &savings{ends: map[string]*rescue.Saving{}}
	if state != "" {
		s.dir = filepath.Join(state, "savings")
	}
	return s
}

func (s *savings) keep(k keptSaving) error {
	if s.dir == "" {
		return nil
	}
	text, err := json.Marshal(k)
	if err != nil || len(text) > maxKeptSaving {
		return err
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	return host.ReplaceFile(filepath.Join(s.dir, k.name()), false, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

func (s *savings) forget(k keptSaving) error {
	if s.dir == "" {
		return nil
	}
	if err := os.Remove(filepath.Join(s.dir, k.name())); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// kept returns what was not ended when the program was.
func (s *savings) kept() (list []keptSaving, err error) {
	if s.dir == "" {
		return nil, nil
	}
	files, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, f := range files {
		text, readErr := os.ReadFile(filepath.Join(s.dir, f.Name()))
		var k keptSaving
		if readErr == nil {
			readErr = json.Unmarshal(text, &k)
		}
		if readErr != nil || k.name() != f.Name() {
			err = errors.Join(err, readErr)
			continue
		}
		list = append(list, k)
	}
	return list, err
}

func (s *savings) ended(k keptSaving, end *rescue.Saving) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ends) >= maxJobs {
		clear(s.ends) // what came out stands in the reports, too
	}
	s.ends[k.name()] = end
}

func (s *savings) end(k keptSaving) *rescue.Saving {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ends[k.name()]
}

// saveJob begins a saving, or goes on with it.
func (s *Server) saveJob(k keptSaving) *job {
	return s.jobs.add(&job{kind: "save", key: k.key(), to: k.To, what: words(k.Query), work: func(ctx context.Context, e rescue.Events) (wire.Result, error) {
		if err := s.savings.keep(k); err != nil {
			s.o.Log.Warn("a saving would not go on by itself", "error", err)
		}
		s.savings.ended(k, nil)
		end, err := s.saveNow(ctx, k, e)
		if s.ctx.Err() == nil { // it has ended or was paused, and not the program
			if err := s.savings.forget(k); err != nil {
				s.o.Log.Warn("a saving that has ended would begin again", "error", err)
			}
		}
		if err == nil {
			s.savings.ended(k, &end)
		}
		return end.Result, err
	}})
}

func (s *Server) saveNow(ctx context.Context, k keptSaving, e rescue.Events) (rescue.Saving, error) {
	of, ok := s.known.get(k.key())
	if !ok {
		of = knownCase{Dir: k.Case}
	}
	c, err := s.openCase(ctx, of)
	if err != nil {
		return rescue.Saving{}, err
	}
	defer c.Close()
	return c.SaveElsewhere(ctx, k.To, k.Query, e)
}

// resumeSavings goes on with what was not ended when the program was.
func (s *Server) resumeSavings() {
	list, err := s.savings.kept()
	if err != nil {
		s.o.Log.Warn("savings that were not ended", "error", err)
	}
	for _, k := range list {
		if _, ok := s.known.get(k.key()); ok {
			s.saveJob(k)
		}
	}
}

// jobPage shows a job, by the page of its kind where there is one.
func (s *Server) jobPage(w http.ResponseWriter, r *http.Request) {
	j := s.jobs.get(r.PathValue("id"))
	if j == nil {
		s.job(w, r)
		return
	}
	switch j.kind {
	case "save":
		s.savingPage(w, r, j)
	case "verify":
		s.verifyPage(w, r, j)
	default:
		s.job(w, r)
	}
}

// savingPage shows a saving in its steps: writing, reading again, the report.
func (s *Server) savingPage(w http.ResponseWriter, r *http.Request, j *job) {
	now, _ := j.see()
	v := view{Title: s.words[languageOf(r)].say("job.title.save"), Here: "cases"}
	if now.Running {
		v.Refresh = 2
	}
	data := map[string]any{"Job": now, "To": now.To}
	k, ok := s.known.get(now.Key)
	if !ok {
		s.show(w, r, http.StatusOK, "saving", v, data)
		return
	}
	data["Case"], data["CaseName"] = k.Key(), k.Name()
	end := s.savings.end(keptSaving{Case: k.Dir, To: now.To})
	if !now.Running && end != nil {
		data["End"] = end
		data["Light"] = "green"
		if end.Exit != rescue.ExitDone {
			data["Light"] = "yellow"
		}
		if end.Saved.Differ > 0 {
			data["Light"] = "red"
		}
		data["Stopped"] = end.Exit == rescue.ExitStopped
		data["Bad"] = end.Saved.Failed + end.Saved.Lowered
		data["Chosen"] = end.Need.Files + end.Need.TooLarge.Files
		if end.Report != "" {
			data["Report"] = s.savingReportAddress(end.Report)
		}
	}
	s.show(w, r, http.StatusOK, "saving", v, data)
}

// savingReportAddress is where the report of a saving is. It stands outside of any case, so that its path is part of what is
// sealed.
func (s *Server) savingReportAddress(path string) string {
	return s.contentURL("/s/" + s.seal.ticket("saving report", path))
}

// savingReport answers with the report of a saving, which carries its own style, and no script.
func (s *Server) savingReport(w http.ResponseWriter, r *http.Request) {
	path, ok := s.seal.place("saving report", r.PathValue("ticket"))
	if !ok {
		http.NotFound(w, r)
		return
	}
	s.reportAt(w, r, path)
}

// reportAt answers with a report. What stands on another disk may be another file by now: nothing in it is run.
func (s *Server) reportAt(w http.ResponseWriter, r *http.Request, path string) {
	if host.FileSize(path) < 0 {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, err := host.ReadFile(path, func(f io.Reader, _ io.ReaderAt, _ int64) error {
		_, err := io.Copy(w, f)
		return err
	})
	if err != nil {
		s.o.Log.Debug("a report", "path", path, "error", err)
	}
	breakOff(w, err)
}

// verifyPage shows a check of a case, and how it ended in words.
func (s *Server) verifyPage(w http.ResponseWriter, r *http.Request, j *job) {
	now, _ := j.see()
	v := view{Title: s.words[languageOf(r)].say("job.title.verify"), Here: "cases"}
	if now.Running {
		v.Refresh = 2
	}
	data := map[string]any{"Job": now}
	if k, ok := s.known.get(now.Key); ok {
		data["Case"], data["CaseName"] = k.Key(), k.Name()
	}
	if now.Result != nil {
		switch now.Result.Exit {
		case rescue.ExitDone:
			data["End"], data["Light"] = "same", "green"
		case rescue.ExitBad:
			data["End"], data["Light"] = "changed", "red"
		case rescue.ExitReserved:
			data["End"], data["Light"] = "reserved", "yellow"
		case rescue.ExitStopped:
			data["End"], data["Light"] = "stopped", "yellow"
		default:
			data["End"], data["Light"] = "failed", "red"
		}
		data["Bad"] = len(slices.DeleteFunc(slices.Clone(now.Findings), func(f wire.Finding) bool {
			return !strings.HasPrefix(f.Code, "verify.") || f.Code == "verify.extra"
		})) + now.More
	}
	s.show(w, r, http.StatusOK, "verifying", v, data)
}
