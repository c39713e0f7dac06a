package ui

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"salvor/internal/wire"
	"salvor/recovery"
	"salvor/rescue"
)

// saveForm says what is chosen and how much it is, and asks where to.
func (s *Server) saveForm(w http.ResponseWriter, r *http.Request) {
	c, k, ok := s.open(w, r)
	if !ok {
		return
	}
	defer c.Close()
	now := s.choice(r, k.Key(), r.URL.Query())
	address := "/case/" + k.Key() + "/save?" + now.Values().Encode()
	parent, err := os.UserHomeDir()
	if err != nil {
		parent = os.TempDir()
	}
	if t := r.URL.Query().Get("target"); t != "" {
		if parent, ok = s.seal.place("target", t); !ok {
			s.refuse(w, r, http.StatusForbidden, "refused.ticket")
			return
		}
	}
	q := now.query()
	if err := c.Elsewhere(r.Context(), &q); err != nil {
		s.fail(w, r, err)
		return
	}
	data := map[string]any{"Key": k.Key(), "Name": k.Name(), "Choice": now, "Values": now.Values(), "Parent": parent, "Ticket": s.seal.ticket("target", parent), "Then": address,
		"Suggested": "saved-files", "Pick": "/pick/target?then=" + url.QueryEscape(address)}
	target, err := c.CheckElsewhere(parent)
	if err != nil {
		data["Refused"] = err.Error()
	}
	need, space, err := recovery.Needed(r.Context(), c.Catalog, q, rescue.Limits(target))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	data["Files"], data["Bytes"], data["Free"], data["Short"] = need.Files, need.Bytes, target.Free, target.Free >= 0 && target.Free < space
	s.show(w, r, http.StatusOK, "save", view{Here: "cases"}, data)
}

// saveStart begins to save.
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
	now := s.choice(r, k.Key(), r.PostForm)
	to := filepath.Join(parent, name)
	c, err := rescue.OpenCase(k.Dir, s.o.Program)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	_, err = c.CheckElsewhere(to)
	c.Close()
	if err != nil {
		s.fail(w, r, err)
		return
	}
	j := s.jobs.add(&job{kind: "save", key: k.Key(), to: to, work: func(ctx context.Context, e rescue.Events) (r wire.Result, err error) {
		c, err := rescue.OpenCase(k.Dir, s.o.Program)
		if err != nil {
			return r, err
		}
		defer c.Close()
		saving, err := c.SaveElsewhere(ctx, to, now.query(), e)
		return saving.Result, err
	}})
	http.Redirect(w, r, "/job/"+j.id, http.StatusSeeOther)
}
