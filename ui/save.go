package ui

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"salvor/host"
	"salvor/recovery"
	"salvor/rescue"
)

// savePlace is a place on which files can be saved: a drive, or the home folder.
type savePlace struct {
	Kind      string // home, drive, share, folder
	Dir       string
	Model     string
	Free      int64 // -1 where unknown
	Choose    string
	Chosen    bool
	Removable bool
	Refused   string   // why nothing is saved there, in the language of the page; "" where it is
	Notes     []string // names of words
}

// saveForm says what is chosen and how much it is, offers places, and tells what speaks against the chosen one.
func (s *Server) saveForm(w http.ResponseWriter, r *http.Request) {
	c, k, ok := s.open(w, r)
	if !ok {
		return
	}
	defer c.Close()
	now := s.choice(r, k.Key(), r.URL.Query())
	address := "/case/" + k.Key() + "/save?" + now.Values().Encode()
	target := ""
	if t := r.URL.Query().Get("target"); t != "" {
		if target, ok = s.seal.place("target", t); !ok {
			s.refuse(w, r, http.StatusForbidden, "refused.ticket")
			return
		}
	}
	places := s.savePlaces(r, c, address, target)
	if i := slices.IndexFunc(places, func(p savePlace) bool { return p.Chosen }); i >= 0 {
		target = places[i].Dir
	}
	data := map[string]any{"Key": k.Key(), "Name": k.Name(), "Values": now.Values(), "Places": places, "Target": target, "Ticket": s.seal.ticket("target", target),
		"Suggested": freeName("saved-files", func(name string) bool {
			return s.busySaving(keptSaving{Case: k.Dir, To: filepath.Join(target, name), Query: now.query()})
		}), "Pick": "/pick/target?then=" + url.QueryEscape(address)}
	plan, counting, err := s.planned(r.Context(), c, k, target, now.query())
	var refused *host.RefusedError
	switch {
	case errors.As(err, &refused):
		data["Refused"] = s.refusalOf(r, rescue.Failure(err, ""), nil, address)
	case err != nil:
		s.fail(w, r, err)
		return
	case !counting && plan.Check() != nil:
		data["Short"], data["Space"] = true, plan.Need.Space
	}
	var verdicts []drawerCount
	for _, v := range verdicts6 {
		if n := plan.Need.Verdicts[v]; n.Files > 0 {
			verdicts = append(verdicts, drawerCount{"verdict." + v.String(), n})
		}
	}
	apart := plan.Apart()
	data["Early"] = s.earlyOf(k.Key()) != nil
	data["Plan"], data["Verdicts"], data["Apart"] = &plan, verdicts, apart
	data["Ready"] = err == nil && data["Short"] == nil && plan.Need.Files > 0 && !counting
	v := view{Here: "cases"}
	if data["Counting"] = counting; counting {
		v.Refresh = 2
	}
	s.show(w, r, http.StatusOK, "save", v, data)
}

// savePlaces offers where files can be saved, with the reason where they cannot. Without a chosen one, it is the first drive
// that was plugged in for it, or else the home folder.
func (s *Server) savePlaces(r *http.Request, c *rescue.Case, address, chosen string) []savePlace {
	place := func(kind, dir string) savePlace {
		p := savePlace{Kind: kind, Dir: dir, Free: -1, Choose: address + "&target=" + url.QueryEscape(s.seal.ticket("target", dir)), Chosen: dir == chosen}
		t, err := c.CheckElsewhere(dir)
		p.Free = t.Free
		if err == nil && t.Free == 0 {
			err = t.Check(1)
		}
		if err != nil {
			p.Refused = s.refusalOf(r, rescue.Failure(err, ""), nil, address).Why
		}
		if t.Memory {
			p.Notes = append(p.Notes, "save.note.memory")
		}
		return p
	}
	var out []savePlace
	home, err := os.UserHomeDir()
	if err == nil {
		out = append(out, place("home", home))
	}
	drives, err := host.Drives(r.Context())
	if err != nil {
		s.o.Log.Debug("the drives of this computer", "error", err)
	}
	for _, d := range drives {
		if d.System || d.Point == home {
			continue // the home folder stands for it, where a person may write
		}
		kind := "drive"
		if d.Network {
			kind = "share"
		}
		p := place(kind, d.Point)
		p.Model = d.Model
		if d.Removable {
			p.Removable, p.Notes = true, append(p.Notes, "save.note.removable")
		}
		if d.MaxFileSize > 0 {
			p.Notes = append(p.Notes, "save.note.small")
		}
		out = append(out, p)
	}
	if chosen != "" {
		if !slices.ContainsFunc(out, func(p savePlace) bool { return p.Chosen }) {
			out = append(out, place("folder", chosen))
		}
		return out
	}
	best := slices.IndexFunc(out, func(p savePlace) bool { return p.Removable && p.Refused == "" })
	if best < 0 && len(out) > 0 {
		best = 0
	}
	if best < 0 {
		return append(out, place("folder", os.TempDir()))
	}
	out[best].Chosen = true
	return out
}

// saveStart begins to save. What speaks against the place is said before a byte is written.
func (s *Server) saveStart(w http.ResponseWriter, r *http.Request) {
	k, ok := s.known.get(r.PathValue("key"))
	if !ok {
		s.refuse(w, r, http.StatusNotFound, "refused.case")
		return
	}
	parent, ok := s.seal.place("target", r.PostFormValue("target"))
	if !ok {
		s.refuse(w, r, http.StatusForbidden, "refused.ticket")
		return
	}
	name, ok := folderName(r.PostFormValue("folder"))
	if !ok {
		s.refuse(w, r, http.StatusBadRequest, "refused.name")
		return
	}
	to, q := filepath.Join(parent, name), s.choice(r, k.Key(), r.PostForm).query()
	if err := s.mayBeSaved(r.Context(), k, to, q); err != nil {
		s.fail(w, r, err)
		return
	}
	saving := keptSaving{Case: k.Dir, To: to, Query: q}
	if s.busySaving(saving) {
		s.refuse(w, r, http.StatusConflict, "refused.saving")
		return
	}
	j := s.saveJob(saving)
	http.Redirect(w, r, "/job/"+j.id, http.StatusSeeOther)
}

func (s *Server) mayBeSaved(ctx context.Context, k knownCase, to string, q recovery.Query) error {
	c, err := s.openCase(ctx, k)
	if err != nil {
		return err
	}
	defer c.Close()
	plan, counting, err := s.planned(ctx, c, k, to, q)
	if err != nil || counting { // what it takes is known, and checked, before anything is written
		return err
	}
	return plan.Check()
}
