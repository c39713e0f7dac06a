package ui

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"salvor/host"
	"salvor/internal/wire"
	"salvor/rescue"
)

// Disks that only an administrator may read. A page asks before anything is begun on them; the password goes to the system's
// own program, never through a page.

// rightsFirst leads to the page that asks for rights when one of the sources needs them, and reports whether it did. From
// there it goes on to then, an address of this server.
func (s *Server) rightsFirst(w http.ResponseWriter, r *http.Request, then string, paths ...string) bool {
	if !slices.ContainsFunc(paths, s.rights.Needs) {
		return false
	}
	q := url.Values{"source": s.sourceTickets(paths), "then": {then}}
	http.Redirect(w, r, "/elevate?"+q.Encode(), http.StatusSeeOther)
	return true
}

// elevate shows that a disk needs an administrator, that someone is asked, or why the rights were not given.
func (s *Server) elevate(w http.ResponseWriter, r *http.Request) {
	paths, ok := s.sources(r)
	if !ok {
		s.refuse(w, r, http.StatusForbidden, "refused.ticket")
		return
	}
	then := local(r.FormValue("then"))
	needing := slices.DeleteFunc(slices.Clone(paths), func(p string) bool { return !s.rights.Needs(p) })
	if len(needing) == 0 {
		http.Redirect(w, r, then, http.StatusSeeOther)
		return
	}
	way := s.rights.Way()
	data := map[string]any{"Disks": namesOf(r.Context(), needing), "Tickets": s.sourceTickets(paths), "Then": then, "Way": string(way), "Commands": commandsFor(paths)}
	v := view{Here: "start"}
	for _, p := range needing {
		if err := host.CheckSafe(p); err != nil { // it is said before a password is given for nothing
			data["Held"] = s.refusalOf(r, rescue.Failure(err, ""), paths, then)
			break
		}
	}
	if j := s.jobs.of("elevate", elevationKey(paths)); j != nil && data["Held"] == nil {
		now, _ := j.see()
		switch {
		case now.Running:
			data["Asking"], v.Refresh = now.ID, 1
		case now.Result != nil && now.Result.Code != "":
			data["Failed"] = s.refusalOf(r, *now.Result, paths, then)
		}
	}
	s.show(w, r, http.StatusOK, "elevate", v, data)
}

// needingDisk is a disk as a person knows it, and where it is.
type needingDisk struct{ Name, Path string }

func namesOf(ctx context.Context, paths []string) []needingDisk {
	var out []needingDisk
	for _, p := range paths {
		d := needingDisk{Name: filepath.Base(p), Path: p}
		if disk, ok := host.DiskOf(ctx, p); ok && disk.Model != "" {
			d.Name = disk.Model + ", " + host.Bytes(disk.Size)
		}
		out = append(out, d)
	}
	return out
}

// elevateAsk lets the system ask.
func (s *Server) elevateAsk(w http.ResponseWriter, r *http.Request) {
	paths, ok := s.sources(r)
	if !ok {
		s.refuse(w, r, http.StatusForbidden, "refused.ticket")
		return
	}
	s.jobs.add(&job{kind: "elevate", key: elevationKey(paths), work: func(ctx context.Context, _ rescue.Events) (wire.Result, error) {
		for _, p := range paths {
			if !s.rights.Needs(p) {
				continue
			}
			if err := s.rights.Acquire(ctx, p); err != nil {
				return wire.Result{}, err
			}
		}
		return wire.NewResult(rescue.ExitDone, "the rights were given", "nothing was changed", ""), nil
	}})
	q := url.Values{"source": s.sourceTickets(paths), "then": {local(r.PostFormValue("then"))}}
	http.Redirect(w, r, "/elevate?"+q.Encode(), http.StatusSeeOther)
}

// rightsOfJob is rightsFirst for a job that is to go on.
func (s *Server) rightsOfJob(w http.ResponseWriter, r *http.Request) bool {
	j := s.jobs.get(r.PathValue("id"))
	if j == nil || j.kind != "rescue" {
		return false
	}
	k, ok := s.known.get(j.key)
	return ok && s.rightsFirst(w, r, "/job/"+j.id, k.Sources()...)
}

func elevationKey(paths []string) string { return strings.Join(paths, "\x00") }

// commandsFor are what a person types in a terminal when nothing else gives the rights: the copy, and that its folder
// belongs to who goes on with it here.
func commandsFor(paths []string) []string {
	dir, err := os.UserHomeDir()
	if err != nil {
		dir = os.TempDir()
	}
	dir = filepath.Join(dir, "rescued-"+time.Now().Format("2006-01-02-1504"))
	verb := "copy"
	if len(paths) > 1 { // which belong together
		verb = "rescue"
	}
	return []string{host.AdministratorCommand(slices.Concat([]string{verb}, paths, []string{"--to", dir})...), host.OwnCommand(dir)}
}
