package ui

import (
	"context"
	"html/template"
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"salvor/finding"
	"salvor/host"
	"salvor/internal/wire"
	"salvor/layers"
	"salvor/rescue"
)

// node is a layer with those in it.
type node struct {
	Layer wire.Layer
	In    []*node
}

// State is the name of what the layer's state is called.
func (n *node) State() string { return "state." + n.Mark() }

// Mark is the layer's state: one that can be used and has something to be warned of is not simply in order.
func (n *node) Mark() string {
	if warned(&n.Layer) {
		return "warned"
	}
	return n.Layer.State
}

// warned reports whether a layer is in order but for what a finding warns of.
func warned(l *wire.Layer) bool {
	return l.State == string(layers.Good) && finding.Worst(l.Findings) > finding.Info
}

// tableKinds are the kinds of layers that say what stands where.
var tableKinds = []string{"gpt", "mbr", "apm", "bsd", "sun", "sgi", "atari", "pmt", "mtdparts"}

// Kind is the name of what a layer is called by someone who knows no file systems.
func (n *node) Kind() string {
	l := n.Layer
	switch {
	case l.State == string(layers.Locked):
		return "kind.locked"
	case l.Volume > 0 && l.Set == "":
		return "kind.files"
	case l.Kind == "disk":
		return "kind.disk"
	case l.Kind == "partition":
		return "kind.part"
	case l.Kind == "free":
		return "kind.free"
	case l.Kind == "swap":
		return "kind.swap"
	case l.Set != "":
		return "kind.member"
	case len(l.Members) > 0:
		return "kind.set"
	case slices.Contains(tableKinds, l.Kind):
		return "kind.table"
	}
	return "kind.other"
}

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
	Warned                   int // parts that are in order but for what a finding warns of
}

func lightOf(list []wire.Layer) light {
	var l light
	for _, n := range list {
		if n.Rival {
			continue
		}
		if warned(&n) {
			l.Warned++
		}
		if n.Volume == 0 || n.Set != "" {
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
	case l.Warned > 0:
		l.Colour, l.Sentence = "yellow", "look.warned"
	default:
		l.Colour, l.Sentence = "green", "look.good"
	}
	return l
}

// phoneLabels are names of partitions that only phones and tablets have.
var phoneLabels = []string{"userdata", "super", "vbmeta", "vbmeta_a", "metadata"}

// lossesOf names what cannot be brought back from what was looked at, as far as that can be seen: what was seen here
// first, then what holds for any.
func lossesOf(list []wire.Layer, locks []lock, paths []string, unreadable int64) (seen, always []string) {
	add := func(is bool, name string) {
		if is {
			seen = append(seen, name)
		} else {
			always = append(always, name)
		}
	}
	phone, erased := 0, false
	for _, l := range list {
		if l.Kind == "partition" && slices.Contains(phoneLabels, strings.ToLower(l.Label)) {
			phone++
		}
		for _, f := range l.Findings {
			erased = erased || f.Code == "layers.erased"
		}
	}
	never := slices.ContainsFunc(locks, func(l lock) bool { return l.Never })
	if erased {
		seen = append(seen, "loss.erased")
	}
	if unreadable > 0 {
		seen = append(seen, "loss.unreadable")
	}
	if never {
		seen = append(seen, "loss.never")
	}
	add(closed(locks) > 0, "loss.locked")
	add(phone >= 2, "loss.phone")
	add(slices.ContainsFunc(paths, func(p string) bool {
		return strings.HasPrefix(p, "/dev/mmcblk") || strings.HasPrefix(p, "/dev/nvme")
	}), "loss.trimmed")
	return seen, append(always, "loss.overwritten")
}

// lookKey names a look at sources.
func (s *Server) lookKey(paths []string) string { return s.seal.mark("look", placesKey(paths)) }

func lookProgress(e rescue.Events) func(done, total int64) {
	return func(done, total int64) { e.Progress(wire.NewProgress("search", done, total, "bytes")) }
}

// lookJob begins to look at sources.
func (s *Server) lookJob(paths []string) *job {
	key := s.lookKey(paths)
	return s.jobs.add(&job{kind: "look", key: key, work: func(ctx context.Context, e rescue.Events) (wire.Result, error) {
		found, err := rescue.Look(ctx, paths, rescue.LookOptions{Keys: s.secrets.of(paths), Progress: lookProgress(e)})
		if err != nil {
			return wire.Result{}, err
		}
		s.looks.put(key, found)
		return wire.NewResult(rescue.ExitDone, "it was looked at", "it was only read", ""), nil
	}})
}

// names are what sources are called: the last part of each path.
func names(paths []string) (list []string) {
	for _, p := range paths {
		list = append(list, filepath.Base(p))
	}
	return list
}

// look shows what stands on sources. The looking is a job, since it can take a minute.
func (s *Server) look(w http.ResponseWriter, r *http.Request) {
	paths, ok := s.sources(r)
	if !ok {
		s.refuse(w, r, http.StatusForbidden, "refused.ticket")
		return
	}
	here := "/look?" + s.sourceQuery(paths)
	key := s.lookKey(paths)
	j := s.jobs.of("look", key)
	if again := r.URL.Query().Has("again"); j == nil || again {
		if s.rightsFirst(w, r, here+"&again=1", paths...) {
			return
		}
		j = s.lookJob(paths)
		if again { // the page that asks again for itself begins nothing again
			http.Redirect(w, r, here, http.StatusSeeOther)
			return
		}
	}
	now, _ := j.see()
	if now.Result != nil && now.Result.Exit == rescue.ExitDone && s.looks.get(key) == nil { // many others were looked at since
		j = s.lookJob(paths)
		now, _ = j.see()
	}
	data := map[string]any{"Paths": paths, "Names": names(paths), "Query": template.URL(s.sourceQuery(paths)), "Here": here, "Job": now}
	v := view{Here: "start"}
	found := s.looks.get(key)
	switch {
	case now.Running:
		v.Refresh = 1
	case now.Result != nil && now.Result.Exit != rescue.ExitDone:
		data["Refusal"] = s.refusalOf(r, *now.Result, paths, here)
	case found != nil:
		var list []wire.Layer
		for _, t := range found.Trees {
			list = append(list, wire.FromTree(t, t.Medium)...)
		}
		f := &unlockForm{Locks: locksOf(found.Trees), Fields: map[string][]string{"source": s.sourceTickets(paths)}}
		if !s.unlockFiles(f, r, here) {
			s.refuse(w, r, http.StatusForbidden, "refused.ticket")
			return
		}
		s.unlockState(f, s.unlockKey(paths, knownCase{}))
		if f.Running != nil {
			v.Refresh = 1
		}
		data["Unlock"], data["Light"], data["Tree"], data["Looked"] = f, lightOf(list), tree(list), found
		data["Lost"], data["Always"] = lossesOf(list, f.Locks, paths, found.Unreadable)
		data["Searched"], data["Size"] = host.Bytes(found.Searched-found.Unreadable), host.Bytes(found.Size)
		s.putDiagnosis(r, data, &v, paths)
		data["Device"] = found.Device
	}
	s.show(w, r, http.StatusOK, "look", v, data)
}
