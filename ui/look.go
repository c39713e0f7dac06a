package ui

import (
	"context"
	"net/http"
	"path/filepath"
	"sync"

	"salvor/host"
	"salvor/internal/wire"
	"salvor/layers"
	"salvor/rescue"
)

// looks keeps what was found on sources by the look jobs of this server.
type looks struct {
	mu   sync.Mutex
	list map[string]*rescue.Looked
}

func (l *looks) put(key string, found *rescue.Looked) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.list == nil || len(l.list) >= maxJobs {
		l.list = map[string]*rescue.Looked{}
	}
	l.list[key] = found
}

func (l *looks) get(key string) *rescue.Looked {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.list[key]
}

// node is a layer with those in it.
type node struct {
	Layer wire.Layer
	In    []*node
}

// State is the name of what the layer's state is called.
func (n *node) State() string { return "state." + n.Layer.State }

// tree puts layers into each other.
func tree(list []wire.Layer) []*node {
	var roots []*node
	at := map[string]*node{}
	for _, l := range list {
		n := &node{Layer: l}
		if up := at[l.Parent]; up != nil && l.Parent != "" {
			up.In = append(up.In, n)
		} else {
			roots = append(roots, n)
		}
		at[l.ID] = n
	}
	return roots
}

// light is what a tree of layers comes to: a colour, and the name of a sentence.
type light struct {
	Colour, Sentence         string
	Volumes, Damaged, Locked int
}

func lightOf(list []wire.Layer) light {
	var l light
	for _, n := range list {
		if n.Rival || n.Volume == 0 || n.Set != "" {
			continue
		}
		l.Volumes++
		switch layers.State(n.State) {
		case layers.Locked:
			l.Locked++
		case layers.Good:
		default:
			l.Damaged++
		}
	}
	switch {
	case l.Volumes == 0:
		l.Colour, l.Sentence = "red", "look.none"
	case l.Locked == l.Volumes:
		l.Colour, l.Sentence = "red", "look.locked"
	case l.Damaged+l.Locked > 0:
		l.Colour, l.Sentence = "yellow", "look.some"
	default:
		l.Colour, l.Sentence = "green", "look.good"
	}
	return l
}

// look shows what stands on a source. The looking is a job, since it can take a minute.
func (s *Server) look(w http.ResponseWriter, r *http.Request) {
	ticket := r.URL.Query().Get("source")
	path, ok := s.seal.place("source", ticket)
	if !ok {
		s.refuse(w, r, http.StatusForbidden, "refused.ticket")
		return
	}
	j := s.jobs.of("look", ticket)
	if j == nil || r.URL.Query().Has("again") {
		if s.rightsFirst(w, r, r.URL.RequestURI(), path) {
			return
		}
		j = s.jobs.add(&job{kind: "look", key: ticket, work: func(ctx context.Context, e rescue.Events) (wire.Result, error) {
			found, err := rescue.Look(ctx, []string{path}, rescue.LookOptions{Progress: func(done, total int64) {
				e.Progress(wire.NewProgress("search", done, total, "bytes"))
			}})
			if err != nil {
				return wire.Result{}, err
			}
			s.looks.put(ticket, found)
			return wire.NewResult(rescue.ExitDone, "it was looked at", "it was only read", ""), nil
		}})
	}
	now, _ := j.see()
	data := map[string]any{"Path": path, "Name": filepath.Base(path), "Ticket": ticket, "Job": now}
	v := view{Here: "start"}
	found := s.looks.get(ticket)
	switch {
	case now.Running:
		v.Refresh = 1
	case found != nil:
		var list []wire.Layer
		for _, t := range found.Trees {
			list = append(list, wire.FromTree(t, t.Medium)...)
		}
		data["Light"], data["Tree"], data["Looked"] = lightOf(list), tree(list), found
		data["Searched"], data["Size"] = host.Bytes(found.Searched-found.Unreadable), host.Bytes(found.Size)
		s.putDiagnosis(r, data, &v, []string{path})
	}
	s.show(w, r, http.StatusOK, "look", v, data)
}
