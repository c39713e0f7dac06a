package ui

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"salvor/host"
)

// diskCard is a disk of this computer on the first page.
type diskCard struct {
	Disk   host.Disk
	Ticket string // "" for one that cannot be chosen
	Why    string // name of the reason
	Notes  []string
}

func (s *Server) start(w http.ResponseWriter, r *http.Request) {
	lang := s.words[languageOf(r)]
	var cards []diskCard
	disks, err := host.Disks(r.Context())
	for _, d := range disks {
		c := diskCard{Disk: d}
		switch {
		case d.System:
			c.Why = "start.disk.system"
		case d.Size == 0:
			c.Why = "start.disk.empty"
		default:
			c.Ticket = s.seal.ticket("source", d.Path)
		}
		if d.Removable {
			c.Notes = append(c.Notes, lang.say("start.disk.removable"))
		}
		if d.Virtual {
			c.Notes = append(c.Notes, lang.say("start.disk.virtual"))
		}
		for _, h := range d.Holders {
			c.Notes = append(c.Notes, h.String())
		}
		if d.Health.Known {
			c.Notes = append(c.Notes, d.Health.Words())
		}
		cards = append(cards, c)
	}
	known := s.known.all()
	s.show(w, r, http.StatusOK, "start", view{Here: "start"}, map[string]any{"Disks": cards, "Failed": err, "Known": len(known)})
}

// purposes are what a place can be chosen for: a file or a folder, and the page that it is chosen for when none is named.
var purposes = map[string]struct {
	folder bool
	then   string
}{
	"source": {false, "/look"}, "package": {false, "/firmware"}, "log": {false, "/why"}, "parent": {true, "/copy"}, "target": {true, ""}, "case": {true, ""},
}

// place is a file or a folder that can be chosen.
type place struct {
	Name   string
	Into   string // address that goes into it, for a folder
	Choose string // address that chooses it
	Ticket string
	Size   int64
	Folder bool
	IsCase bool
}

// maxPlaces bounds what one folder shows.
const maxPlaces = 2000

// pick lists a folder of this computer, so that a file or a folder can be chosen in it. It goes only where a ticket
// leads that an earlier page gave.
func (s *Server) pick(w http.ResponseWriter, r *http.Request) {
	purpose := r.PathValue("purpose")
	p, ok := purposes[purpose]
	if !ok {
		s.refuse(w, r, http.StatusNotFound, "refused.page")
		return
	}
	then := p.then
	if t := r.URL.Query().Get("then"); t != "" {
		then = local(t)
	}
	dir, err := os.UserHomeDir()
	if err != nil {
		dir = string(filepath.Separator)
	}
	if t := r.URL.Query().Get("at"); t != "" {
		if dir, ok = s.seal.place("dir", t); !ok {
			s.refuse(w, r, http.StatusForbidden, "refused.ticket")
			return
		}
	}
	into := func(path string) string {
		q := url.Values{"at": {s.seal.ticket("dir", path)}}
		if then != p.then {
			q.Set("then", then)
		}
		return "/pick/" + purpose + "?" + q.Encode()
	}
	choose := func(path string) string {
		if then == "" {
			return ""
		}
		sign := "?"
		if strings.Contains(then, "?") {
			sign = "&"
		}
		return then + sign + purpose + "=" + url.QueryEscape(s.seal.ticket(purpose, path))
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	var places []place
	for _, e := range list {
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(path) // where links lead
		if err != nil || strings.HasPrefix(e.Name(), ".") || len(places) == maxPlaces {
			continue
		}
		switch {
		case info.IsDir():
			c := place{Name: e.Name(), Folder: true, Into: into(path)}
			if purpose == "case" && host.FileSize(filepath.Join(path, "case.json")) >= 0 {
				c.IsCase, c.Ticket = true, s.seal.ticket("case", path)
			}
			places = append(places, c)
		case info.Mode().IsRegular() && !p.folder:
			places = append(places, place{Name: e.Name(), Size: info.Size(), Choose: choose(path)})
		}
	}
	slices.SortStableFunc(places, func(a, b place) int {
		if a.Folder != b.Folder {
			if a.Folder {
				return -1
			}
			return 1
		}
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	data := map[string]any{"Purpose": purpose, "Dir": dir, "Places": places, "More": len(list) > maxPlaces}
	if up := filepath.Dir(dir); up != dir {
		data["Up"] = into(up)
	}
	if p.folder && then != "" {
		data["ChooseThis"] = choose(dir)
		if t, err := host.InspectTarget(dir); err == nil && t.Free >= 0 {
			data["Free"] = t.Free
		}
	}
	s.show(w, r, http.StatusOK, "pick", view{Title: s.words[languageOf(r)].say("pick.title." + purpose)}, data)
}
