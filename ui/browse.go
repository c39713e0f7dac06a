package ui

import (
	"context"
	"errors"
	"net/http"
	"path"
	"sync"
	"time"

	"salvor/host"
	"salvor/internal/wire"
	"salvor/rescue"
)

// Bounds of listing what is copied so far: how long files are checked, and how long all of it may take.
const (
	listingChecks = 20 * time.Second
	listingTime   = 10 * time.Minute
)

// listings are the lists of copies that are still being made, by the keys of their cases.
type listings struct {
	mu   sync.Mutex
	list map[string]*rescue.Listing
}

func (l *listings) get(key string) *rescue.Listing {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.list[key]
}

// put takes a list in the place of an earlier one; nil takes that away.
func (l *listings) put(key string, made *rescue.Listing) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.list[key]
	if l.list == nil {
		l.list = map[string]*rescue.Listing{}
	}
	if l.list[key] = made; made == nil {
		delete(l.list, key)
	}
	if old == nil {
		return nil
	}
	return old.Close()
}

// close gives up all lists.
func (l *listings) close() (err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, made := range l.list {
		err = errors.Join(err, made.Close())
	}
	l.list = nil
	return err
}

// early is what a page says that shows files before the copy is made.
type early struct {
	Key, When, Read, Size string
	Files                 int64
	Job                   string // the job that copies; "" when none does now
}

// earlyOf returns what is to be said of the files of a case; nil when they are listed as they should be.
func (s *Server) earlyOf(key string) *early {
	l := s.listings.get(key)
	if key == "" || l == nil {
		return nil
	}
	e := &early{Key: key, When: l.Made.Format("15:04:05"), Read: host.Bytes(l.Read), Size: host.Bytes(l.Size), Files: l.Files}
	if j := s.jobs.of("rescue", key); j != nil {
		e.Job = j.id
	}
	return e
}

// earlyPages are the pages of a case that show files before the copy is made, by the last part of their addresses.
var earlyPages = map[string]bool{"files": true, "file": true, "thumb": true}

// openEarly opens a case with the list of what is copied so far, where there is one and the case has no list of its own
// yet. It returns nil where the case is to be opened as it is.
func (s *Server) openEarly(r *http.Request, k knownCase) (*rescue.Case, error) {
	if !earlyPages[path.Base(r.URL.Path)] {
		return nil, nil
	}
	return s.openListed(r.Context(), k)
}

// openListed is openEarly for any request.
func (s *Server) openListed(ctx context.Context, k knownCase) (*rescue.Case, error) {
	l := s.listings.get(k.Key())
	if l == nil {
		return nil, nil
	}
	c, err := rescue.OpenCase(k.Dir, s.o.Program)
	if err != nil {
		return nil, err
	}
	rows, err := c.Catalog.Layers(ctx)
	if err = errors.Join(err, c.Close()); err != nil {
		return nil, err
	}
	if len(rows) > 0 {
		return nil, s.listings.put(k.Key(), nil)
	}
	return l.Open(s.secrets.of(k.Sources()))
}

// tooEarly reports whether files of a case are to be saved that is only listed early.
func (s *Server) tooEarly(r *http.Request, k knownCase) bool {
	return path.Base(r.URL.Path) == "save" && s.listings.get(k.Key()) != nil && !s.listed(r.Context(), k)
}

// browse shows how far the listing of a copy is, and leads to its files.
func (s *Server) browse(w http.ResponseWriter, r *http.Request) {
	k, ok := s.known.get(r.PathValue("key"))
	if !ok {
		s.refuse(w, r, http.StatusNotFound, "refused.case")
		return
	}
	files := "/case/" + k.Key() + "/files"
	j := s.jobs.of("browse", k.Key())
	if j == nil {
		http.Redirect(w, r, files, http.StatusSeeOther)
		return
	}
	now, _ := j.see()
	v := view{Here: "cases"}
	data := map[string]any{"Key": k.Key(), "Name": k.Name(), "Job": now}
	switch {
	case now.Running:
		v.Refresh = 1
	case now.Result != nil && now.Result.Exit == rescue.ExitDone:
		http.Redirect(w, r, files, http.StatusSeeOther)
		return
	case now.Result != nil:
		data["Refusal"] = s.refusalOf(r, *now.Result, k.Sources(), "/case/"+k.Key()+"/browse")
	}
	if rj := s.jobs.of("rescue", k.Key()); rj != nil {
		data["Copying"] = rj.id
	}
	s.show(w, r, http.StatusOK, "browse", v, data)
}

// browseStart begins to list what is copied so far. The copy goes on meanwhile.
func (s *Server) browseStart(w http.ResponseWriter, r *http.Request) {
	k, ok := s.known.get(r.PathValue("key"))
	if !ok {
		s.refuse(w, r, http.StatusNotFound, "refused.case")
		return
	}
	s.jobs.add(&job{kind: "browse", key: k.Key(), work: func(ctx context.Context, e rescue.Events) (wire.Result, error) {
		// One at a time: a list takes memory, and the copy has the disk to itself but for that.
		select {
		case s.listing <- struct{}{}:
			defer func() { <-s.listing }()
		case <-ctx.Done():
			return wire.Result{}, ctx.Err()
		}
		ctx, cancel := context.WithTimeout(ctx, listingTime)
		defer cancel()
		e.Progress(wire.NewProgress("search", 0, 0, "files"))
		l, err := rescue.MakeListing(ctx, k.Dir, s.o.Program, s.secrets.of(k.Sources()), listingChecks)
		if err != nil {
			return wire.Result{}, err
		}
		if err := s.listings.put(k.Key(), l); err != nil {
			return wire.Result{}, err
		}
		if l == nil && !s.listed(ctx, k) {
			r := wire.NewResult(rescue.ExitReserved, "nothing was written down of the copy yet", "the copy goes on", "wait a little, and try again")
			r.Code = "browse.nothing"
			return r, nil
		}
		return wire.NewResult(rescue.ExitDone, "what is copied so far was listed", "the copy goes on", "look at the files"), nil
	}})
	http.Redirect(w, r, "/case/"+k.Key()+"/browse", http.StatusSeeOther)
}

// listed reports whether a case has a list of files of its own.
func (s *Server) listed(ctx context.Context, k knownCase) bool {
	c, err := rescue.OpenCase(k.Dir, s.o.Program)
	if err != nil {
		return false
	}
	defer c.Close()
	rows, err := c.Catalog.Layers(ctx)
	return err == nil && len(rows) > 0
}
